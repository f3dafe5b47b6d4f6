"""What the terminal can show, and what its user asked of it: how wide, whether quiet, whether through a pager.

The options that every command shares write it, everything that prints reads it. `NO_COLOR` forbids colour anywhere,
`FORCE_COLOR` asks for it even in a pipe, and a terminal that calls itself dumb has none.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from llmcmp.frozen import frozen, replace

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000  # off a terminal nothing is cut or wrapped
NARROWEST, WIDEST = 20, PIPE_WIDTH


@frozen
class Preferences:
    """`width` None is the terminal's own."""

    quiet: bool = False
    width: int | None = None
    pager: bool = True


_preferences = Preferences()


def preferences() -> Preferences:
    """What holds now."""
    return _preferences


def prefer(*, quiet: bool | None = None, width: int | None = None, pager: bool | None = None) -> None:
    """Change what is given, leave the rest."""
    global _preferences
    given = {"quiet": quiet, "width": width, "pager": pager}
    _preferences = replace(_preferences, **{key: value for key, value in given.items() if value is not None})


def forget() -> None:
    """Back to the defaults, at the start of a command."""
    global _preferences
    _preferences = Preferences()


def coloured(stream: TextIO) -> bool:
    """Whether colour and bold may go there."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and not dumb()


def dumb() -> bool:
    """Whether the terminal can only type, one line after the other."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def watched() -> bool:
    """Whether somebody sees progress: stderr is a terminal that can redraw a line, and nobody asked for quiet."""
    return not preferences().quiet and sys.stderr.isatty() and not dumb()


def console(stream: TextIO, *, into: TextIO | None = None) -> Console:
    """A Rich console for a stream; what it draws goes `into` a buffer instead, where one is given."""
    from rich.console import Console

    colour = coloured(stream)
    return Console(
        file=into or stream,
        highlight=False,
        force_terminal=colour or stream.isatty(),
        color_system=("standard" if dumb() else "auto") if colour else None,
        no_color=not colour,
        width=width(stream),
    )


def width(stream: TextIO) -> int:
    """Columns to fill: those asked for, those of the terminal, or enough for anything in a pipe."""
    if preferences().width is not None:
        return preferences().width or PIPE_WIDTH
    return _size()[0] if stream.isatty() else PIPE_WIDTH


def height() -> int:
    """Lines of the terminal."""
    return _size()[1]


def _size() -> tuple[int, int]:
    from shutil import get_terminal_size

    return get_terminal_size((80, 25))
