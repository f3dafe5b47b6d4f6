"""The left pane: a search box, what the filters leave, and the models by family."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from llmcmp.errors import LlmcmpError
from llmcmp.workbench import catalogue
from llmcmp.workbench.catalogue import OPENED, Filter
from llmcmp.workbench.model_list import ModelList

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from textual.app import ComposeResult

    from llmcmp.tables.table import Row


class Search(Input):
    """The search box; up and down walk the list below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "leave", "To the list", id="search.down", tooltip="To the list of models"),
        Binding("escape", "clear", "Clear", id="search.clear", tooltip="Clear the search, to the list"),
    ]

    def action_leave(self) -> None:
        """To the list; where something is searched for, to the first model that was found."""
        models = self.screen.query_one(ModelList)
        if self.value.strip():
            models.point_at_first()
        models.focus()

    def action_clear(self) -> None:
        self.value = ""
        self.action_leave()


class Library(Vertical):
    """Lists presets and what was opened, as search and filters leave them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._presets: tuple[tuple[str, str], ...] = ()
        self._opened: tuple[str, ...] = ()
        self._facts: dict[str, Row] = {}
        self._left: Collection[str] | None = None
        self._marked: Collection[str] = ()
        self.filters = Filter()

    def compose(self) -> ComposeResult:
        yield Search(placeholder="/ search", compact=True, id="search", select_on_focus=False)
        yield Static(id="found")
        yield ModelList(id="models")

    def on_mount(self) -> None:
        self.look()

    def look(self) -> None:
        """List the presets that there are now."""
        try:
            self._presets = catalogue.presets()
            self._presets = catalogue.in_order(self._presets, self._facts)
        except LlmcmpError as error:
            self.notify(str(error), severity="error", markup=False)
        self._list()

    def know(self, facts: Mapping[str, Row]) -> None:
        """What is known of models, presets or opened ones, for their sizes."""
        self._facts = {**self._facts, **facts}
        self._presets = catalogue.in_order(self._presets, self._facts)
        self.query_one(ModelList).know(self._facts)
        self._list()

    def filter(self, filters: Filter, left: Collection[str] | None) -> None:
        """Only the presets in `left` meet the filters; None where there are none."""
        self.filters, self._left = filters, left
        self._list()

    def mark(self, models: Collection[str], baseline: str | None, opened: tuple[str, ...]) -> None:
        """These models are selected; `opened` are no presets and stand above them."""
        self._marked = models
        self.query_one(ModelList).mark(models, baseline)
        if opened != self._opened:
            self._opened = opened
            self._list()
        self._say()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Search).action_leave()

    def find_all(self) -> None:
        """Search for nothing any more."""
        self.query_one(Search).value = ""

    def _list(self) -> None:
        text = self.query_one(Search).value
        entries = [(name, OPENED) for name in self._opened]
        entries += [(name, family) for name, family in self._presets if self._left is None or name in self._left]
        self._shown = list(catalogue.found(entries, text))
        self.query_one(ModelList).list_models(self._shown, unfolded=bool(text.strip()))
        self._say()

    def _say(self) -> None:
        """How many models are listed and selected, and whether filters hold any back."""
        every, listed = len(self._presets) + len(self._opened), len(self._shown)
        parts = [f"{every} models" if listed == every else f"{listed} of {every}"]
        parts += ["[$text-warning]filtered[/]"] if self.filters.asked() else []
        parts += [f"[$text-accent]{len(self._marked)} selected[/]"] if self._marked else []
        self.query_one("#found", Static).update(" · ".join(parts))
