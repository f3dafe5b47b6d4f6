"""Figures in which a model is a point: total against active, cache by release, size and cache with active as area."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import OutputError
from llmcmp.plots import style
from llmcmp.plots.growing import MOST_LINES
from llmcmp.plots.labels import Point, name_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Row, Table

RADIUS = 3.5  # points
LARGEST_RADIUS = 26.0  # points, of the largest bubble


def active(table: Table) -> Figure:
    """Total against active parameters; a dense model stands on the diagonal."""
    rows = _some(table)
    drawn, axes = style.figure(8.4, 5.3)
    _points(axes, table, rows, "parameters", "active_parameters")
    for axis, label in ((axes.xaxis, "parameters"), (axes.yaxis, "active a token")):
        _log(axis, units.show_count, label)
    low, high = min(row["active_parameters"] for row in rows), max(row["parameters"] for row in rows)
    _room(axes, (min(row["parameters"] for row in rows), high), (low, max(row["active_parameters"] for row in rows)))
    for share in (1, 1 / 4, 1 / 16):
        _share(axes, share)
    style.title(drawn, table.title)
    _finish(axes, table, rows, "parameters", "active_parameters", "counted from each architecture")
    return drawn


def _share(axes: Axes, share: float) -> None:
    """A line on which models use one share of their parameters, named where it leaves the axes."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.plot([left, right], [left * share, right * share], color=style.FAINT, linewidth=0.8, linestyle=":", zorder=1)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    text = "all active" if share == 1 else f"1/{1 / share:.0f} active"
    x = min(right, top / share)
    if x > left and x * share > bottom:
        axes.annotate(text, (x, x * share), xytext=(3, 3), textcoords="offset points", fontsize=7.5, color=style.MUTED)


def kv_year(table: Table) -> Figure:
    """Cache a token of context, by release."""
    from matplotlib.ticker import MaxNLocator

    rows = [row | {"year": year(row["released"])} for row in _some(table)]
    drawn, axes = style.figure(8.4, 5.3)
    _points(axes, table, rows, "year", "kv_bytes_mean")
    _log(axes.yaxis, units.show_bytes, "cache a token of context", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    years = [row["year"] for row in rows]
    _room(axes, None, _ends(rows, "kv_bytes_mean"))
    axes.set_xlim(min(years) - 0.6, max(years) + 0.9)
    axes.set_xlabel("release")
    style.title(drawn, table.title)
    _finish(
        axes,
        table,
        rows,
        "year",
        "kv_bytes_mean",
        "what the architecture keeps; windows and states counted as they are",
    )
    return drawn


def year(released: str) -> float:
    """2024-07 as 2024.5."""
    whole, month = released.split("-")[:2]
    return int(whole) + (int(month) - 1) / 12


def bubble(table: Table) -> Figure:
    """Size against cache, the area of each bubble its active parameters."""
    rows = _some(table)
    largest = max(row["active_parameters"] for row in rows)
    rows = sorted(rows, key=lambda row: -row["active_parameters"])  # small ones on top

    def radius(row: Row) -> float:
        return max(1.5, LARGEST_RADIUS * (row["active_parameters"] / largest) ** 0.5)

    drawn, axes = style.figure(8.4, 5.3)
    _points(axes, table, rows, "parameters", "kv_bytes", radius)
    _log(axes.xaxis, units.show_count, "parameters")
    _log(axes.yaxis, units.show_bytes, "cache of one sequence", base=2)
    _room(axes, _ends(rows, "parameters"), _ends(rows, "kv_bytes"))
    style.title(drawn, table.title)
    said = f"a bubble's area is its active parameters, the largest {units.show_count(largest)}"
    _finish(axes, table, rows, "parameters", "kv_bytes", said, radius)
    return drawn


def _ends(rows: Sequence[Row], key: str) -> tuple[float, float]:
    return min(row[key] for row in rows), max(row[key] for row in rows)


def _room(axes: Axes, horizontal: tuple[float, float] | None, vertical: tuple[float, float]) -> None:
    """Limits of logarithmic axes with room for names and bubbles beyond the outermost points."""
    for ends, limit in ((horizontal, axes.set_xlim), (vertical, axes.set_ylim)):
        if ends is None:
            continue
        low, high = ends
        beyond = max(1.6, (high / low) ** 0.13)
        limit(low / beyond, high * beyond)


def _some(table: Table) -> list[Row]:
    if not table.rows:
        raise OutputError(f"nothing to draw: {table.notes[-1] if table.notes else 'no model is left'}")
    return list(table.rows)


def _points(
    axes: Axes, table: Table, rows: Sequence[Row], x: str, y: str, radius: Callable[[Row], float] | None = None
) -> None:
    """One mark a model, in the model's own style, or its family's where there are many."""
    families = sorted({row["family"] for row in rows})
    for row in rows:
        own = len(rows) <= MOST_LINES
        look = style.model_style(table, row["model"]) if own else style.line_style(families.index(row["family"]))
        look |= {"linestyle": ""}
        if radius is not None:
            look |= {"marker": "o", "alpha": 0.6, "markeredgecolor": style.PAPER, "markeredgewidth": 0.8}
        size = 2 * (RADIUS if radius is None else radius(row))
        axes.plot(row[x], row[y], markersize=size, **look)[0].set_gid(style.series(row["model"]))


def _log(axis: Any, show: Callable[[float], str], label: str, base: int = 10) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def shown(value: float, _: int) -> str:
        return show(value)

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(base=base, subs=(1, 3) if base == 10 else (1,), numticks=9))
    axis.set_major_formatter(FuncFormatter(shown))
    axis.set_minor_formatter(NullFormatter())
    axis.set_label_text(label)


def _finish(
    axes: Axes,
    table: Table,
    rows: Sequence[Row],
    x: str,
    y: str,
    said: str,
    radius: Callable[[Row], float] | None = None,
) -> None:
    """The source line, and the names that fit."""
    points = [
        Point(x=row[x], y=row[y], text=row["model"], radius=RADIUS if radius is None else radius(row)) for row in rows
    ]
    # Of bubbles the small ones first: names of large ones have room all around.
    first = points if radius is None else points[::-1]
    name_points(axes, first, f"llmcmp: {said}{style.left_out(table)}", "models")
