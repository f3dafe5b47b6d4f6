"""A lineage on the terminal: one entry a release, what changed under it, what its card says last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from llmcmp.tables.evolve import starts_with, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from llmcmp.tables.evolve import Change
    from llmcmp.tables.table import Row, Table

INDENT = 9  # a date and a blank


def timeline_view(table: Table) -> Iterator[RenderableType]:
    """Title, then every release."""
    yield Text(table.title, style="bold")
    for row in table.rows:
        yield ""
        yield _heading(row)
        yield Padding(_body(row), (0, 0, 0, INDENT))


def _heading(row: Row) -> Text:
    return Text.assemble((row["released"], "cyan"), "  ", (row["model"], "bold"), f"  {summary(row)}")


def _body(row: Row) -> RichTable:
    """Label and text; what is compared stands before the sizes, the card last."""
    body = RichTable(box=box.SIMPLE, show_header=False, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    body.add_column(style="cyan", no_wrap=True)
    body.add_column(overflow="fold")
    if row["against"]:
        body.add_row("Against", Text(row["against"], style="dim"))
    changes: tuple[Change, ...] = row["listed"]
    for change in changes:
        if change.design:
            body.add_row(change.label, Text(f"{change.old} → {change.new}"))
    sizes = [str(change) for change in changes if not change.design]
    if sizes:
        body.add_row("Sizes", Text(" · ".join(sizes)))
    if not changes:
        body.add_row("Changes", Text(row["changes_shown"], style="dim"))
    if row["against"] is None and row["disclosed"]:
        body.add_row("Starts with", Text(starts_with(row)))
    body.add_row("Card", Text(row["card"], style="dim"))
    if row["members"]:
        body.add_row("Also", Text(row["members"], style="dim"))
    return body
