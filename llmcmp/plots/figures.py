"""The figures: parameters stacked by component, sizes side by side, growth with context, sizes over time."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.ops import Part
from llmcmp.plots import style
from llmcmp.sources.presets import load
from llmcmp.tables.phases import phase_flops

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.model import Model
    from llmcmp.tables.table import Table

MOST_LINES = 24  # more lines than this cannot be told apart


def _models(table: Table) -> list[Model]:
    names = dict.fromkeys(row["model"] for row in table.rows if row.get("disclosed", True))
    return [load(name) for name in names]


def stacked(table: Table) -> Figure:
    """Parameters of each model, stacked by component as shares of its total, which stands at the bar's end."""
    models = _models(table)
    counted = {model.name: params(model).components for model in models}
    parts = [part for part in get_args(Part) if any(part in components for components in counted.values())]
    drawn, axes = style.figure(8.5, 1.6 + 0.42 * len(models))
    axes.grid(visible=False, axis="y")
    for number, part in enumerate(parts):
        shares = [components.get(part, 0) / sum(components.values()) for components in counted.values()]
        before = [sum(list(c.get(p, 0) for p in parts[:number])) / sum(c.values()) for c in counted.values()]
        colour = style.COLOURS[number % len(style.COLOURS)]
        axes.barh(list(counted), shares, left=before, color=colour, label=part, edgecolor="white", linewidth=0.5)
    for position, (_, components) in enumerate(counted.items()):
        axes.text(1.01, position, units.show_count(sum(components.values())), va="center", fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_title("Parameters by component", loc="left", fontsize=12)
    _legend_right(axes)
    style.source_line(drawn, "llmcmp: counted from each architecture; total at the bar's end")
    return drawn


def sizes(table: Table) -> Figure:
    """Weights and cache of each model on one logarithmic axis: they differ by orders of magnitude."""
    rows = [row for row in table.rows if row.get("disclosed", True)]
    spots = list(range(len(rows)))
    drawn, axes = style.figure(8.5, 1.8 + 0.42 * len(rows))
    axes.grid(visible=False, axis="y")
    for number, (key, label) in enumerate((("kv_bytes", "KV cache"), ("weight_bytes", "weights"))):
        points = [(row[key], spot) for row, spot in zip(rows, spots, strict=True) if row.get(key)]
        values, heights = zip(*points, strict=True) if points else ((), ())
        look: dict[str, Any] = style.line_style(number) | {"linestyle": ""}
        axes.plot(values, heights, label=label, markersize=8, **look)
        for value, height in points:
            axes.text(value, height + 0.36, units.show_bytes(value), ha="center", va="center", fontsize=8)
    axes.set_yticks(spots, [f"{row['model']}  ({_size(row)})" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log", base=2)
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(lambda value, _: units.show_bytes(value))
    axes.set_title(f"Memory to serve: {table.title}", loc="left", fontsize=12)
    _legend_right(axes)
    style.source_line(drawn, "llmcmp: weights without quantisation scales; cache as the architecture needs it")
    return drawn


def _size(row: dict[str, int]) -> str:
    total, active = row["parameters"], row["active_parameters"]
    return units.show_count(total) + (f", {units.show_count(active)} active" if active != total else "")


def growth(table: Table) -> Figure:
    """KV cache or FLOPs of each model against context, on logarithmic axes; a line ends at its model's window."""
    models = _models(table)[:MOST_LINES]
    lengths = [2**power for power in range(7, 21)]
    longest = 0
    drawn, axes = style.figure(9, 5.6)
    for number, model in enumerate(models):
        # Where even the shortest length is beyond the window, the whole line is drawn: there is no better one.
        limit = max(model.card.context or 0, model.card.position_limit or 0) or lengths[-1]
        seen = [length for length in lengths if length <= limit] or lengths
        longest = max(longest, seen[-1])
        points = [(length, value) for length in seen if (value := _value(table, model, length))]
        if points:
            axes.plot(
                *zip(*points, strict=True), label=model.name, markersize=3.5, linewidth=1.6, **style.line_style(number)
            )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2 if table.command == "kvcache" else 10)
    ticks = [length for length in lengths[::2] if length <= longest]
    axes.set_xticks(ticks, [units.show_tokens(length) for length in ticks])
    show = units.show_bytes if table.command == "kvcache" else units.show_flops
    axes.yaxis.set_major_formatter(lambda value, _: show(value))
    axes.set_xlabel("context, tokens")
    what = f"KV cache, {table.settings['dtype']}" if table.command == "kvcache" else f"FLOPs, {table.settings['phase']}"
    axes.set_title(f"{what}, batch {table.settings['batch']}", loc="left", fontsize=12)
    _legend_right(axes)
    left_out = len(_models(table)) - len(models)
    more = f"; {left_out} more models are not drawn" if left_out > 0 else ""
    style.source_line(drawn, f"llmcmp: what the architecture needs; each line ends at its model's window{more}")
    return drawn


def _value(table: Table, model: Model, length: int) -> int:
    batch = table.settings["batch"]
    if table.command == "kvcache":
        return int(kvcache(model, length, batch, dtype=table.settings["dtype"]).bytes)
    counted = phase_flops(model, table.settings["phase"], length, batch)
    return 0 if counted is None else int(counted.total)


def timeline(table: Table) -> Figure:
    """Parameters against release, one mark a model, one style a family."""
    rows = [row for row in table.rows if row.get("parameters")]
    from matplotlib.ticker import MaxNLocator

    families = list(dict.fromkeys(row["family"] for row in rows))
    drawn, axes = style.figure(9.5, 5.6)
    for number, family in enumerate(families):
        members = [row for row in rows if row["family"] == family]
        months = [_year(row["released"]) for row in members]
        marks: dict[str, Any] = style.line_style(number) | {"linestyle": ""}
        axes.plot(months, [row["parameters"] for row in members], label=family, markersize=6, **marks)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: units.show_count(value))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("parameters")
    axes.set_title("Parameters by release", loc="left", fontsize=12)
    _legend_right(axes)
    style.source_line(drawn, "llmcmp: total parameters, counted from each architecture")
    return drawn


def _year(released: str) -> float:
    year, month = released.split("-")[:2]
    return int(year) + (int(month) - 1) / 12


def _legend_right(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False, borderaxespad=0)
