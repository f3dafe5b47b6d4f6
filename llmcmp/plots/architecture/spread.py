"""Two pages side by side, and above them a legend of the marks on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.plots.architecture.measure import LEADING, width
from llmcmp.plots.architecture.page import EDGE, page
from llmcmp.plots.architecture.place import MARK, SIZES
from llmcmp.plots.architecture.placed import Placed, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.plots.architecture.scene import Mark, Scene

SAMPLE = 24.0  # width of a sample in the legend
BETWEEN = 20.0
HIGH = SIZES["normal"] * LEADING + 4
# (mark of a box, what it means); the first is that of a line of text.
MEANINGS: tuple[tuple[Mark, str], ...] = (
    ("differs", "thick edge: a field of it differs"),
    ("alone", "double edge: only this model has it"),
)
LINE = "bold, with a diamond: differs"
FOLLOWING = "what all parts share (width, vocabulary, epsilon) is marked once"


def spread(one: Scene, other: Scene, *, equal: bool) -> Placed:
    """Both scenes, laid out on one page; `equal`: there is nothing to mark."""
    legend = _legend(equal)
    top = EDGE + HIGH
    first = page(one, 0.0, top)
    second = page(other, first.width + BETWEEN, top)
    wide = max(second.right, max(part.right for part in legend) + EDGE)
    high = max(first.bottom, second.bottom)
    return Placed(shape="page", x=0, y=0, width=wide, height=high, children=(*legend, first, second))


def _legend(equal: bool) -> Sequence[Placed]:
    """Samples of the marks, each with its meaning."""
    if equal:
        return (_words("No component differs.", EDGE, bold=False),)
    parts = [_words(f"{MARK}{LINE}", EDGE, bold=True)]
    for mark, meaning in MEANINGS:
        x = parts[-1].right + BETWEEN
        parts.append(Placed(shape="part", x=x, y=EDGE, width=SAMPLE, height=HIGH, mark=mark))
        parts.append(_words(meaning, x + SAMPLE + 6, bold=False))
    parts.append(_words(FOLLOWING, parts[-1].right + BETWEEN, bold=False))
    return parts


def _words(text: str, x: float, *, bold: bool) -> Placed:
    size = SIZES["normal"]
    written = Text(text=text, x=x, y=EDGE + HIGH / 2, size=size, bold=bold, marked=bold, align="left")
    return Placed(shape="bare", x=x, y=EDGE, width=width(text, size, bold), height=HIGH, texts=(written,))
