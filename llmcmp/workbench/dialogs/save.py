"""A name for a model that becomes a preset of the user's; never one that is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Input, Static

from llmcmp.errors import LlmcmpError
from llmcmp.model import Model
from llmcmp.sources import user
from llmcmp.sources.saving import check_free, place, save_preset, suggested
from llmcmp.workbench.background import aside
from llmcmp.workbench.dialogs.dialog import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult


class SaveDialog(Dialog[Model]):
    """Answers with the model under its new name, once its file is written."""

    heading = "Save as a preset"
    keys = "enter: save · esc: cancel"

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def inside(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static("Name", classes="label")
            yield Input(suggested(self.model), compact=True, id="name")
        yield Static(f"a file in {user.home()}, found by name from then on", classes="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            check_free(*place(self.model, event.value.strip() or " "))
        except LlmcmpError as error:
            self.wrong(str(error))
        else:
            self.wrong("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        model, name = self.model, event.value.strip() or " "
        aside(self, lambda: _saved(model, name), self.dismiss, self.wrong, "save")


def _saved(model: Model, name: str) -> Model:
    return save_preset(model, *place(model, name))
