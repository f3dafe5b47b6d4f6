"""Tables as plain text, Markdown, LaTeX and HTML, as people read them; tabulate draws, grid.py lays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.tables.grid import Cell, Line, grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.tables.grid import Grid
    from llmcmp.tables.table import Table


def plain_table(table: Table) -> str:
    """Title, table and notes for a text-only reader."""
    return "\n".join((table.title, _tabulated(table, "simple"), *table.notes))


def markdown_table(table: Table) -> str:
    """A GitHub table with its title and notes."""
    notes = "".join(f"\n{note.replace('*', chr(92) + '*')}\n" for note in table.notes)
    return f"**{table.title}**\n\n{_tabulated(table, 'github')}\n{notes}"


def latex_table(table: Table) -> str:
    """A table for the booktabs package, title and notes as comments."""
    comments = "".join(f"% {line}\n" for line in (table.title, *table.notes, "needs the package booktabs"))
    return f"{comments}{_tabulated(table, 'latex_booktabs')}\n"


def html_table(table: Table) -> str:
    """A bare HTML table, as notebooks show it."""
    return _tabulated(table, "html")


def _tabulated(table: Table, layout: str) -> str:
    from tabulate import tabulate

    laid = grid(table, every_column=True)
    lines = [[_escaped(cell.text, layout) for cell in line.cells] for line in _with_groups(laid)]
    numeric = [any(line.cells[i].numeric for line in laid.lines) for i in range(len(laid.headings))]
    return tabulate(
        lines,
        headers=[_escaped(cell.text, layout) for cell in laid.headings],
        tablefmt=layout,
        colalign=["right" if right else "left" for right in numeric] if lines else None,
        disable_numparse=True,
    )


def _escaped(text: str, layout: str) -> str:
    return text.replace("|", "\\|") if layout == "github" else text


def _with_groups(laid: Grid) -> Iterator[Line]:
    """The lines, each group opened by a line that names it."""
    group = ""
    for line in laid.lines:
        if line.group != group:
            group = line.group
            yield Line(cells=(Cell(text=group.upper()), *(Cell(text="") for _ in laid.headings[1:])))
        yield line
