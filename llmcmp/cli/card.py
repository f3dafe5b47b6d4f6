"""A model on the terminal: card, drawn block, layer table, parameter tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table as RichTable
from rich.text import Text
from rich.tree import Tree

from llmcmp import units
from llmcmp.folds.params import params, stored
from llmcmp.model import walk
from llmcmp.tables.compare import size_facts, structure_facts
from llmcmp.tables.describe import architecture_class
from llmcmp.tables.diagram import diagram, layer_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from llmcmp.model import Model


def model_view(model: Model) -> Iterator[RenderableType]:
    """Everything about one model, piece by piece."""
    card = model.card
    yield Text.assemble((model.name, "bold"), f"  {card.organization}, {card.released}")
    yield _card(model)
    if model.disclosed:
        yield Text("\n".join(diagram(model)), no_wrap=True, overflow="ignore")
        yield _layers(model)
        yield _tree(model)
    yield Text("Sources", style="bold")
    for source in card.sources:
        yield Text.assemble(f"  {source.what} ({source.date})\n", (f"  {source.url}", "dim"))


def _card(model: Model) -> RichTable:
    table = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _card_lines(model):
        table.add_row(label, Text(text))
    return table


def _card_lines(model: Model) -> Iterator[tuple[str, str]]:
    card = model.card
    yield "class", architecture_class(model)
    if card.context is not None:
        limit = f" (config allows {units.show_tokens(card.position_limit)})" if card.position_limit else ""
        yield "context", units.show_tokens(card.context) + limit
    for label, named in (("tasks", card.tasks), ("languages", card.languages)):
        if named:  # a config.json says neither
            yield label, ", ".join(named)
    yield "changed", card.changed
    yield from _sizes(model)
    for note in card.notes:
        yield "note", note


def _sizes(model: Model) -> Iterator[tuple[str, str]]:
    if not model.disclosed:
        yield "parameters", "undisclosed"
        for estimate in model.card.estimates:
            active = f", {estimate.active} active" if estimate.active else ""
            yield "estimate", f"~{estimate.parameters}{active}: {estimate.what} ({estimate.url})"
        return
    totals, facts, published = size_facts(model), structure_facts(model), model.card.published
    yield "position", facts["position"]
    yield "norm", facts["norm"]
    yield "attention", f"{facts['attention']}; {facts['attention_details']}"
    yield "feed-forward", f"{facts['activation']}, {facts['feed_forward']}"
    yield "parameters", f"{totals['parameters']:,} ({units.show_count(totals['parameters'])})"
    if totals["active_parameters"] != totals["parameters"]:
        yield "active", f"{totals['active_parameters']:,} ({units.show_count(totals['active_parameters'])})"
    if published is not None and published.parameters is not None:
        active = f", {published.active} active" if published.active else ""
        yield "published", published.parameters + active


def _layers(model: Model) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, title="Layers", title_justify="left", title_style="bold", pad_edge=False)
    for heading, right in (("Layers", False), ("Sub-layers", False), ("Parameters each", True), ("Together", True)):
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    sizes = iter(_layer_sizes(model))
    for tower in model.towers:
        each = next(sizes)
        for layers in tower.layers():
            side = f"{tower.side} " if len(model.towers) > 1 else ""
            mixers = " · ".join(mixer.label for _, mixer in layers.block.mixers())
            together = sum(each[number] for number in layers.numbers)
            table.add_row(
                Text(side + layer_range(layers.numbers)),
                Text(mixers),
                units.show_count(each[layers.numbers[0]]),
                units.show_count(together),
            )
    around = dict.fromkeys(name.replace("_", " ") for tower in model.towers for name, _ in (*tower.entry, *tower.exit))
    table.add_row("outside", Text(", ".join(around)), "", units.show_count(params(model).outside))
    return table


def _layer_sizes(model: Model) -> Iterator[tuple[int, ...]]:
    sizes = params(model).layers
    for tower in model.towers:
        yield sizes[: tower.depth]
        sizes = sizes[tower.depth :]


def _tree(model: Model) -> Tree:
    """Tensors under their components, with shapes."""
    total = params(model).total
    tree = Tree(Text(f"Parameters {total:,}", style="bold"), guide_style="dim")
    branches: dict[str, Tree] = {}
    for use, weight in stored(walk(model)):
        times = f" × {use.copies}" if use.copies > 1 else ""
        key = f"{use.path} {use.layers}"
        if key not in branches:
            where = f"  layers {layer_range(use.layers)}" if use.layers else ""
            branches[key] = tree.add(Text.assemble((use.path, "cyan"), (where, "dim")))
        shape = " × ".join(f"{size:,}" for _, size in weight.axes)
        size = units.show_count(weight.elements * use.copies)
        buffer = "  buffer, not in the total" if weight.buffer else ""
        branches[key].add(Text.assemble(weight.name, "  ", (f"{shape}{times}", "dim"), f"  {size}{buffer}"))
    return tree
