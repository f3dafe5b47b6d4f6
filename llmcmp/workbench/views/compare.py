"""The Compare tab: models side by side, what differs stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

from llmcmp.workbench.view import View

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection


class CompareView(View):
    """`llmcmp compare` of the selected models."""

    key = "compare"
    title = "Compare"
    _table: Table | None = None

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, selection: Selection) -> None:
        from llmcmp.tables.compare import compare

        if not selection.models:
            self._table = None
            self.query_one(Static).update("Select models with space.")
            return
        work = lambda: compare(selection.models, selection.context, batch=selection.batch)  # noqa: E731
        self.compute(work, self._done, self.query_one(Static).update)

    def _done(self, table: Table) -> None:
        self._table = table
        self.query_one(Static).update(str(table))

    def table(self) -> Table | None:
        return self._table
