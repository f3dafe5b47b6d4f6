"""What a view says when there is nothing to show: what it is for, and the keys that fill it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Empty(Static):
    """A few centred lines: a title, what the tab shows, and keys."""

    def __init__(self, title: str, text: str, keys: tuple[tuple[str, str], ...]) -> None:
        widest = max((len(key) for key, _ in keys), default=0)
        lines = [Content.from_markup("[b $primary]$title[/]", title=title), Content(""), Content(text), Content("")]
        lines += [
            Content.from_markup("[b $accent]$key[/]  $what", key=f"{key:>{widest}}", what=what) for key, what in keys
        ]
        super().__init__(Content("\n").join(lines), classes="empty")


SELECT = (("space", "select the model at the cursor"), ("/", "search by name"), ("f", "filter by what models are"))
