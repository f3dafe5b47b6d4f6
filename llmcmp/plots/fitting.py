"""What fits a memory: the models that `pick` chose, bar by bar against it; and how far a budget of cache reaches."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import DoesNotFitError
from llmcmp.plots import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Row, Table

MOST = 40  # bars that still fit a page


def picked(table: Table) -> Figure:
    """Weights, cache and overhead of each model that suits, stacked, with the memory as a line."""
    rows = [row for row in table.rows if row["suits"]]
    if not rows:
        raise DoesNotFitError("nothing to draw: no model suits and fits")
    settings, shown = table.settings, rows[:MOST]
    drawn, axes = _bars(shown)
    before = [0] * len(shown)
    parts = (("weight_bytes", "weights"), ("kv_bytes", "KV cache"), ("overhead_bytes", "overhead"))
    for number, (key, label) in enumerate(parts):
        sizes: list[int] = [row.get(key, settings.get(key, 0)) for row in shown]
        if any(sizes):
            axes.barh(range(len(shown)), sizes, left=before, height=0.62, color=style.COLOURS[number], label=label)
        before = [left + size for left, size in zip(before, sizes, strict=True)]
    axes.axvline(settings["memory_bytes"], color=style.INK, linewidth=1.2, linestyle="--", label="memory")
    for spot, size in enumerate(before):
        behind = {
            "facecolor": style.PAPER,
            "edgecolor": "none",
            "pad": 1,
        }  # the line of the memory stays off the digits
        text = units.show_bytes(size)
        offset: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points"}
        axes.annotate(text, (size, spot), va="center", fontsize=8, color=style.INK, bbox=behind, **offset)
    axes.set_xlim(0, settings["memory_bytes"] * 1.12)
    _byte_ticks(axes, settings["memory_bytes"])
    style.legend_right(axes)
    suiting = "1 model suits and fits" if len(rows) == 1 else f"{len(rows)} models suit and fit"
    style.title(drawn, f"{suiting} in {units.show_bytes(settings['memory_bytes'])}")
    style.source_line(drawn, f"llmcmp: {table.title.partition(': ')[2]}; {table.notes[1]}{_more(rows)}")
    return drawn


def budget(table: Table) -> Figure:
    """The longest context, or the most sequences, that a budget holds, on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter

    key = "context" if table.settings["context"] is None else "batch"
    rows = [row for row in table.rows if row["fits"] and row.get(key)]
    if not rows:
        raise DoesNotFitError("nothing to draw: no model has a limit in this budget")
    shown = rows[:MOST]
    drawn, axes = _bars(shown)
    values: list[int] = [row[key] for row in shown]
    axes.plot(values, range(len(shown)), "o", markersize=8, color=style.COLOURS[0])
    for spot, value in enumerate(values):
        axes.text(value, spot, f"   {value:,}", va="center", fontsize=8, color=style.INK)
    axes.set_xscale("log", base=2)
    axes.set_xlim(min(values) / 2, max(values) * 4)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=8))
    axes.xaxis.set_major_formatter(lambda value, _: units.show_tokens(int(value)) if value >= 1 else "")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("tokens of a sequence" if key == "context" else "sequences")
    head, _, rest = table.title.partition(": ")
    style.title(drawn, head)
    any_number = [row["model"] for row in table.rows if row.get("unlimited")]
    beside = f"; any number: {', '.join(any_number[:4])}" if any_number else ""
    style.source_line(drawn, f"llmcmp: {rest}{beside}{_more(rows)}")
    return drawn


def _bars(rows: Sequence[Row]) -> tuple[Figure, Axes]:
    names = [row["model"] for row in rows]
    drawn, axes = style.figure(8.5 + style.overlong(names), 1.7 + 0.32 * len(rows))
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    return drawn, axes


def _byte_ticks(axes: Axes, memory: int) -> None:
    """Quarters of the memory: round numbers wherever it is one."""
    spots = [memory * part // 4 for part in range(5)]
    axes.set_xticks(spots, [units.show_bytes(spot) for spot in spots])


def _more(rows: Sequence[Row]) -> str:
    return f"; {len(rows) - MOST} more are not drawn" if len(rows) > MOST else ""
