"""What if: the fields of a model to edit, checked as they are typed, and what the edit changes before it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from llmcmp.frozen import frozen
from llmcmp.model import Model
from llmcmp.workbench.background import app_of, aside
from llmcmp.workbench.dialogs.dialog import Dialog
from llmcmp.workbench.dialogs.save import SaveDialog
from llmcmp.workbench.run_bar import Choice, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult, RenderResult

    from llmcmp.sources.editing import Field
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection

UNSET = "—"
TURN = "  ‹ ›"
# The columns of `compare` whose change is told before an edit is applied.
TOLD = "parameters active_parameters weight_bytes kv_bytes_per_token kv_bytes prefill_flops decode_flops".split()


@frozen
class Edit:
    """What came of it: a model, and whether it is a preset of the user's now."""

    model: Model
    saved: bool = False

    def reference(self, origin: str) -> str:
        """What opens the model again: its name, where `origin` opens what it is made of."""
        overrides = self.model.card.overrides
        return self.model.name if self.saved or not overrides else f"{_unchanged(origin)}:{','.join(overrides)}"


class Turned(Choice, inherit_bindings=False):
    """A field of few values; up and down go to the next field here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "Next", id="turned.next", show=False, tooltip="The next value"),
        Binding("left", "turn(-1)", "Previous", id="turned.previous", show=False, tooltip="The value before"),
        Binding("enter", "screen.done", "Apply", id="turned.done", show=False, tooltip="Show the edited model"),
    ]

    def get_content_width(self, container: Any, viewport: Any) -> int:
        return super().get_content_width(container, viewport) + len(TURN)

    def render(self) -> RenderResult:
        return Content.assemble(self.value, (TURN, "$foreground 40%"))


class WhatIf(Dialog[Edit]):
    """Answers with the edited model, saved as a preset or not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Apply", id="what_if.done", tooltip="Show the edited model", priority=True),
        Binding("ctrl+n", "save", "Save as", id="what_if.save", tooltip="Save it as a preset of yours", priority=True),
        Binding("down", "app.focus_next", "Next field", id="what_if.next", show=False, priority=True,
                tooltip="The next field"),
        Binding("up", "app.focus_previous", "Field before", id="what_if.previous", show=False, priority=True,
                tooltip="The field before"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    WhatIf > #window { width: 78; height: 100%; padding: 0 1; }
    WhatIf VerticalScroll {
        height: 1fr; scrollbar-size: 1 1; scrollbar-background: $surface; scrollbar-color: $foreground 20%;
        scrollbar-background-hover: $surface; scrollbar-color-hover: $foreground 40%;
    }
    WhatIf .field { height: 1; }
    WhatIf .field .label { width: 24; color: $foreground 80%; text-wrap: nowrap; text-overflow: ellipsis; }
    WhatIf .field Input { width: 24; background: $boost; }
    WhatIf .field Input:focus { background: $primary 25%; }
    WhatIf .field Turned { width: 24; background: $boost; }
    WhatIf .field .was { width: 1fr; padding: 0 0 0 2; color: $text-accent; text-wrap: nowrap; }
    WhatIf .group { height: 1; color: $text-secondary; text-style: bold; margin: 1 0 0 0; }
    WhatIf #change { height: auto; max-height: 4; color: $text-primary; margin: 1 0 0 0; }
    WhatIf #buttons { height: 1; margin: 1 0 0 0; }
    WhatIf Button { min-width: 12; margin: 0 2 0 0; }
    """
    keys = "ctrl+s or enter: apply · ctrl+n: save as preset · esc: cancel"

    def __init__(self, model: Model, fields: tuple[Field, ...], selection: Selection) -> None:
        super().__init__()
        self.model, self.fields, self.selection = model, fields, selection

    def inside(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            section = None
            for number, field in enumerate(self.fields):
                if field.section != section:
                    section = field.section
                    yield Static(section.replace("_", " ") or "card", classes="group", markup=False)
                yield from self._row(number, field)
        yield Static(id="change", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Apply", id="apply", compact=True, variant="primary")
            yield Button("Save as preset", id="save", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    def _row(self, number: int, field: Field) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(field.name.replace("_", " "), classes="label", markup=False)
            if field.choices:
                values = field.choices if field.value else (UNSET, *field.choices)
                yield Turned(f"field{number}", "", values, field.value or UNSET, field.key)
            else:
                yield Input(field.value, placeholder="not set", compact=True, name=f"field{number}")
            yield Static(classes="was", markup=False)

    def on_mount(self) -> None:
        self.query_one("#window").border_title = f"What if {self.model.name} …"
        self.query(".field Input, .field Turned").first().focus()

    # What is typed.

    def changes(self) -> dict[str, str]:
        """The fields that differ from what they were, as an override says them."""
        found: dict[str, str] = {}
        for number, field in enumerate(self.fields):
            value = self._typed(number)
            if value != field.value:
                found[field.key] = value
        return found

    def _typed(self, number: int) -> str:
        row = self.query(".field")[number]
        turned = list(row.query(Turned))
        if turned:
            return "" if turned[0].value == UNSET else turned[0].value
        return row.query_one(Input).value.strip()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._check()

    def on_setting(self, event: Setting) -> None:
        event.stop()
        self._check()

    def _check(self) -> None:
        """See whether what is typed makes a model, and what it changes."""
        changes = self.changes()
        for row, field in zip(self.query(".field"), self.fields, strict=True):
            was = f"was {field.value or 'not set'}" if field.key in changes else ""
            row.query_one(".was", Static).update(was)
        selection = self.selection
        aside(self, lambda: _tried(self.model, changes, selection), self._good, self._bad, "what if")

    def _good(self, answer: tuple[Model, Table]) -> None:
        self.wrong("")
        self.query_one("#change", Static).update(change(answer[1]))

    def _bad(self, line: str) -> None:
        self.query_one("#change", Static).update("")
        self.wrong(line)

    # What is done with it.

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_done()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        {"apply": self.action_done, "save": self.action_save, "cancel": self.action_leave}[str(event.button.id)]()

    def action_done(self) -> None:
        if self.changes():
            self._with(lambda model: self.dismiss(Edit(model=model)))
        else:
            self.wrong("nothing is changed yet")

    def action_save(self) -> None:
        def saved(model: Model | None) -> None:
            if model is not None:
                self.dismiss(Edit(model=model, saved=True))

        self._with(lambda model: app_of(self).push_screen(SaveDialog(model), saved))

    def _with(self, use: Callable[[Model], object]) -> None:
        """Make the edited model of what stands there now, and use it; else say what is wrong with it."""
        changes, model = self.changes(), self.model

        def made() -> Model:
            from llmcmp.sources.editing import edited

            return edited(model, changes)

        aside(self, made, use, self._bad, "what if")


def _unchanged(reference: str) -> str:
    """A reference without its changes."""
    head, colon, tail = reference.rpartition(":")
    return head if colon and "=" in tail else reference


def opened(model: Model) -> tuple[Model, tuple[Field, ...]]:
    """A model with its fields. Raises PresetError where it has none."""
    from llmcmp.sources.editing import fields

    return model, fields(model)


def _tried(model: Model, changes: dict[str, str], selection: Selection) -> tuple[Model, Table]:
    """The edited model beside the one that it is made of."""
    from llmcmp.sources.editing import edited
    from llmcmp.tables.compare import compare

    made = edited(model, changes)
    table = compare(
        [model, made] if changes else [model],
        selection.context,
        batch=selection.batch,
        weights=selection.weights,
        dtype=selection.dtype,
        baseline=model,
    )
    return made, table


def change(table: Table) -> str:
    """What differs between the two models of a comparison: "KV cache 512 MiB → 1.00 GiB (2.00 ×)"."""
    if len(table.rows) < 2:
        return ""
    columns = {column.key: column for column in table.columns}
    before, after = table.rows
    told = [
        f"{columns[key].label.strip()} {columns[key].show(before)} → {columns[key].show(after)} "
        f"({columns[f'{key}_ratio'].show(after)})"
        for key in TOLD
        if before.get(key) != after.get(key)
    ]
    return " · ".join(told) or "no figure changes"
