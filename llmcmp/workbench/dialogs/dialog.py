"""What all dialogs share: a framed window in the middle, a line for what is wrong, Escape to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A window; what stands in it is `inside`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="dialog.leave", tooltip="Leave without a change"),
    ]
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > #window {
            width: 66; max-width: 100%; height: auto; max-height: 100%;
            border: round $primary; border-title-color: $primary; border-title-style: bold;
            border-subtitle-color: $foreground 60%;
            background: $surface; padding: 1 2;
        }
        .row { height: 1; margin: 0 0 1 0; }
        .row .label { width: 14; color: $foreground 70%; }
        .row Input, .row Select { width: 1fr; background: $boost; }
        .row Select SelectCurrent { background: $boost; }
        .row Input:focus, .row Select:focus SelectCurrent { background: $primary 25%; }
        .hint { height: auto; color: $foreground 60%; }
        .wrong { height: auto; color: $text-error; display: none; }
    }
    """
    heading: ClassVar[str] = ""
    keys: ClassVar[str] = "enter: done · esc: cancel"

    def compose(self) -> ComposeResult:
        with Vertical(id="window") as window:
            window.border_title, window.border_subtitle = self.heading, self.keys
            yield from self.inside()
            yield Static(classes="wrong", markup=False)

    # Not abstract by abc: a screen has a metaclass of Textual's, which abc's cannot stand beside.
    def inside(self) -> ComposeResult:
        """The widgets in the window."""
        raise NotImplementedError

    def wrong(self, line: str) -> None:
        """Say what is wrong, in place of what was wrong before."""
        told = self.query_one(".wrong", Static)
        told.update(line)
        told.display = bool(line)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """A click beside the window leaves it."""
        if event.widget is self:
            self.dismiss(None)
