"""Models to figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.differences import differences
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.marks import left, marked, right
from llmcmp.plots.architecture.page import page
from llmcmp.plots.architecture.paint import paint
from llmcmp.plots.architecture.spread import spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from llmcmp.model import Model
    from llmcmp.plots.architecture.placed import Placed


def architecture(model: Model) -> Figure:
    """One model drawn: its towers, each distinct block opened, sizes, cache, and where its weights are.

    Raises UndisclosedError where its structure is not public.
    """
    return paint(page(compose(model)))


def difference(one: Model, other: Model) -> Figure:
    """Two models drawn side by side, what differs between their components marked, and a legend of the marks.

    Raises UndisclosedError where the structure of one is not public.
    """
    return paint(spread_of(one, other))


def spread_of(one: Model, other: Model) -> Placed:
    """Two models on one page, laid out. Raises UndisclosedError."""
    scenes = compose(one), compose(other)
    found = differences(one, other)
    return spread(marked(scenes[0], left(found)), marked(scenes[1], right(found)), equal=not found)
