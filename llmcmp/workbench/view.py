"""What every tab is: a widget that shows a Selection, and the Table behind it for export and copying.

The app makes a view when its tab is first opened, and calls `show` whenever the selection has changed and the view can
be seen. `show` runs on the UI thread and must return at once: what takes longer than a few milliseconds is computed
by `compute`, in a thread whose result is dropped when the selection has changed in the meantime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from llmcmp.workbench.background import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection
    from llmcmp.workbench.state import State

T = TypeVar("T")


class View(Widget):
    """One tab."""

    # Which of the screen's keys for views it answers to: "differences", "budget", "part".
    keys: ClassVar[tuple[str, ...]] = ()

    DEFAULT_CSS = """
    View { height: 1fr; width: 1fr; }
    """

    class Opened(Message):
        """A model that came into being in a view (a what-if edit): the app adds it to the list and selects it."""

        def __init__(self, model: Model) -> None:
            super().__init__()
            self.model = model

    class Based(Message):
        """A model is to be the baseline, or no longer if it is."""

        def __init__(self, model: str) -> None:
            super().__init__()
            self.model = model

    @property
    def key(self) -> str:
        """What its Tab knows it by, in the tab bar and in the saved state: the name of its module."""
        return type(self).__module__.rpartition(".")[2]

    # Not abstract by abc: a widget has a metaclass of Textual's, which abc's cannot stand beside.
    def show(self, selection: Selection) -> None:
        """Show a selection. The same one may come again."""
        raise NotImplementedError

    def press(self, what: str) -> None:
        """Do what one of `keys` stands for."""

    def remembered(self, state: State) -> None:
        """Take from the last session what `kept` gave; called before the view is mounted."""

    def kept(self) -> dict[str, Any]:
        """Fields of the State that the view holds, for the next start."""
        return {}

    def focus_content(self) -> None:
        """Give the keyboard to the first thing in the view that takes it."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return

    def table(self) -> Table | None:
        """The Table behind what is on the screen, None while there is none."""
        return None

    def compute(self, work: Callable[[], T], done: Callable[[T], Any], failed: Callable[[str], Any]) -> None:
        """Run `work` in a thread, then `done` with its result, or `failed` with one line, on the UI thread.

        A second call drops what the first would have said.
        """

        aside(self, work, done, failed, self.key)


class Tabled(View):
    """A view of one Table, with the table's notes, or what went wrong, below it in a Static of class `notes`."""

    _table: Table | None = None

    def table(self) -> Table | None:
        return self._table

    def say(self, notes: tuple[str, ...]) -> None:
        """Lines below the table, which take no room where there are none."""
        below = self.query_one(".notes", Static)
        below.update("\n".join(notes))
        below.display = bool(notes)

    def failed(self, line: str) -> None:
        """There is no table, and this is why."""
        self._table = None
        self.say((line,))
