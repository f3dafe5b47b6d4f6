"""An explanation on the terminal, section by section; prose is wrapped for reading, also in a pipe."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from llmcmp.cli.output import panels, rich_table, width
from llmcmp.tables.grid import grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from llmcmp.learn.explanation import Explanation

READABLE = 88  # columns of a line of prose


def lesson_view(shown: Explanation) -> Iterator[RenderableType]:
    """Everything about one term, piece by piece."""
    term = shown.term
    yield Text(term.title, style="bold")
    if term.aliases:
        yield from _prose(f"also: {', '.join(term.aliases)}", style="dim")
    for paragraph in term.what:
        yield ""
        yield from _prose(paragraph)
    yield from _heading("Formula")
    yield Padding(Text(term.formula, no_wrap=True, overflow="ignore"), (0, 0, 0, 2))
    yield from _heading("What it costs and saves")
    yield from _prose(term.costs)
    yield ""
    yield from _table(shown)
    yield from _heading("Presets that use it")
    yield from _prose(shown.used_by())
    for title, points in (("Advantages", term.advantages), ("Limits", term.limits)):
        yield from _heading(title)
        yield from _points(points)
    yield from _heading("Sources")
    for source in term.sources:
        yield from _prose(f"{source.what} ({source.year})")
        yield _indented(source.url, style="dim")
    yield from _further(shown)


def _further(shown: Explanation) -> Iterator[RenderableType]:
    if shown.term.see:
        yield from _heading("See also")
        yield from _prose(", ".join(shown.term.see))
    if shown.term.commands:
        yield from _heading("Try")
        for command in shown.term.commands:
            yield _indented(command)


def _heading(title: str) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, style="bold cyan")


def _indented(text: str, style: str = "") -> RenderableType:
    """What is to be copied: in one line where the terminal is wide enough, else folded and never cut."""
    return Padding(Text(text, style=style, overflow="fold"), (0, 0, 0, 2))


def _prose(text: str, style: str = "") -> Iterator[RenderableType]:
    for line in _wrapped(text):
        yield Text(f"  {line}", style=style)


def _points(points: Iterable[str]) -> Iterator[RenderableType]:
    for point in points:
        first, *rest = _wrapped(point, room=4)
        yield Text(f"  - {first}")
        for line in rest:
            yield Text(f"    {line}")


def _wrapped(text: str, room: int = 2) -> list[str]:
    size = min(READABLE, width()) - room
    return textwrap.wrap(text, size, break_long_words=False, break_on_hyphens=False)


def _table(shown: Explanation) -> Iterator[RenderableType]:
    for number, panel in enumerate(panels(grid(shown.table), width() - 2)):
        if number:
            yield ""
        yield Padding(rich_table(panel), (0, 0, 0, 2))
    if shown.table.notes:
        yield ""
    for line in shown.table.notes:
        yield from _prose(line, style="dim")
