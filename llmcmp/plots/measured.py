"""Figures of measurements: throughput side by side, what was reached against what could be, growth with context."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import OutputError
from llmcmp.plots import style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Row, Table

_SPEEDS = (
    ("prefill", "Prefill, tokens/s"),
    ("decode", "Decode, tokens/s"),
    ("train", "Training, tokens/s"),
)
_SHARES = (
    ("prefill_mfu", "prefill FLOP/s of a product's"),
    ("train_mfu", "training FLOP/s of a product's"),
    ("decode_mbu", "decode bytes/s of a copy's"),
)


def measured(table: Table) -> Figure:
    """Growth with context where contexts were swept, else throughput and shares of the machine."""
    rows = [row for row in table.rows if row["status"] == "ok"]
    if not rows:
        raise OutputError("nothing to draw: no model could be measured")
    return _growth(table, rows) if len({row["prompt"] for row in rows}) > 1 else _throughput(table, rows)


def _throughput(table: Table, rows: Sequence[Row]) -> Figure:
    """One panel a phase with a bar a model and the quartiles on it, and one of shares of the ceilings."""
    phases = [(phase, label) for phase, label in _SPEEDS if any(f"{phase}_seconds" in row for row in rows)]
    names = _names(rows)
    drawn, axes = style.panels(len(phases) + 1, 3.2 * (len(phases) + 1) + 1.8, 1.9 + 0.42 * len(rows))
    for panel, (phase, label) in zip(axes, phases, strict=False):
        _bars(panel, rows, phase, label)
    _shares(axes[-1], rows)
    axes[0].set_yticks(range(len(rows)), names)
    for panel in axes:
        panel.set_ylim(len(rows) - 0.5, -0.5)
    style.title(drawn, table.title)
    style.source_line(drawn, _source(rows))
    return drawn


def _names(rows: Sequence[Row]) -> list[str]:
    several = len({row["batch"] for row in rows}) > 1
    return [row["model"] + (f", batch {row['batch']}" if several else "") for row in rows]


def _source(rows: Sequence[Row]) -> str:
    repeats = rows[0]["repeats"]
    scale = {
        "tiny": "; shrunk models: ranks do not carry to full size",
        "block": "; single blocks, multiplied out",
        "full": "",
    }[rows[0]["scale"]]
    return f"llmcmp bench: medians and quartiles of {repeats} repeats, torch {rows[0]['torch']}{scale}"


def _bars(axes: Axes, rows: Sequence[Row], phase: str, label: str) -> None:
    """Tokens/s of one phase, quartiles as whiskers."""
    axes.grid(visible=False, axis="y")
    for spot, row in enumerate(rows):
        speed = row.get(f"{phase}_tokens_per_second")
        if speed is None:
            axes.text(0, spot, " —", va="center", fontsize=9)
            continue
        low, middle, high = (row[f"{phase}_seconds{end}"] for end in ("_low", "", "_high"))
        reach = [[speed - speed * middle / high], [max(speed * middle / low - speed, 0) if low > 0 else 0]]
        axes.barh(spot, speed, height=0.6, color=style.COLOURS[0], xerr=reach, ecolor=style.MUTED, capsize=2)
        axes.text(
            speed * middle / low if low > 0 else speed, spot, f"  {units.show_rate(speed)}", va="center", fontsize=8
        )
    axes.set_xlabel(label, fontsize=9)
    axes.margins(x=0.28)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(_few())


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4)


def _shares(axes: Axes, rows: Sequence[Row]) -> None:
    """What was reached, as a share of the ceilings."""
    axes.grid(visible=False, axis="y")
    for number, (key, label) in enumerate(_SHARES):
        points = [(100 * row[key], spot) for spot, row in enumerate(rows) if row.get(key) is not None]
        if points:
            look: dict[str, Any] = style.line_style(number) | {"linestyle": ""}
            axes.plot(*zip(*points, strict=True), label=label, markersize=7, **look)
    axes.axvline(100, color=style.MUTED, linewidth=1, linestyle=":")
    axes.set_xlabel("of what the machine reaches, %", fontsize=9)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(_few())
    style.legend_right(axes)


def _growth(table: Table, rows: Sequence[Row]) -> Figure:
    """Time of a prefill and of a decode step against context, a line a model and batch."""
    phases = [
        (phase, label)
        for phase, label in (("prefill", "a prefill of the context"), ("decode", "a decode step after it"))
        if any(f"{phase}_seconds" in row for row in rows)
    ]
    if not phases:
        raise OutputError("nothing to draw: neither prefill nor decode was measured")
    drawn, axes = style.panels(len(phases), 4.6 * len(phases) + 2.6, 4.8, shared=False)
    names = dict.fromkeys(_names(rows))
    for panel, (phase, label) in zip(axes, phases, strict=True):
        for number, name in enumerate(names):
            mine = [row for row, named in zip(rows, _names(rows), strict=True) if named == name]
            _line(panel, sorted(mine, key=lambda row: row["prompt"]), phase, name, number)
        _time_axes(panel, sorted({row["prompt"] for row in rows}), units.show_seconds)
        panel.set_title(label, fontsize=10, loc="left")
    style.legend_right(axes[-1])
    style.title(drawn, table.title.replace("Measured", "Time against context, measured"))
    style.source_line(drawn, _source(rows))
    return drawn


def _line(axes: Axes, rows: Sequence[Row], phase: str, name: str, number: int) -> None:
    """The medians of one model, with their quartiles shaded."""
    found = [row for row in rows if row.get(f"{phase}_seconds") is not None]
    look = style.line_style(number)
    lengths = [row["prompt"] for row in found]
    low, middle, high = ([row[f"{phase}_seconds{end}"] for row in found] for end in ("_low", "", "_high"))
    axes.plot(lengths, middle, label=name, markersize=5, linewidth=1.6, **look)
    axes.fill_between(lengths, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _time_axes(axes: Axes, lengths: Sequence[int], show: Callable[[float], str]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(lengths, [units.show_tokens(length) for length in lengths])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))  # within one decade, too
    axes.yaxis.set_major_formatter(lambda value, _: show(value))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("context, tokens", fontsize=9)
