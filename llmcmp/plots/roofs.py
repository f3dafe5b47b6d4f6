"""A roofline: what a device allows at so many FLOPs a byte, and where each model's prefill and decode step stand."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import OutputError
from llmcmp.plots import style
from llmcmp.plots.labels import Point, name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Row, Table

MARKS = {"prefill": "^", "decode": "o"}


def roofline(table: Table) -> Figure:
    """The roof in black, a model in its colour: triangles are prefills, circles decode steps."""
    if not table.rows:
        raise OutputError("nothing to draw: no model is left")
    peak, bandwidth = (table.settings[key] for key in ("peak_flops_per_second", "bandwidth_bytes_per_second"))
    drawn, axes = style.figure(8.4, 5.3)
    ridge = peak / bandwidth
    found = [row["flops_per_byte"] for row in table.rows]
    low, high = min(*found, ridge) / 4, max(*found, ridge) * 4
    axes.plot([low, ridge, high], [low * bandwidth, peak, peak], color=style.INK, linewidth=1.8, zorder=1)
    axes.axvline(ridge, color=style.FAINT, linewidth=0.8, linestyle=":")
    for row in table.rows:
        look: dict[str, Any] = style.model_style(table, row["model"]) | {"linestyle": "", "marker": MARKS[row["phase"]]}
        mark = axes.plot(row["flops_per_byte"], row["flops_per_second"], markersize=7.5, alpha=0.85, **look)
        mark[0].set_gid(style.series(row["model"]))
    _scales(axes, low, high, peak, bandwidth)
    head, _, rest = table.title.partition("): ")
    style.title(drawn, f"{head})\n{rest}")
    names = list(dict.fromkeys(row["model"] for row in table.rows))
    few = len(names) <= len(style.COLOURS)
    _legend(axes, table, names if few else [])
    said = f"llmcmp: upper bounds by the vendor's peak and bandwidth, each byte moved once; they meet at {ridge:.0f}"
    said = f"{said}{style.left_out(table)}"
    if few:
        style.source_line(drawn, said)
    else:
        name_points(axes, [_point(row) for row in table.rows], said, "marks")
    return drawn


def _point(row: Row) -> Point:
    return Point(x=row["flops_per_byte"], y=row["flops_per_second"], text=row["model"], radius=4)


def _scales(axes: Axes, low: float, high: float, peak: float, bandwidth: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low * bandwidth / 2, peak * 6)
    axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: units.show_flop_rate(value))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("FLOPs a byte moved")
    axes.set_ylabel("FLOP/s, at most")


def _legend(axes: Axes, table: Table, names: list[str]) -> None:
    """The two marks, and the colour of each model where they can be told apart by it."""
    marks = [axes.plot([], [], linestyle="", marker=m, color=style.MUTED, label=phase)[0] for phase, m in MARKS.items()]
    for name in names:
        look: dict[str, Any] = style.model_style(table, name) | {"linestyle": "", "marker": "s"}
        marks += axes.plot([], [], label=name, **look)
    axes.legend(
        handles=marks,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        fontsize=8.5,
        frameon=False,
        borderaxespad=0,
        labelcolor=style.INK,
    )
