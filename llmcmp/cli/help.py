"""`--help` on the terminal: usage, what it does, the options in panels, examples that run."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from llmcmp.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from llmcmp.cli.manual import Entry, Manual

WIDEST = 100  # beyond it lines are hard to follow
IN_A_PIPE = 80


def drawn(manual: Manual, commands: Mapping[str, Mapping[str, str]], footer: Iterable[str] = ()) -> str:
    """The help of a command as text, in colour where stdout has any. `commands`: summaries by panel and name."""
    buffer = io.StringIO()
    screen = terminal.console(sys.stdout, into=buffer)
    screen.width = _width()
    for piece in _pieces(manual, commands, footer):
        screen.print(piece)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _width() -> int:
    if terminal.preferences().width is not None:
        return terminal.width(sys.stdout)
    return min(WIDEST, terminal.width(sys.stdout)) if sys.stdout.isatty() else IN_A_PIPE


def _pieces(
    manual: Manual, commands: Mapping[str, Mapping[str, str]], footer: Iterable[str]
) -> Iterator[RenderableType]:
    yield ""
    yield Padding(Text.assemble(("Usage: ", "bold"), manual.usage), (0, 1))
    for paragraph in manual.description:
        yield ""
        yield Padding(Text(paragraph), (0, 1))
    yield ""
    for panel, summaries in commands.items():
        yield _panel(panel, _summaries(summaries, max(len(name) for group in commands.values() for name in group)))
    columns = _columns(manual)
    for panel, entries in manual.panels().items():
        yield _panel(panel, _entries(entries, columns))
    if manual.examples:
        yield _panel("Examples", Group(*(_example(line) for line in manual.examples)))
    for line in footer:
        yield Padding(Text(line, style="dim"), (0, 1))


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=Text(title, style="bold"), title_align="left", border_style="dim", padding=(0, 1))


def _columns(manual: Manual) -> tuple[int, int]:
    """Widths of the names and the values, the same in every panel so that the eye runs down one line."""
    names = max((len(entry.names) for entry in manual.entries), default=0)
    return min(names, 24), min(max((len(entry.value) for entry in manual.entries), default=0), 24)


def _entries(entries: Iterable[Entry], columns: tuple[int, int]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold cyan", min_width=columns[0], overflow="fold")
    table.add_column(style="yellow", min_width=columns[1], overflow="fold")
    table.add_column(ratio=1)
    for entry in entries:
        default = (f" [default: {entry.default}]", "dim") if entry.default else ""
        table.add_row(Text(entry.names), Text(entry.value), Text.assemble(entry.help, default))
    return table


def _summaries(summaries: Mapping[str, str], column: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold cyan", min_width=column, no_wrap=True)
    table.add_column(ratio=1)
    for name, summary in summaries.items():
        table.add_row(Text(name), Text(summary))
    return table


def _example(line: str) -> Padding:
    """A command to copy: where it wraps, the next line is indented by as much as `$ ` takes."""
    grid = Table.grid()
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("$ ", Text(line))
    return Padding(grid, (0, 0))
