"""The plot that suits a table: which one depends on the command that made it."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

import io
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError
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
        case "devices" | "explain":
            raise OutputError(f"there is no plot of {table.command}; choose csv, json, md, tex or html")
        case "list":
            return timeline(table)
        case "params" | "show":
            return stacked(table)
        case _:
            return sizes(table)


def image(table: Table, kind: str) -> bytes:
    """The figure for a table as a png, svg or pdf file. Raises OutputError where nothing in it can be drawn."""
    content = io.BytesIO()
    # Without a date, the same numbers give the same file.
    stamp = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    figure(table).savefig(content, format=kind, dpi=160, metadata=stamp)
    return content.getvalue()
