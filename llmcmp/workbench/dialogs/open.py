"""A line to open whatever `llmcmp.load` reads: a preset with changes, a preset file, an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Input, Static

from llmcmp.model import Model
from llmcmp.workbench.background import aside
from llmcmp.workbench.dialogs.dialog import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult


class OpenDialog(Dialog[tuple[str, tuple[Model, ...]]]):
    """Answers with what was typed and the models that it means; what cannot be opened is said in one line."""

    heading = "Open a model"
    keys = "enter: open · esc: cancel"

    def inside(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static("Model", classes="label")
            yield Input(placeholder="file, id, name or family/*", compact=True, id="reference")
        yield Static("A preset with changes: llama3-8b:kv_heads=32,layers=40", classes="hint")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        reference = event.value.strip()
        if not reference:
            self.wrong("type the name of a preset, an id, or the path of a file")
            return
        self.wrong("")
        aside(self, lambda: _loaded(reference), lambda models: self.dismiss((reference, models)), self.wrong, "open")


def _loaded(reference: str) -> tuple[Model, ...]:
    from llmcmp.sources.presets import load_all

    return load_all([reference])
