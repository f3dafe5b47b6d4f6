"""Where and in which format the table of a view is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Input, Select, Static

from llmcmp import exports
from llmcmp.files import write
from llmcmp.workbench.background import aside
from llmcmp.workbench.dialogs.dialog import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from llmcmp.tables.table import Table

FORMATS = ("csv", "json", "md", "tex", "html", "png", "svg", "pdf")


class ExportDialog(Dialog[Path]):
    """Writes the file and answers with its path; the format follows the path's suffix, and the other way round."""

    heading = "Export"
    keys = "enter: write · esc: cancel"

    def __init__(self, table: Table, name: str) -> None:
        super().__init__()
        self.table, self.path_name = table, name

    def inside(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static("File", classes="label")
            yield Input(f"llmcmp-{self.path_name}.csv", compact=True, id="path", select_on_focus=False)
        with Horizontal(classes="row"):
            yield Static("Format", classes="label")
            yield Select([(kind, kind) for kind in FORMATS], value="csv", allow_blank=False, compact=True, id="format")
        yield Static("csv and json hold raw base units; png, svg and pdf are the figure", classes="hint")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        field = self.query_one(Input)
        suffix = f".{event.value}"
        if Path(field.value).suffix != suffix:
            field.value = str(Path(field.value).with_suffix(suffix)) if Path(field.value).name else suffix

    def on_input_changed(self, event: Input.Changed) -> None:
        suffix = Path(event.value).suffix.removeprefix(".").lower()
        if suffix in FORMATS:
            self.query_one(Select).value = suffix

    def on_input_submitted(self, event: Input.Submitted) -> None:
        path = Path(event.value.strip()).expanduser()
        self.wrong("")
        aside(self, lambda: _written(self.table, path), self.dismiss, self.wrong, "export")


def _written(table: Table, path: Path) -> Path:
    exports.check_outputs((path,))
    write(exports.content(table, path), path)
    return path
