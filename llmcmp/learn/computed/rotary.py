"""Positions in numbers: wavelengths of rotary pairs, what a scaling does to them, slopes of ALiBi.

A pair of elements turns once in λ = 2π · base^(2i/d) tokens (RoFormer, arXiv 2104.09864, 3.2.2).
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

from llmcmp.components.attention import Attention
from llmcmp.components.latent import LatentAttention
from llmcmp.components.positions import Alibi, Rotary, slopes
from llmcmp.frozen import frozen
from llmcmp.learn.example import MODEL, computed_table, under
from llmcmp.model import walk
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

# Turns within the trained length beyond which a frequency stays, and below which it is divided, where a config does
# not say: YaRN for LLaMA (arXiv 2309.00071, 3.4), and Llama 3.1's factors in its reference code.
TURNS = {"yarn": (32.0, 1.0), "llama3": (4.0, 1.0)}


@frozen
class _Rotation:
    """A rotary position as it acts in `layers` layers: on `width` elements of a head, of each axis."""

    rotary: Rotary
    width: int
    layers: int

    def wavelengths(self) -> list[float]:
        """Tokens in which each pair turns once, unscaled."""
        return [2 * pi * self.rotary.theta ** (2 * i / self.width) for i in range(self.width // 2)]


def _rotations(model: Model) -> list[_Rotation]:
    """Each distinct rotation of the model with its number of layers."""
    layers: dict[tuple[Rotary, int], int] = {}
    for use in walk(model):
        match use.component:
            case Attention(position=Rotary() as rotary, head_dim=size):
                key = rotary, rotary.rotated(size) // rotary.axes
            case LatentAttention(position=Rotary() as rotary, rope_dim=size):
                key = rotary, rotary.rotated(size) // rotary.axes
            case _:
                continue
        layers[key] = layers.get(key, 0) + use.times
    return [_Rotation(rotary=rotary, width=width, layers=times) for (rotary, width), times in layers.items()]


LAYERS = Column(key="layers", label="Layers", unit="number")
BASE = Column(key="base", label="Base", unit="number")
CONTEXT_WINDOW = Column(key="context", label="Context", unit="tokens")
PAIRS = Column(key="pairs", label="Pairs", unit="number")


def wavelengths(term: Term, models: Sequence[Model]) -> Table:
    """The shortest and longest wavelength, and how many pairs do not turn once in the context."""
    columns = (
        MODEL,
        LAYERS,
        BASE,
        PAIRS,
        Column(key="shortest_tokens", label="Shortest", unit="number", machine=True),
        Column(key="longest_tokens", label="Longest", unit="number"),
        CONTEXT_WINDOW,
        Column(key="slow_pairs", label="No full turn", unit="number"),
    )
    rows = [_wavelength_row(model, each) for model in models for each in _rotations(model)]
    return computed_table(term, models, columns, rows, "wavelengths of rotary pairs, in tokens, without scaling")


def _wavelength_row(model: Model, each: _Rotation) -> Row:
    lengths, context = each.wavelengths(), model.card.context or 0
    return {
        "model": model.name,
        "layers": each.layers,
        "base": int(each.rotary.theta),
        "pairs": len(lengths),
        "shortest_tokens": round(lengths[0]),
        "longest_tokens": round(lengths[-1]),
        "context": context or None,
        "slow_pairs": sum(length > context for length in lengths) if context else None,
    }


def rotations(term: Term, models: Sequence[Model]) -> Table:
    """Which pairs a scaling leaves, blends and divides, by their turns within the trained length."""
    columns = (
        MODEL,
        Column(key="scaling", label="Scaling", machine=True),
        Column(key="factor", label="Factor", unit="number"),
        Column(key="original", label="Trained", unit="tokens"),
        PAIRS,
        Column(key="kept_pairs", label="Kept", unit="number"),
        Column(key="blended_pairs", label="Blended", unit="number"),
        Column(key="divided_pairs", label="Divided", unit="number"),
    )
    rows = [_scaled_row(model, each) for model in models for each in _rotations(model) if each.rotary.scaling]
    notes = ("by turns within the trained length; a release that rounds its bounds to whole pairs may differ by one",)
    return computed_table(term, models, columns, rows, "what the scaling does to rotary pairs", notes)


def _scaled_row(model: Model, each: _Rotation) -> Row:
    scaling = each.rotary.scaling
    assert scaling is not None
    row: Row = {"model": model.name, "scaling": scaling.kind, "pairs": each.width // 2}
    row |= {"factor": scaling.factor, "original": scaling.original}
    if scaling.kind == "linear":
        return row | {"kept_pairs": 0, "blended_pairs": 0, "divided_pairs": each.width // 2}
    if scaling.kind not in TURNS or scaling.original is None:
        return row  # factors of its own for every pair, which are no part of an architecture
    fast, slow = scaling.fast or TURNS[scaling.kind][0], scaling.slow or TURNS[scaling.kind][1]
    turns = [scaling.original / length for length in each.wavelengths()]
    kept, divided = sum(turn > fast for turn in turns), sum(turn < slow for turn in turns)
    return row | {"kept_pairs": kept, "blended_pairs": len(turns) - kept - divided, "divided_pairs": divided}


def raised_base(term: Term, models: Sequence[Model]) -> Table:
    """The base that stretches the slowest pair by a factor: base · s^(d / (d − 2)) (arXiv 2309.00071, 3.1)."""
    columns = (
        MODEL,
        Column(key="factor", label="Factor", unit="number", machine=True),
        BASE,
        Column(key="raised_base", label="Raised base", unit="number"),
        Column(key="shortest_tokens", label="Shortest", unit="number"),
        Column(key="longest_tokens", label="Longest", unit="number"),
    )
    rows = [row for model in models for each in _rotations(model) for row in _raised_rows(model, each)]
    return computed_table(term, models, columns, rows, "wavelengths in tokens after the base is raised")


def _raised_rows(model: Model, each: _Rotation) -> Iterator[Row]:
    from llmcmp.frozen import replace

    for factor in (1, 2, 4, 8):
        raised = each.rotary.theta * factor ** (each.width / (each.width - 2))
        lengths = replace(each, rotary=replace(each.rotary, theta=raised)).wavelengths()
        yield {
            "model": model.name,
            "model_shown": model.name if factor == 1 else under(f"{factor} × as long"),
            "factor": factor,
            "base": int(each.rotary.theta),
            "raised_base": round(raised),
            "shortest_tokens": round(lengths[0]),
            "longest_tokens": round(lengths[-1]),
        }


def alibi_slopes(term: Term, models: Sequence[Model]) -> Table:
    """The steepest and flattest slope, and what they subtract at the far end of the context."""
    columns = (
        MODEL,
        Column(key="heads", label="Heads", unit="number"),
        Column(key="steepest", label="Steepest", unit="number"),
        Column(key="flattest", label="Flattest", unit="number"),
        CONTEXT_WINDOW,
        Column(key="flattest_bias", label="At the far end", unit="intensity"),
    )
    rows = [row for model in models for row in _slope_rows(model)]
    return computed_table(term, models, columns, rows, "slopes of the heads, and the bias that they add up to")


def _slope_rows(model: Model) -> Iterator[Row]:
    for use in walk(model):
        if isinstance(use.component, Attention) and isinstance(use.component.position, Alibi):
            found, context = slopes(use.component.heads), model.card.context
            yield {
                "model": model.name,
                "heads": use.component.heads,
                "steepest": max(found),
                "steepest_shown": f"{max(found):.3g}",
                "flattest": min(found),
                "flattest_shown": f"{min(found):.3g}",
                "context": context,
                "flattest_bias": None if context is None else -min(found) * (context - 1),
            }
