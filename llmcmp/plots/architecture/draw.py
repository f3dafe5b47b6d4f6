"""Models to figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.page import page
from llmcmp.plots.architecture.paint import paint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from llmcmp.model import Model


def architecture(model: Model) -> Figure:
    """One model drawn: its towers, each distinct block opened, sizes, cache, and where its weights are.

    Raises UndisclosedError where its structure is not public.
    """
    return paint(page(compose(model)))
