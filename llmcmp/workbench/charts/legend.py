"""Names beside their colours, as many a line as fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence


class Legend(Static):
    """What the colours of a chart mean."""

    DEFAULT_CSS = """
    Legend { height: auto; max-height: 3; color: $foreground 80%; }
    """

    _entries: Sequence[tuple[str, str]] = ()

    def put(self, entries: Sequence[tuple[str, str]]) -> None:
        """Show (name, colour) pairs; a name is never broken over two lines."""
        self._entries = entries
        self._pack()

    def on_resize(self) -> None:
        self._pack()

    def _pack(self) -> None:
        lines: list[list[Content]] = [[]]
        used = 0
        for name, colour in self._entries:
            if used + len(name) + 2 > self.size.width and lines[-1]:
                lines.append([])
                used = 0
            lines[-1].append(Content.from_markup(f"[{colour}]■[/] $name", name=name))
            used += len(name) + 4
        self.update(Content("\n").join(Content("  ").join(line) for line in lines))
