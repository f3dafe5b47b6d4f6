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

    def put(self, entries: Sequence[tuple[str, str]]) -> None:
        """Show (name, colour) pairs; a name is never broken over two lines."""
        pairs = [
            Content.from_markup(f"[{colour}]■[/]\u00a0$name", name=name.replace(" ", "\u00a0"))
            for name, colour in entries
        ]
        self.update(Content("  ").join(pairs))
