"""From a Model to its Scene: towers to columns, distinct blocks to frames, steps to stages.

Placement of norms is drawn where it is computed: pre, sandwich and output norms on the branch, post and deep norms on
the main line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from llmcmp import __version__, units
from llmcmp.components.embeddings import TokenTypes
from llmcmp.components.heads import AdaptiveHead, LanguageHead, Pooler
from llmcmp.components.positions import NO_POSITION, LearnedPositions, RelativeBias, Sinusoidal
from llmcmp.errors import UndisclosedError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.frozen import replace
from llmcmp.ops import Part
from llmcmp.plots.architecture.cards import simple, sublayer, summary
from llmcmp.plots.architecture.scene import Box, Column, Entry, Frame, Line, Scene, Share, Stage
from llmcmp.tables.compare import card_facts, size_facts
from llmcmp.tables.describe import PLACEMENTS
from llmcmp.tables.diagram import layer_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.base import Component
    from llmcmp.model import Block, Layers, Model, Step, Tower

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEAST = 0.0001  # of the parameters: smaller shares are not told apart
LONG = 20  # characters of a range of layers that do not fit beside their number
CONTEXT = 4096  # tokens at which caches are stated, unless the model's window is shorter


def compose(model: Model) -> Scene:
    """The drawing of a model. Raises UndisclosedError."""
    if not model.disclosed:
        raise UndisclosedError(
            f"{model.name}: its architecture is undisclosed, so it cannot be drawn; what is known: "
            f"llmcmp show {model.name}"
        )
    sizes = iter(_layer_sizes(model))
    columns: list[Column] = []
    letters = iter(LETTERS)
    everywhere: dict[Component, str] = {}
    for tower in model.towers:
        opened: dict[Component, str] = {}
        columns.append(_column(model, tower, next(sizes), letters, opened))
        if len(columns) > 1:
            columns[-1] = _sharing(columns[-1])
        everywhere |= opened if len(columns[-1].frames) > 1 else {}
    return Scene(
        title=model.name,
        subtitle=_subtitle(model),
        figures=tuple(_figures(model)),
        columns=tuple(columns),
        apart=tuple(_apart(model, everywhere)),
        shares=_shares(model),
        print=tuple(_print(model)),
    )


def _layer_sizes(model: Model) -> Iterator[tuple[int, ...]]:
    """Parameters of each layer, tower by tower."""
    sizes = params(model).layers
    for tower in model.towers:
        yield sizes[: tower.depth]
        sizes = sizes[tower.depth :]


# The tower


def _column(
    model: Model, tower: Tower, sizes: tuple[int, ...], letters: Iterator[str], opened: dict[Component, str]
) -> Column:
    frames = tuple(
        _frame(tower, number, layers, next(letters), sizes, opened) for number, layers in enumerate(tower.layers())
    )
    heads = [component for _, component in tower.exit]
    alone = len(model.towers) == 1
    return Column(
        reads="tokens" if alone else {"encoder": "tokens of the source", "decoder": "tokens so far"}[tower.side],
        entry=tuple(_entries(tower)),
        frames=frames,
        exit=tuple(simple(name, component, f"{tower.side}.{name}") for name, component in tower.exit),
        gives=_gives(heads, alone=alone),
        tied=any(isinstance(head, LanguageHead) and head.tied for head in heads),
    )


def _sharing(column: Column) -> Column:
    """A second tower, which looks its tokens up in the first one's table."""
    first, *others = column.entry
    lines = (*first.main.lines, Line(text="the encoder's table", size="small"))
    return replace(column, entry=(replace(first, main=replace(first.main, lines=lines)), *others))


def _gives(heads: list[Component], *, alone: bool) -> str:
    if any(isinstance(head, LanguageHead | AdaptiveHead) for head in heads):
        return "logits"
    if any(isinstance(head, Pooler) for head in heads):
        return "hidden states, pooled vector"
    return "hidden states" if alone else "encoded source"


def _entries(tower: Tower) -> Iterator[Entry]:
    """What is added to the vectors stands beside them; what acts in every layer too."""
    main: Box | None = None
    summed: list[Box] = []
    beside: list[Box] = []
    for name, component in tower.entry:
        box = simple(name, component, f"{tower.side}.{name}")
        match component:
            case LearnedPositions() | TokenTypes() | Sinusoidal():
                summed.append(box)
            case RelativeBias():
                beside.append(box)
            case _:
                if main is not None:
                    yield Entry(main=main, summed=tuple(summed), beside=tuple(beside))
                main, summed, beside = box, [], []
    assert main is not None
    yield Entry(main=main, summed=tuple(summed), beside=tuple(beside))


# The block


def _frame(
    tower: Tower, number: int, layers: Layers, letter: str, sizes: tuple[int, ...], opened: dict[Component, str]
) -> Frame:
    address = f"{tower.side}.{number}"
    signal = _signal(tower)
    stages = tuple(_stage(step, layers.block, address, opened, signal) for step in layers.block.steps)
    for _, mixer in layers.block.mixers():
        opened.setdefault(mixer, letter)
    return Frame(
        letter=letter,
        lines=tuple(_frame_lines(layers, sizes)),
        stages=stages,
        numbers=layers.numbers,
        address=address,
    )


def _signal(tower: Tower) -> str:
    """What the tower's positions do to scores: nothing, where they are added to the vectors before."""
    components = [component for _, component in tower.entry]
    if any(isinstance(component, RelativeBias) for component in components):
        return "+ relative bias"
    added = any(isinstance(component, LearnedPositions | Sinusoidal) for component in components)
    return "" if added else NO_POSITION.label


def _frame_lines(layers: Layers, sizes: tuple[int, ...]) -> Iterator[Line]:
    many = len(layers.numbers) > 1
    where = f"layers {layer_range(layers.numbers)}" if many else f"layer {layers.numbers[0]}"
    if len(where) > LONG:
        yield Line(text=f"{len(layers.numbers)} ×", fields=("layers",), size="title")
        yield Line(text=where, fields=("layers",), size="small")
    else:
        yield Line(text=f"{len(layers.numbers)} × {where}", fields=("layers",), size="title")
    size = units.show_count(sizes[layers.numbers[0]])
    shared = f"{size} in all: one set of weights" if layers.shared else f"{size} each"
    yield Line(text=shared, fields=("shared",), size="small")
    yield Line(text=_arrangement(layers.block), fields=("placement", "steps"), size="small")


def _arrangement(block: Block) -> str:
    """Where norms stand, and whether branches run in parallel."""
    parallel = any(len(step.branches) > 1 for step in block.steps)
    placed = {"output": "norms after sub-layers", "deep": "DeepNorm"}
    where = placed.get(block.placement, f"{PLACEMENTS[block.placement]}-norm")
    return f"{where}, parallel" if parallel else where


def _stage(step: Step, block: Block, address: str, opened: dict[Component, str], signal: str) -> Stage:
    branches: list[tuple[Box, ...]] = []
    lead: list[Box] = []
    trail: list[Box] = []
    for branch in step.branches:
        column: list[Box] = []
        if branch.before is not None:
            before = simple("norm", branch.before, f"{address}.{branch.name}_norm")
            (lead if block.placement == "deep" else column).append(before)
        known = opened.get(branch.mixer)
        column.append(sublayer(branch.name, branch.mixer, f"{address}.{branch.name}", known, signal))
        if branch.after is not None:
            after = simple("norm", branch.after, f"{address}.{branch.name}_output_norm")
            (trail if block.placement == "post" else column).append(after)
        branches.append(tuple(column))
    shared = () if step.shared_norm is None else (simple("norm", step.shared_norm, f"{address}.norm"),)
    scale = "× α" if block.placement == "deep" else ""
    return Stage(branches=tuple(branches), lead=tuple(lead), shared=shared, trail=tuple(trail), scale=scale)


# Around the drawing


def _subtitle(model: Model) -> str:
    card, facts = model.card, card_facts(model)
    return f"{card.organization} · {card.released} · {facts['class']}"


def _figures(model: Model) -> Iterator[tuple[str, str]]:
    """(value, what it is) of totals, context and cache."""
    totals = size_facts(model)
    yield units.show_count(totals["parameters"]), "parameters"
    if totals["active_parameters"] != totals["parameters"]:
        yield units.show_count(totals["active_parameters"]), "active a token"
    if model.card.context is not None:
        yield units.show_tokens(model.card.context), "context"
    context = min(CONTEXT, model.card.context or CONTEXT)
    cache = kvcache(model, context)
    if not any(cache.components.values()):
        yield "no cache", "nothing is kept between tokens"
        return
    first = kvcache(model, 0)
    if first.bytes_per_token:
        yield units.show_bytes(first.bytes_per_token), "cache a token, bf16"
    if first.bytes:
        yield units.show_bytes(first.bytes), "state of fixed size"
    yield units.show_bytes(cache.bytes), f"cache at {units.show_tokens(context)} tokens"


def _apart(model: Model, opened: dict[Component, str]) -> Iterator[Box]:
    """A box for each module that is listed beside the model, with what is in it."""
    sizes = params(model).apart
    for name, tower in model.apart:
        parts = [summary(component) for _, component in tower.entry]
        for layers in tower.layers():
            parts += [
                mixer.label + (f" as in {opened[mixer]}" if mixer in opened else "")
                for _, mixer in layers.block.mixers()
            ]
        parts += [summary(component) for _, component in tower.exit]
        title = f"{name[:1].upper() + name[1:]}: {units.show_count(sizes[name])}, in no total"
        lines = (Line(text=title, size="title"), Line(text=" → ".join(parts)))
        yield Box(look="card", lines=lines, part="projection", address=f"apart.{name}")


def _shares(model: Model) -> tuple[Share, ...]:
    sizes = params(model)
    found = [(part, sizes.components[part]) for part in get_args(Part) if sizes.components.get(part)]
    return tuple(
        Share(
            part=part,
            label=f"{part[:1].upper() + part[1:]} {units.show_count(size)}, {_percent(size / sizes.total)}",
            share=size / sizes.total,
        )
        for part, size in found
    )


def _percent(share: float) -> str:
    """A share of parameters; the smallest are not said to be none."""
    return units.show_percent(share) if share >= LEAST else f"< {units.show_percent(LEAST)}"


def _print(model: Model) -> Iterator[str]:
    sources = "; ".join(f"{source.what}, {source.url} ({source.date})" for source in model.card.sources)
    yield f"Sources: {sources}"
    if model.card.overrides:
        yield f"Changed from the published model: {', '.join(model.card.overrides)}"
    yield f"llmcmp {__version__}: every number is computed from the architecture; sizes of maps read inputs → outputs."
