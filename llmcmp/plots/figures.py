"""The figures: parameters stacked by component, sizes side by side, growth with context, sizes over time."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.errors import OutputError
from llmcmp.plots import style
from llmcmp.plots.growing import lines
from llmcmp.plots.scattered import year
from llmcmp.tables.table import Curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from llmcmp.tables.table import Row, Table

MOST_NAMES = 40  # more names than this cover one another


def _disclosed(table: Table) -> list[Row]:
    rows = [row for row in table.rows if row.get("disclosed", True)]
    if not rows:
        raise OutputError(
            f"nothing to draw: {'no model in the table is disclosed' if table.rows else 'no model is left'}"
        )
    return rows


def stacked(table: Table) -> Figure:
    """Parameters of each model, stacked by component as shares of its total, which stands at the bar's end."""
    rows = _disclosed(table)
    parts = table.parts
    if not parts:
        raise OutputError("nothing to draw: this table has no components; leave out --layers")
    names = [row["model"] for row in rows]
    drawn, axes = style.figure(8.5 + style.overlong(names), 1.6 + 0.42 * len(rows))
    axes.grid(visible=False, axis="y")
    before = [0.0] * len(rows)
    for part in parts:
        shares = [(row.get(part.key) or 0) / row["parameters"] for row in rows]
        label = part.label
        axes.barh(
            names, shares, left=before, color=style.colour(part.key), label=label, edgecolor=style.PAPER, linewidth=0.5
        )
        before = [left + share for left, share in zip(before, shares, strict=True)]
    for position, row in enumerate(rows):
        axes.text(1.01, position, units.show_count(row["parameters"]), va="center", fontsize=9, color=style.INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    style.title(drawn, "Parameters by component")
    style.legend_right(axes)
    style.source_line(drawn, "llmcmp: counted from each architecture; total at the bar's end")
    return drawn


def sizes(table: Table) -> Figure:
    """Weights and cache of each model on one logarithmic axis: they differ by orders of magnitude."""
    from matplotlib.ticker import LogLocator, NullFormatter

    rows = _disclosed(table)
    labels = [f"{row['model']}  ({_size(row)})" for row in rows]
    spots = list(range(len(rows)))
    drawn, axes = style.figure(8.5 + style.overlong(labels), 1.8 + 0.5 * len(rows))
    axes.grid(visible=False, axis="y")
    for number, (key, label, above) in enumerate((("kv_bytes", "KV cache", 0.34), ("weight_bytes", "weights", -0.34))):
        points = [(row[key], spot) for row, spot in zip(rows, spots, strict=True) if row.get(key)]
        values, heights = zip(*points, strict=True) if points else ((), ())
        look: dict[str, Any] = style.line_style(number) | {"linestyle": ""}
        axes.plot(values, heights, label=label, markersize=8, **look)
        for value, height in points:
            axes.text(
                value, height + above, units.show_bytes(value), ha="center", va="center", fontsize=8, color=style.INK
            )
    axes.set_yticks(spots, labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log", base=2)
    axes.margins(x=0.14)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=7))
    axes.xaxis.set_major_formatter(lambda value, _: units.show_bytes(value))
    axes.xaxis.set_minor_formatter(NullFormatter())
    style.title(drawn, f"Memory to serve: {table.title}")
    style.legend_right(axes)
    style.source_line(drawn, "llmcmp: weights without quantisation scales; cache as the architecture needs it")
    return drawn


def _size(row: Row) -> str:
    total, active = row["parameters"], row["active_parameters"]
    return units.show_count(total) + (f", {units.show_count(active)} active" if active != total else "")


def growth(table: Table) -> Figure:
    """The table's cache or FLOPs against context, on logarithmic axes; a line ends at its model's window."""
    found = table.curves() if table.curves is not None else ()
    cache = table.command == "kvcache"
    engine = table.settings.get("engine", "ideal")
    what = "what the architecture needs" if engine == "ideal" else f"what {engine} reserves"
    source = f"llmcmp: {what}; each line ends at its model's window, or at the context asked for"
    _, show, label, base = _AGAINST["kv" if cache else "flops"]
    return lines(table, found, _growth_title(table), source, show, label, base=base)


def against(table: Table) -> Figure:
    """A quantity of `plot` against context: the rows of the table as they are."""
    key, show, label, base = _AGAINST[table.settings["kind"]]
    models = dict.fromkeys(row["model"] for row in table.rows)
    mine = {name: [row for row in table.rows if row["model"] == name] for name in models}
    found = [
        Curve(label=name, lengths=tuple(row["context"] for row in rows), values=tuple(row[key] for row in rows))
        for name, rows in mine.items()
    ]
    source = "llmcmp: what the architecture needs; each line ends at its model's window, or at the context asked for"
    return lines(table, found, table.title, source, show, label, base=base)


# Key, how its values read, what the axis is called, base of the axis.
_AGAINST: dict[str, tuple[str, Callable[[float], str], str, int]] = {
    "kv": ("kv_bytes", units.show_bytes, "cache", 2),
    "flops": ("flops", units.show_flops, "FLOPs", 10),
    "attention": ("score_share", lambda share: f"{100 * share:.0f} %", "of all FLOPs", 0),
}


def _growth_title(table: Table) -> str:
    settings = table.settings
    source = "" if settings["source"] is None else f", source {units.show_tokens(settings['source'])}"
    if table.command == "kvcache":
        values = settings.get("value_dtype")
        dtype = settings["dtype"] if values in (None, settings["dtype"]) else f"{settings['dtype']} and {values}"
        engine = settings.get("engine", "ideal")
        of = "" if engine == "ideal" else f" as {engine} reserves it"
        return f"KV cache{of}, {dtype}, batch {settings['batch']}{source}"
    pairs = "visible pairs" if settings["causal"] else "full pairs"
    return f"FLOPs of {settings['phase']}, {pairs}, batch {settings['batch']}{source}"


def timeline(table: Table) -> Figure:
    """Parameters against release, one mark a model, one style a family."""
    rows = _disclosed(table)
    from matplotlib.ticker import MaxNLocator, NullFormatter

    families = list(dict.fromkeys(row["family"] for row in rows))
    drawn, axes = style.figure(8.4, 5.3)
    for number, family in enumerate(families):
        members = [row for row in rows if row["family"] == family]
        months = [year(row["released"]) for row in members]
        marks: dict[str, Any] = style.line_style(number) | {"linestyle": ""}
        axes.plot(months, [row["parameters"] for row in members], label=family, markersize=6, **marks)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: units.show_count(value))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("parameters")
    for row in rows if len(rows) <= MOST_NAMES else ():
        spot = (year(row["released"]), row["parameters"])
        axes.annotate(row["model"], spot, xytext=(6, 0), textcoords="offset points", va="center", fontsize=7)
    axes.margins(x=0.12)
    style.title(drawn, "Parameters by release")
    style.legend_right(axes)
    style.source_line(drawn, "llmcmp: total parameters, counted from each architecture")
    return drawn
