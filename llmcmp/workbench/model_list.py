"""The models by family, each with a mark and its size. Families fold; a model is marked with space or a click."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from llmcmp.frozen import frozen
from llmcmp.units import show_count
from llmcmp.workbench.lines import Lines, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from llmcmp.tables.table import Row


@frozen
class Entry:
    """One line: a model, or a family with its number of models."""

    family: str
    model: str | None = None
    members: int = 0


class ModelList(Lines):
    """Families and their models. What is marked is the app's affair: it is told of, and tells."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Select", id="models.toggle",
                tooltip="Select or leave out the model, or the whole family"),
        Binding("enter", "open", "Select", id="models.enter", show=False,
                tooltip="The same on a model; fold or unfold a family"),
        Binding("left", "fold(True)", "Fold", id="models.fold", show=False, tooltip="Fold the family"),
        Binding("right", "fold(False)", "Unfold", id="models.unfold", show=False, tooltip="Unfold the family"),
        Binding("minus", "fold_all", "Fold all", id="models.fold_all", show=False, tooltip="Fold or unfold all"),
        Binding("b", "baseline", "Baseline", id="models.baseline", show=False, tooltip="Compare all with this model"),
    ]  # fmt: skip

    class Toggled(Message):
        """Models are to be selected or, if they all are, left out."""

        def __init__(self, *models: str) -> None:
            super().__init__()
            self.models = models

    class Based(Message):
        """A model is to be the baseline, or no longer."""

        def __init__(self, model: str) -> None:
            super().__init__()
            self.model = model

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._groups: list[tuple[str, tuple[str, ...]]] = []
        self._folded: set[str] = set()
        self._entries: list[Entry] = []
        self._marked: Collection[str] = ()
        self._baseline: str | None = None
        self._facts: Mapping[str, Row] = {}
        self._open = False

    def list_models(self, models: Sequence[tuple[str, str]], *, unfolded: bool = False) -> None:
        """Show these (name, family) pairs; `unfolded`: whatever was folded before, as a search wants it."""
        grouped = groupby(models, key=lambda entry: entry[1])
        self._groups = [(family, tuple(name for name, _ in members)) for family, members in grouped]
        self._open = unfolded
        self._lay_out()

    def know(self, facts: Mapping[str, Row]) -> None:
        """What `llmcmp list` says of the models: their sizes appear."""
        self._facts = facts
        self.refresh()

    def mark(self, models: Collection[str], baseline: str | None) -> None:
        """These models are selected."""
        self._marked, self._baseline = models, baseline
        self.refresh()

    @property
    def entry(self) -> Entry | None:
        """What stands under the cursor."""
        return self._entries[self.cursor] if self.cursor < len(self._entries) else None

    def point_at(self, model: str) -> None:
        """Put the cursor on a model, if it is listed."""
        spots = [number for number, entry in enumerate(self._entries) if entry.model == model]
        self.cursor = spots[0] if spots else self.cursor

    def point_at_first(self) -> None:
        """Put the cursor on the first model, below its family."""
        self.cursor = next((number for number, entry in enumerate(self._entries) if entry.model), 0)

    def _lay_out(self) -> None:
        under = self.entry
        self._entries = []
        for family, members in self._groups:
            self._entries.append(Entry(family=family, members=len(members)))
            if self._open or family not in self._folded:
                self._entries += [Entry(family=family, model=model) for model in members]
        spots = {(entry.family, entry.model): number for number, entry in enumerate(self._entries)}
        if under is not None:
            self.cursor = spots.get((under.family, under.model), spots.get((under.family, None), 0))
        self.cursor = self.validate_cursor(self.cursor)
        self.changed()
        self.call_after_refresh(self.reveal)

    def count(self) -> int:
        return len(self._entries)

    def line(self, number: int, width: int, base: Style) -> Strip:
        entry = self._entries[number]
        if entry.model is None:
            return self._family_line(entry, width, base)
        marked, size = entry.model in self._marked, self._told(entry.model)
        sign = "◆ " if entry.model == self._baseline else "● " if marked else "○ "
        room = width - 5 - len(size)
        name = shortened(entry.model, room - 1)
        strong = base + self.style("mark") if marked else base
        return Strip(
            [
                Segment("  ", base),
                Segment(sign, base + self.style("mark" if marked else "dim")),
                Segment(f"{name:<{room}}", strong),
                Segment(f"{size} ", base + self.style("dim")),
            ]
        )

    def _family_line(self, entry: Entry, width: int, base: Style) -> Strip:
        closed = entry.family in self._folded and not self._open
        inside = sum(model in self._marked for model in self._members(entry.family))
        told = f"{inside}/{entry.members}" if inside else f"{entry.members}"
        return Strip(
            [
                Segment("▸ " if closed else "▾ ", base + self.style("dim")),
                Segment(f"{entry.family:<{width - 3 - len(told)}}", base + self.style("group")),
                Segment(f"{told} ", base + self.style("mark" if inside else "dim")),
            ]
        )

    def _told(self, model: str) -> str:
        row = self._facts.get(model)
        if row is None:
            return ""
        total = row.get("parameters") or row.get("estimated_parameters")
        return "—" if total is None else show_count(total) if row["disclosed"] else f"~{show_count(total)}"

    def action_mark(self) -> None:
        entry = self.entry
        if entry is None:
            return
        self.post_message(self.Toggled(*((entry.model,) if entry.model else self._members(entry.family))))

    def action_open(self) -> None:
        if self.entry is not None and self.entry.model is None:
            self.action_fold(self.entry.family not in self._folded)
        else:
            self.action_mark()

    def _members(self, family: str) -> tuple[str, ...]:
        """The models that are listed of a family."""
        return next((members for group, members in self._groups if group == family), ())

    def action_baseline(self) -> None:
        if self.entry is not None and self.entry.model is not None:
            self.post_message(self.Based(self.entry.model))

    def action_fold(self, closed: bool) -> None:
        if self.entry is None or self._open:
            return
        (self._folded.add if closed else self._folded.discard)(self.entry.family)
        self._lay_out()

    def action_fold_all(self) -> None:
        self._folded = set() if self._folded else {family for family, _ in self._groups}
        self._lay_out()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        if event.line >= 0:
            self.action_open()
