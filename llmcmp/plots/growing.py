"""Lines against context: one a model, told apart by colour, dash and marker; more than that, pale with names."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import OutputError
from llmcmp.plots import style
from llmcmp.plots.labels import Point, name_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Curve, Table

MOST_LINES = 24  # more lines than this cannot be told apart
PALE: dict[str, Any] = {"color": style.COLOURS[0], "alpha": 0.35, "linewidth": 0.9}


def lines(
    table: Table,
    curves: Sequence[Curve],
    title: str,
    source: str,
    show: Callable[[float], str],
    label: str,
    *,
    base: int,
) -> Figure:
    """The curves on a logarithmic axis of context; `base` of a logarithmic vertical axis, 0 for shares from 0 to 1."""
    if not curves:
        raise OutputError("nothing to draw: none of the models has a value that grows with context")
    drawn, axes = style.figure(8.4 + style.overlong([curve.label for curve in curves]), 5.3)
    few = len(curves) <= MOST_LINES
    for number, curve in enumerate(curves):
        _line(
            axes, curve, style.model_style(table, curve.label) if few else PALE, _beneath(curve, curves[number + 1 :])
        )
    axes.set_xscale("log", base=2)
    ticks = sorted({length for curve in curves for length in curve.lengths if length & (length - 1) == 0})[::2]
    axes.set_xticks(ticks, [units.show_tokens(length) for length in ticks])
    axes.set_xlabel("context, tokens")
    axes.set_ylabel(label)
    _vertical(axes, show, base)
    style.title(drawn, title)
    said = f"{source}{style.left_out(table)}"
    if few:
        style.legend_right(axes)
        style.source_line(drawn, said)
    else:
        axes.margins(x=0.14)
        name_points(axes, _ends(curves), said, "lines", over_lines=True)
    return drawn


def _line(axes: Axes, curve: Curve, look: dict[str, Any], beneath: int) -> None:
    width = look.get("linewidth", 1.6) + (1.3 * beneath if "marker" in look else 0)
    mark = 3.5 + (1.2 * beneath if "marker" in look else 0)
    heights = [float(value) for value in curve.values]  # counts may exceed what an array of integers holds
    line = axes.plot(curve.lengths, heights, label=curve.label)[0]
    line.set(**look)
    line.set(linewidth=width, markersize=mark, gid=style.series(curve.label))


def _beneath(curve: Curve, later: Sequence[Curve]) -> int:
    """How many lines are drawn over this one: it is so much wider that it stays in sight."""
    mine = set(zip(curve.lengths, curve.values, strict=True))
    return min(3, sum(len(mine.intersection(zip(other.lengths, other.values, strict=True))) > 1 for other in later))


def _vertical(axes: Axes, show: Callable[[float], str], base: int) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    if base:
        axes.set_yscale("log", base=base)
        low, high = axes.get_ylim()
        if high / low < base**2:  # within a step or two of the axis, its powers alone would leave it bare
            axes.yaxis.set_major_locator(LogLocator(base=base, subs=(1, 2, 5) if base == 10 else (1,)))
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: show(value))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _ends(curves: Sequence[Curve]) -> list[Point]:
    """The last point of each line, the highest first: what fits of equals is what stands out."""
    ends = [Point(x=curve.lengths[-1], y=curve.values[-1], text=curve.label, radius=1.0) for curve in curves]
    return sorted(ends, key=lambda point: -point.y)
