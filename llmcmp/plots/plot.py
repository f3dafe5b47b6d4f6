"""The plot that suits a table: which one depends on the command that made it."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

import io
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError
from llmcmp.plots import style
from llmcmp.plots.architecture import architecture, difference
from llmcmp.plots.evolve import evolve
from llmcmp.plots.figures import against, growth, sizes, stacked, timeline
from llmcmp.plots.fitting import budget, picked
from llmcmp.plots.measured import measured
from llmcmp.plots.roofs import roofline
from llmcmp.plots.scattered import active, bubble, kv_year

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from llmcmp.tables.table import Table


def figure(table: Table) -> Figure:
    """The figure for a table. Raises OutputError where nothing in it can be drawn."""
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType]

    with rc_context({"text.parse_math": False}):  # a name with two dollar signs is no formula
        return _figure(table)


def _figure(table: Table) -> Figure:
    match table.command:
        case "kvcache" if "budget_bytes" in table.settings:
            return budget(table)
        case "kvcache" | "flops":
            return growth(table)
        case "pick":
            return picked(table)
        case "bench":
            return measured(table)
        case "plot":
            return _KINDS[table.settings["kind"]](table)
        case "devices" | "explain":
            raise OutputError(f"there is no plot of {table.command}; choose csv, json, md, tex or html")
        case "evolve":
            return evolve(table)
        case "list":
            return timeline(table)
        case "params":
            return stacked(table)
        case "show":
            return architecture(*table.drawn)
        case "diff":
            return difference(*table.drawn)
        case _:
            return sizes(table)


_KINDS: dict[str, Callable[[Table], Figure]] = {
    "active": active,
    "kv": against,
    "kv-year": kv_year,
    "flops": against,
    "attention": against,
    "bubble": bubble,
    "roofline": roofline,
}


def image(table: Table, kind: str) -> bytes:
    """The figure for a table as a png, svg or pdf file. Raises OutputError where nothing in it can be drawn."""
    return saved(figure(table), kind)


def saved(drawn: Figure, kind: str) -> bytes:
    """A figure as a png, svg or pdf file: the same figure gives the same file."""
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType]

    content = io.BytesIO()
    # Dates and the random part of an SVG's ids would differ from run to run.
    stamp = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with rc_context({"svg.hashsalt": "llmcmp"}):
        drawn.savefig(content, format=kind, dpi=style.DPI, metadata=stamp)
    return content.getvalue()
