"""Where results go: a table for people, one JSON document for programs, files on request; stdout is the answer."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from llmcmp.cli import terminal
from llmcmp.cli.paging import page, wants_pager
from llmcmp.cli.progress import settle
from llmcmp.exports import check_outputs, content, json_text
from llmcmp.files import write
from llmcmp.tables.grid import grid, hidden_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from llmcmp.model import Model
    from llmcmp.tables.grid import Cell, Grid
    from llmcmp.tables.table import Table


def prepare(outputs: Sequence[Path] | None) -> tuple[Path, ...]:
    """The files to write, checked before any work is done. Raises OutputError."""
    paths = tuple(outputs or ())
    check_outputs(paths)
    return paths


def deliver(
    table: Table,
    *,
    as_json: bool,
    outputs: Sequence[Path],
    explained: Sequence[Model] = (),
    view: Iterable[RenderableType] = (),
) -> None:
    """Print a table or its JSON document, the formulas of the `explained` models below it, and write the files.

    On a terminal a `view` stands in place of the table, where a command draws more than one.
    """
    write_all(table, outputs)
    lines: Sequence[str] = ()
    if explained:
        from llmcmp.tables.formulas import formulas

        lines = tuple(formulas(table, explained))
    if as_json:
        answer(json_text(table))
        for line in lines:
            print(line, file=sys.stderr)
    else:
        display((*(view or _pieces(table)), *_below(lines)))
        _remarks(table, hidden=not view)


def _below(lines: Sequence[str]) -> Iterator[RenderableType]:
    """Lines under a table, each wrapped within its own indent."""
    from rich.padding import Padding
    from rich.text import Text

    if lines:
        yield ""
    for line in lines:
        yield Padding(Text(line.strip()), (0, 0, 0, len(line) - len(line.lstrip())))


def _remarks(table: Table, *, hidden: bool) -> None:
    """What a reader should know of the table, on stderr."""
    for line in table.notes:
        note(line)
    left_out = hidden_columns(table) if hidden else ()
    if left_out:
        columns = "column" if len(left_out) == 1 else "columns"
        note(f"{len(left_out)} more {columns} with --json or -o FILE")


def write_all(table: Table, outputs: Sequence[Path]) -> None:
    """Write the files that were asked for, once all of them could be made."""
    write_contents([(path, content(table, path)) for path in outputs])


def write_contents(contents: Iterable[tuple[Path, bytes]]) -> None:
    """Write files whose contents have been made, and say so."""
    for path, made in contents:
        write(made, path)
        note(f"wrote {path}")


def answer(text: str) -> None:
    """Write to stdout. Where its reader has gone (`| head`), nothing is wrong and nothing more can be said."""
    settle()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def note(message: str) -> None:
    """A line for the reader that is not part of the answer; none where only the answer is wanted."""
    if terminal.preferences().quiet:
        return
    settle()
    from rich.text import Text

    buffer = io.StringIO()
    terminal.console(sys.stderr, into=buffer).print(Text(message))
    for line in buffer.getvalue().splitlines():
        print(line.rstrip(), file=sys.stderr)


def display(pieces: Iterable[RenderableType]) -> None:
    """Print to the terminal, through a pager where it is long; into a pipe nothing is cut, no blanks at line ends."""
    buffer = io.StringIO()
    screen = terminal.console(sys.stdout, into=buffer)
    for piece in pieces:
        screen.print(piece)
    text = "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())
    settle()
    if wants_pager(text) and page(text):
        return
    answer(text)


def width() -> int:
    """Columns of the terminal, or enough for anything in a pipe."""
    return terminal.width(sys.stdout)


def _pieces(table: Table) -> Iterator[RenderableType]:
    from rich.text import Text

    laid = grid(table)
    if table.title:
        yield Text(table.title, style="bold")
    if not laid.lines:
        yield "nothing to show"
        return
    for number, panel in enumerate(panels(laid, width())):
        if number:
            yield ""
        yield rich_table(panel)


def panels(laid: Grid, room: int) -> list[Grid]:
    """The grid cut into as few pieces as fit the width, the first column repeated; nothing is lost.

    Long texts wrap within their column where that saves a piece.
    """
    cuts = [_cut(laid, room, widest) for widest in _WIDEST]
    fewest = min(cuts, key=len)
    return [_piece(laid, columns) for columns in fewest]


# Columns at which a text wraps rather than push others away, the most comfortable first.
_WIDEST = (34, 26, 20)


def _cut(laid: Grid, room: int, widest: int) -> list[list[int]]:
    """Columns of each piece, if no text column is wider than `widest`."""
    rows: list[Sequence[Cell]] = [laid.headings, *(line.cells for line in laid.lines)]
    sizes = [
        max(len(cell.text) if cell.numeric else min(len(cell.text), widest) for cell in column) + 3
        for column in zip(*rows, strict=True)
    ]
    pieces: list[list[int]] = [[]]
    for column, size in enumerate(sizes[1:], start=1):
        if pieces[-1] and sizes[0] + sum(sizes[i] for i in pieces[-1]) + size > room:
            pieces.append([])
        pieces[-1].append(column)
    return pieces


def _piece(laid: Grid, columns: Sequence[int]) -> Grid:
    """Some columns of a grid, after its first."""
    from llmcmp.tables.grid import Grid, Line

    kept = (0, *columns)
    lines = tuple(Line(cells=tuple(line.cells[i] for i in kept), group=line.group) for line in laid.lines)
    return Grid(headings=tuple(laid.headings[i] for i in kept), lines=lines)


def rich_table(laid: Grid) -> RenderableType:
    """A grid as a Rich table: groups under a rule, differences in bold."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="bold", show_edge=False)
    numeric = [any(line.cells[i].numeric for line in laid.lines) for i in range(len(laid.headings))]
    for heading, right in zip(laid.headings, numeric, strict=True):
        drawn.add_column(Text(heading.text), justify="right" if right else "left", overflow="fold")
    group = ""
    for line in laid.lines:
        if line.group != group:
            group = line.group
            drawn.add_section()
            drawn.add_row(Text(group, style="bold cyan"))
        drawn.add_row(*(_text(cell) for cell in line.cells))
    return drawn


def _text(cell: Cell) -> RenderableType:
    from rich.text import Text

    style = "dim" if cell.text in ("—", "undisclosed") else "bold" if cell.differs else ""
    return Text(cell.text, style=style)
