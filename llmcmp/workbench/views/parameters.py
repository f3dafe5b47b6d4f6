"""The Parameters tab: what each model's parameters are made of, drawn as stacked bars and told in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.widgets import Static

from llmcmp.workbench.background import dark
from llmcmp.workbench.charts.bars import stacked
from llmcmp.workbench.charts.legend import Legend
from llmcmp.workbench.table_view import Drawn, TableView
from llmcmp.workbench.themes import component
from llmcmp.workbench.view import Tabled
from llmcmp.workbench.views.empty import SELECT, Empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual.app import ComposeResult

    from llmcmp.tables.table import Column, Table
    from llmcmp.workbench.selection import Selection

MOST_BARS = 8  # bars above the table before they scroll


class ParametersView(Tabled):
    """`llmcmp params` of the selected models."""

    SCOPED_CSS = False  # the screen says how much room there is
    DEFAULT_CSS = """
    ParametersView { layout: vertical; }
    ParametersView #components { height: 1fr; }
    .-high ParametersView #shares, .-high ParametersView Legend { margin: 0 0 1 0; }
    """

    def compose(self) -> ComposeResult:
        yield Empty("Parameters by component", "Where a model's weights sit, and how many a token uses.", SELECT)
        yield TableView(id="shares")
        yield Legend()
        yield TableView(id="components", columns=True)
        yield Static(classes="notes", markup=False)

    def show(self, selection: Selection) -> None:
        self.query_one(Empty).display = not selection.models
        for widget in self.query("TableView, Legend"):
            widget.display = bool(selection.models)
        self.say(())
        if not selection.models:
            self._table = None
            return
        from llmcmp.tables.sizes import params_table

        self.compute(lambda: params_table(selection.models, baseline=selection.base), self._done, self.failed)

    def _done(self, table: Table) -> None:
        from llmcmp.tables.grid import grid

        self._table = table
        parts = table.parts
        on_dark = dark(self)
        shares = self.query_one("#shares", TableView)
        shares.styles.height = min(len(table.rows), MOST_BARS) + 1
        shares.put(_totals(table), drawn=_bars(table, parts, on_dark))
        self.query_one(Legend).put([(part.label, component(part.key, on_dark)) for part in parts])
        self.query_one("#components", TableView).put(grid(table, side_by_side=True))


def _totals(table: Table):
    """Model, total and active of each model: what stands beside the bars."""
    from llmcmp.tables.grid import Cell, Grid, Line

    columns = [column for column in table.columns if column.key in ("model", "parameters", "active_parameters")]
    headings = tuple(Cell(text=column.label.removesuffix(" a token"), numeric=column.numeric) for column in columns)
    lines = tuple(
        Line(cells=tuple(Cell(text=column.show(row), numeric=column.numeric) for column in columns))
        for row in table.rows
    )
    return Grid(headings=headings, lines=lines)


def _bars(table: Table, parts: Sequence[Column], on_dark: bool) -> Drawn:
    def line(number: int, width: int, base: Style) -> list[Segment]:
        row = table.rows[number]
        return stacked([(row.get(part.key) or 0, component(part.key, on_dark)) for part in parts], width, base)

    def heading(width: int, style: Style) -> list[Segment]:
        return [Segment("share of the total".ljust(width)[:width], style)]

    return Drawn(heading=heading, line=line)
