"""The plot that suits a table: which one depends on the command that made it."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

import io
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError
from llmcmp.plots.architecture import architecture, difference
from llmcmp.plots.figures import growth, sizes, stacked, timeline
from llmcmp.plots.measured import measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from llmcmp.tables.table import Table


def figure(table: Table) -> Figure:
    """The figure for a table. Raises OutputError where nothing in it can be drawn."""
    match table.command:
        case "kvcache" | "flops":
            return growth(table)
        case "bench":
            return measured(table)
        case "devices":
            raise OutputError("there is no plot of devices; choose csv, json, md, tex or html")
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


def image(table: Table, kind: str) -> bytes:
    """The figure for a table as a png, svg or pdf file. Raises OutputError where nothing in it can be drawn."""
    return saved(figure(table), kind)


def saved(drawn: Figure, kind: str) -> bytes:
    """A figure as a png, svg or pdf file."""
    content = io.BytesIO()
    # Without a date, the same numbers give the same file.
    stamp = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    drawn.savefig(content, format=kind, dpi=160, metadata=stamp)
    return content.getvalue()
