"""One look for every figure: colour-blind safe colours (Okabe and Ito), plain axes, no global state."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's eight, then five that differ from them in lightness.
COLOURS = (
    *("#0072B2", "#E69F00", "#999999", "#009E73", "#56B4E9", "#CC79A7", "#000000", "#7B4FA3", "#D55E00", "#8C6D46"),
    *("#B5BD00", "#882255", "#F0E442"),
)
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of `width` x `height` inches with one set of axes."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = drawn.add_subplot()
    _plain(axes)
    return drawn, axes


def panels(count: int, width: float, height: float, *, shared: bool = True) -> tuple[Figure, list[Axes]]:
    """An empty figure with `count` sets of axes side by side; `shared`: with one vertical axis."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    grid = drawn.subplots(1, count, sharey=shared, squeeze=False)
    for axes in grid[0]:
        _plain(axes)
    return drawn, list(grid[0])


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    axes.grid(visible=True, axis="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def line_style(number: int) -> dict[str, Any]:
    """Colour, dash and marker of the n-th line: two lines never differ by colour alone."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": LINES[number // len(COLOURS) % len(LINES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


# One colour a component in every figure, whatever else is in it.
_COMPONENTS = (
    "embedding position norm attention cross_attention feed_forward router routed_experts shared_experts projection"
    " pooler head linear_mixer"
).split()


def colour(key: str) -> str:
    """The colour of a component, by the key of its column."""
    name = key.removesuffix("_parameters")
    return COLOURS[_COMPONENTS.index(name) if name in _COMPONENTS else -1]


def title(drawn: Figure, text: str) -> None:
    """A title over the whole figure, flush left."""
    drawn.suptitle(text, x=0.01, ha="left", fontsize=12)


def source_line(drawn: Figure, text: str) -> None:
    """What the figure was computed from, in small print below it."""
    drawn.supxlabel(text, fontsize=7.5, color="#666666", x=0.01, ha="left")
