"""What stands around a drawing: key figures, shares of the parameters, modules apart, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from llmcmp import __version__, units
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.ops import Part
from llmcmp.plots.architecture.cards import summary
from llmcmp.plots.architecture.scene import Box, Line, Share
from llmcmp.tables.compare import card_facts, size_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.card import Source
    from llmcmp.components.base import Component
    from llmcmp.dims import Dim
    from llmcmp.model import Model

UNKNOWN = "unknown"  # what a card says where nothing is known
LEAST = 0.0001  # of the parameters: smaller shares are not told apart
CONTEXT = 4096  # tokens at which caches are stated, unless the model's window is shorter


def subtitle(model: Model) -> str:
    """Who published it, when, and of what class it is; a config file says only the last."""
    told = (model.card.organization, model.card.released, card_facts(model)["class"])
    return " · ".join(text for text in told if text != UNKNOWN)


def figures(model: Model) -> Iterator[tuple[str, str]]:
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
        yield _bytes(first.bytes_per_token), "cache a token, bf16"
    if first.bytes:
        yield _bytes(first.bytes), "state of fixed size"
    yield _bytes(cache.bytes), f"cache at {units.show_tokens(context)} tokens"


def _bytes(amount: Dim) -> str:
    """A size at one context, which is one number."""
    return units.show_bytes(cast("int", amount))


def apart(model: Model, opened: dict[Component, str]) -> Iterator[Box]:
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
        lines = (Line(text=title, size="title"), Line(text=" · ".join(parts)))
        yield Box(look="card", lines=lines, part="projection", address=f"apart.{name}")


def shares(model: Model) -> tuple[Share, ...]:
    """The components' shares of the total, in one order everywhere."""
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


def _source(source: Source) -> str:
    """Where a number was read; a file at hand has no date."""
    place = source.what if source.url in source.what else f"{source.what}, {source.url}"
    return f"{place} ({source.date})" if source.date else place


def small_print(model: Model) -> Iterator[str]:
    """Sources, overrides, and what computed the numbers."""
    sources = "; ".join(map(_source, model.card.sources))
    yield f"Sources: {sources}"
    if model.card.overrides:
        yield f"Changed from the published model: {', '.join(model.card.overrides)}"
    yield f"llmcmp {__version__}: every number is computed from the architecture; sizes of maps read inputs → outputs."
