"""Every key and what it does, read off the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from llmcmp.workbench.dialogs.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from textual.app import ComposeResult

SIGNS = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "question_mark": "?",
    "minus": "-",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


class KeysDialog(Dialog[None]):
    """The page of keys: group by group, each with its description."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,enter", "leave", "Close", id="keys.close", show=False, tooltip="Close this page"),
    ]
    DEFAULT_CSS = """
    KeysDialog > #window { width: 76; height: 100%; max-height: 100%; padding: 0 1; }
    KeysDialog VerticalScroll {
        height: 1fr; scrollbar-size: 1 1; scrollbar-background: $surface; scrollbar-background-hover: $surface;
        scrollbar-color: $foreground 20%; scrollbar-color-hover: $foreground 40%;
    }
    """
    heading = "Keys"
    keys = "↑ ↓ scroll · esc: close"

    def __init__(self, groups: Sequence[tuple[str, Iterable[BindingType]]]) -> None:
        super().__init__()
        self.groups = groups

    def inside(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(Content("\n").join(self._lines()))

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def _lines(self) -> Iterator[Content]:
        for number, (title, bindings) in enumerate(self.groups):
            if number:
                yield Content("")
            yield Content.from_markup("[b $primary]$title[/]", title=title)
            for binding in bindings:
                if isinstance(binding, Binding):
                    yield Content.from_markup(
                        "[b $accent]$keys[/]  $what", keys=f"{signs(binding):>14}", what=told(binding)
                    )


def signs(binding: Binding) -> str:
    """The keys of a binding as they stand on a keyboard."""
    return binding.key_display or " ".join(SIGNS.get(key.strip(), key.strip()) for key in binding.key.split(","))


def told(binding: Binding) -> str:
    """What a binding does."""
    return binding.tooltip or binding.description
