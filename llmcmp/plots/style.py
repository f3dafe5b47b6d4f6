"""One look for every figure: colour-blind safe colours (Okabe and Ito), plain axes, no global state."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Table

# Okabe and Ito's eight (black a shade lighter, so that an SVG names it and a page can turn it), then five that differ
# from them in lightness.
COLOURS = (
    *("#0072B2", "#E69F00", "#999999", "#009E73", "#56B4E9", "#CC79A7", "#111111", "#7B4FA3", "#D55E00", "#8C6D46"),
    *("#B5BD00", "#882255", "#F0E442"),
)
DPI = 160  # of a PNG; names are placed by the pixels of the same picture
LINES = ("-", "--", "-.", ":")
# Everything that is no data. A page maps these, too, so that its figures follow light and dark.
PAPER, INK, MUTED, FAINT, GRID = "#ffffff", "#1a1d21", "#5b6470", "#9aa3ad", "#dddfe3"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of `width` x `height` inches with one set of axes."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=PAPER)
    axes = drawn.add_subplot()
    _plain(axes)
    return drawn, axes


def panels(count: int, width: float, height: float, *, shared: bool = True) -> tuple[Figure, list[Axes]]:
    """An empty figure with `count` sets of axes side by side; `shared`: with one vertical axis."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=PAPER)
    grid = drawn.subplots(1, count, sharey=shared, squeeze=False)
    for axes in grid[0]:
        _plain(axes)
    return drawn, list(grid[0])


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.set_facecolor("none")
    axes.tick_params(which="both", labelsize=9, color=FAINT, labelcolor=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(INK)
    axes.grid(visible=True, axis="both", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def model_style(table: Table, model: str) -> dict[str, Any]:
    """The look of a model: the same in every figure of one set of models."""
    return line_style(list(table.settings["models"]).index(model))


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
    drawn.suptitle(text, x=0.01, ha="left", fontsize=12, color=INK)


def source_line(drawn: Figure, text: str) -> None:
    """What the figure was computed from, in small print below it."""
    from textwrap import fill

    room = int(14 * drawn.get_size_inches()[0])  # letters of this size to a line
    drawn.supxlabel(fill(text, room), fontsize=8, color=MUTED, x=0.01, ha="left", linespacing=1.4)


def legend_right(axes: Axes) -> None:
    """A legend outside the axes, where it covers nothing."""
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8.5, frameon=False, borderaxespad=0, labelcolor=INK
    )


def overlong(names: Sequence[str]) -> float:
    """Inches that long names take beyond the usual."""
    return max(0.0, 0.075 * (max(map(len, names)) - 18))


def left_out(table: Table) -> str:
    """What the notes of a table say is missing from its figure, short: whole names only."""
    from textwrap import shorten

    said = [note for note in table.notes if note.startswith("left out")]
    return "".join(f"; {shorten(note, 70, placeholder=' …').replace(', …', ' …')}" for note in said)


def series(model: str) -> str:
    """The id of what belongs to one model, by which a page finds it in an SVG."""
    return f"model={model}"
