"""The Blocks tab: models as trees down to their tensors, or as drawings, side by side where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from llmcmp.workbench.anatomy import Anatomy
from llmcmp.workbench.view import View
from llmcmp.workbench.views.empty import SELECT, Empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from llmcmp.model import Model
    from llmcmp.tables.structure import Node
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection

NARROWEST = 58  # columns below which a second model finds no room
GAP = 2  # columns between two names


class Name(Static):
    """The name of a selected model; a click shows the model."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, markup=False)
        self.number = number

    def on_click(self) -> None:
        view = next(each for each in self.ancestors if isinstance(each, BlocksView))
        view.first = self.number
        view.follow()


class Names(Horizontal):
    """The selected models, those on the screen marked, and which of how many they are where not all find room.

    A name stands there whole or not at all, but for the first: how many there are is said before it.
    """

    DEFAULT_CSS = """
    Names { height: 1; }
    Names Static { width: auto; height: 1; margin: 0 2 0 0; color: $foreground 60%; }
    Names Name.-shown { color: $primary; text-style: bold; }
    Names Name:hover { text-style: underline; }
    """

    def compose(self) -> ComposeResult:
        yield Static()

    def put(self, models: Sequence[Model], shown: range, width: int) -> None:
        """Name the models, from the first that is on the screen, as far as whole names go into these columns."""
        some = len(shown) < len(models)
        span = f"{shown.stop}" if len(shown) == 1 else f"{shown.start + 1}–{shown.stop}"
        place = self.query(Static).first()
        place.update(f"{span} of {len(models)}")
        place.display = some
        names = [(number, models[number].name) for number in range(shown.start if some else 0, len(models))]
        known = list(self.query(Name))
        if [(each.number, str(each.content)) for each in known] != names:
            self.query(Name).remove()
            known = [Name(name, number) for number, name in names]
            self.mount(*known)
        room = width - (len(str(place.content)) + GAP if some else 0)
        for each in known:
            needed = cell_len(str(each.content))
            each.set_class(each.number in shown, "-shown")
            each.display = needed <= room or each.number in shown
            room -= needed + GAP


class Column(Vertical):
    """One model: its tree, and its drawing in the same place."""

    DEFAULT_CSS = """
    Column { width: 1fr; height: 1fr; padding: 0 1 0 0; }
    Column VerticalScroll { overflow-x: auto; scrollbar-size: 1 1; }
    Column .drawing { width: auto; height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Anatomy()
        with VerticalScroll():
            yield Static(classes="drawing", markup=False)
        yield Static(classes="notes", markup=False)

    def put(self, model: Model, node: Node | None, baseline: Node | None, drawn: bool) -> None:
        """Show a model, or say why nothing can be shown."""
        from llmcmp.tables.diagram import diagram

        self.query_one(Anatomy).display = node is not None and not drawn
        self.query_one(VerticalScroll).display = node is not None and drawn
        notes = self.query_one(".notes", Static)
        notes.display = node is None
        if node is None:
            notes.update(f"{model.name}: its vendor has not published its architecture.")
        elif drawn:
            self.query_one(".drawing", Static).update("\n".join((f"   {model.name}", "", *diagram(model))))
        else:
            self.query_one(Anatomy).put(node, baseline)


class BlocksView(View):
    """What `llmcmp show` draws and lists of the selected models."""

    keys = ("draw", "before", "next")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.first, self.drawn = 0, False
        self._selection: Selection | None = None
        self._trees: dict[str, Node | None] = {}

    def compose(self) -> ComposeResult:
        yield Empty("The architecture, block by block", "Layers, components, tensors and their shapes.", SELECT)
        yield Names()
        yield Horizontal(id="columns")

    def show(self, selection: Selection) -> None:
        self._selection = selection
        models = selection.models
        self.query_one(Empty).display = not models
        for widget in self.query("Names, #columns"):
            widget.display = bool(models)
        self.first = max(0, min(self.first, len(models) - 1))
        if not models:
            return
        self.compute(lambda: _taken_apart(models), self._done, self.app.notify)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    def _done(self, nodes: dict[str, Node | None]) -> None:
        self._trees = nodes
        self.follow()

    @property
    def shown(self) -> range:
        """The numbers of the models that are on the screen."""
        models = self._selection.models if self._selection else ()
        room = max(1, self.size.width // NARROWEST)
        first = max(0, min(self.first, len(models) - room))
        return range(first, min(first + room, len(models)))

    def follow(self) -> None:
        """Let the columns show the models that are to be shown."""
        if self._selection is None or not self._trees:
            return
        models, shown = self._selection.models, self.shown
        holder = self.query_one("#columns", Horizontal)
        columns = list(holder.query(Column))
        if len(columns) < len(shown):
            holder.mount(*(Column() for _ in range(len(shown) - len(columns))))
            self.call_after_refresh(self.follow)
            return
        base = self._trees.get(self._selection.baseline or "")
        for column, number in zip(columns, shown, strict=False):
            column.put(models[number], self._trees.get(models[number].name), base, self.drawn)
        for place, column in enumerate(columns):
            column.display = place < len(shown)
        self.query_one(Names).put(models, shown, self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self.follow()

    def press(self, what: str) -> None:
        if what == "draw":
            self.drawn = not self.drawn
            self.follow()
        else:
            self._turn(1 if what == "next" else -1)

    def _turn(self, step: int) -> None:
        models = self._selection.models if self._selection else ()
        if models:
            self.first = (self.shown.start + step) % max(1, len(models) - len(self.shown) + 1)
            self.follow()

    def table(self) -> Table | None:
        if self._selection is None or not self._selection.models:
            return None
        from llmcmp.tables.structure import tensors_table

        return tensors_table(self._selection.models)


def _taken_apart(models: Sequence[Model]) -> dict[str, Node | None]:
    """The trees of models by name, None where there is nothing to show."""
    from llmcmp.tables.structure import structure

    return {model.name: structure(model) if model.disclosed else None for model in models}
