"""The filters of the list: what `llmcmp list` has options for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Select, Static

from llmcmp import units
from llmcmp.errors import QuantityError
from llmcmp.workbench.catalogue import Filter
from llmcmp.workbench.dialogs.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from llmcmp.workbench.catalogue import Choices

EXPERTS = {"MoE": True, "dense": False}


class FilterDialog(Dialog[Filter]):
    """Answers with the filters as they were left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "reset", "Reset", id="filter.reset", tooltip="Take all filters away", priority=True),
        Binding("ctrl+s", "done", "Apply", id="filter.done", tooltip="Apply the filters", priority=True),
    ]
    heading = "Filter models"
    keys = "ctrl+s: apply · ctrl+r: reset · esc: cancel"

    def __init__(self, filters: Filter, choices: Choices) -> None:
        super().__init__()
        self.filters, self.choices = filters, choices

    def inside(self) -> ComposeResult:
        now, offered = self.filters, self.choices
        yield from _choice("Class", "architecture", offered.architectures, now.architecture)
        kind = next((word for word, has in EXPERTS.items() if has is now.mixture), None)
        yield from _choice("Experts", "mixture", tuple(EXPERTS), kind)
        yield from _choice("Attention", "attention", offered.attention, now.attention)
        yield from _choice("Task", "task", offered.tasks, now.task)
        yield from _choice("Language", "language", offered.languages, now.language)
        yield from _size("At least", "smallest", now.smallest)
        yield from _size("At most", "largest", now.largest)

    def on_mount(self) -> None:
        self.query(Select).first().focus()

    def on_input_submitted(self) -> None:
        self.action_done()

    def action_reset(self) -> None:
        self.dismiss(Filter())

    def action_done(self) -> None:
        values: dict[str, Any] = {}
        for name in ("architecture", "mixture", "attention", "task", "language"):
            select = cast("Select[str]", self.query_one(f"#{name}", Select))
            values[name] = None if select.is_blank() else select.value
        values["mixture"] = EXPERTS.get(values["mixture"])
        try:
            for field in self.query(Input):
                values[str(field.id)] = units.count(field.value) if field.value.strip() else None
        except QuantityError as error:
            self.wrong(str(error))
            return
        self.dismiss(Filter(**values))


def _choice(label: str, name: str, values: Iterable[str], value: str | None) -> ComposeResult:
    with Horizontal(classes="row"):
        yield Static(label, classes="label")
        options = [(text, text) for text in values]
        yield Select(options, prompt="any", id=name, compact=True, value=Select.NULL if value is None else value)


def _size(label: str, name: str, value: int | None) -> ComposeResult:
    with Horizontal(classes="row"):
        yield Static(label, classes="label")
        shown = "" if value is None else units.show_count(value).replace(" ", "")
        yield Input(shown, placeholder="parameters: 350M, 7B", id=name, compact=True)
