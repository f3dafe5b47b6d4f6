"""The Compare tab: models side by side; what differs stands out, and costs stand beside a baseline's."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from textual.widgets import Static

from llmcmp.workbench.table_view import TableView
from llmcmp.workbench.view import Tabled, View
from llmcmp.workbench.views.empty import SELECT, Empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from llmcmp.tables.grid import Grid
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection
    from llmcmp.workbench.state import State
    from llmcmp.workbench.table_view import Emphasis


class CompareView(Tabled):
    """`llmcmp compare` of the selected models."""

    keys = ("differences",)
    DEFAULT_CSS = """
    CompareView { layout: vertical; }
    CompareView #comparison { height: 1fr; }
    """
    only_differences = False
    _selection: Selection | None = None

    def compose(self) -> ComposeResult:
        yield Empty("Compare models", "What they are, how big, what they compute and remember.", SELECT)
        yield Static(classes="caption")
        yield TableView(id="comparison", columns=True)
        yield Static(classes="notes", markup=False)

    def show(self, selection: Selection) -> None:
        self._selection = selection
        self.query_one(Empty).display = not selection.models
        for widget in self.query("TableView, .caption, .notes"):
            widget.display = bool(selection.models)
        if not selection.models:
            self._table = None
            return
        from llmcmp.tables.compare import compare

        only = self.only_differences and len(selection.models) > 1
        self.compute(
            lambda: compare(
                selection.models,
                selection.context,
                batch=selection.batch,
                weights=selection.weights,
                dtype=selection.dtype,
                baseline=selection.base,
                only_diff=only,
            ),
            self._done,
            self.failed,
        )

    def _done(self, table: Table) -> None:
        from llmcmp.tables.grid import grid

        self._table = table
        laid = grid(table, side_by_side=True)
        names = [row["model"] for row in table.rows]
        base = names.index(table.settings["baseline"]) + 1 if table.settings["baseline"] in names else 0
        self.query_one(TableView).put(laid, emphasis=_emphasis(laid, base), baseline=base)
        only = ", only what differs" if self.only_differences and len(names) > 1 else ""
        self.query_one(".caption", Static).update(f"{table.title}{only}")
        self.say(table.notes)

    def kept(self) -> dict[str, Any]:
        return {"only_differences": self.only_differences}

    def remembered(self, state: State) -> None:
        self.only_differences = state.only_differences

    def press(self, what: str) -> None:
        """Show only what differs, or all again."""
        self.only_differences = not self.only_differences
        if self._selection is not None:
            self.show(self._selection)

    def on_table_view_picked(self, event: TableView.Picked) -> None:
        event.stop()
        if self._table is not None:
            self.post_message(View.Based(self._table.rows[event.column - 1]["model"]))


def _emphasis(laid: Grid, base: int) -> Callable[[int, int], Emphasis]:
    """What all share steps back; what is unlike the baseline, or else unlike most models, stands out."""

    def stands_out(line: int, column: int) -> Emphasis:
        cells = laid.lines[line].cells
        if len(cells) < 3:
            return ""
        if not cells[column].differs:
            return "dim"
        usual = cells[base].text if base else _usual([cell.text for cell in cells[1:]])
        return "strong" if column and usual is not None and cells[column].text != usual else ""

    return stands_out


def _usual(texts: list[str]) -> str | None:
    """What more of the models have than any other; None where no two agree, or where there is a tie."""
    (first, times), *others = Counter(texts).most_common(2)
    return first if times > 1 and (not others or others[0][1] < times) else None
