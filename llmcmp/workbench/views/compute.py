"""The Compute tab: FLOPs of the phase against context, in total and by component, and the bytes that move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from llmcmp import units
from llmcmp.workbench.background import dark
from llmcmp.workbench.charts.bars import stacked
from llmcmp.workbench.charts.curves import Chart, Drawing
from llmcmp.workbench.charts.legend import Legend
from llmcmp.workbench.table_view import Drawn, TableView
from llmcmp.workbench.themes import component
from llmcmp.workbench.view import Tabled
from llmcmp.workbench.views.empty import SELECT, Empty

if TYPE_CHECKING:
    from rich.style import Style
    from textual.app import ComposeResult

    from llmcmp.model import Model
    from llmcmp.tables.grid import Grid
    from llmcmp.tables.table import Column, Curve, Row, Table
    from llmcmp.workbench.selection import Selection

LENGTHS = (512, 2048, 8192, 32768, 131072)  # contexts at which components are shown, beside the one that is set


class ComputeView(Tabled):
    """`llmcmp flops` of the selected models."""

    keys = ("part",)
    SCOPED_CSS = False  # the screen says how much room there is
    DEFAULT_CSS = """
    ComputeView {
        layout: vertical;
        #flops-charts { height: 1fr; }
        #flops-totals, #flops-components { width: 1fr; }
        #flops-shares, #flops-numbers { height: 1fr; }
    }
    .-narrow ComputeView #flops-components { display: none; }
    .-narrow ComputeView.-components #flops-components { display: block; }
    .-narrow ComputeView.-components #flops-totals { display: none; }
    .-wide ComputeView #flops-components { margin: 0 0 0 2; }
    .-high ComputeView #flops-charts { margin: 0 0 1 0; }
    .-high ComputeView #flops-numbers { height: auto; max-height: 66%; }
    """
    _phase = ""

    def compose(self) -> ComposeResult:
        yield Empty("FLOPs against context", "What a prefill, a decode step or a training step computes.", SELECT)
        with Horizontal(id="flops-charts"):
            with Vertical(id="flops-totals"):
                yield Static(classes="heading")
                yield Chart()
            with Vertical(id="flops-components"):
                yield Static(classes="heading")
                yield TableView(id="flops-shares")
                yield Legend()
        yield TableView(id="flops-numbers", columns=True)
        yield Static(classes="notes", markup=False)

    def show(self, selection: Selection) -> None:
        self.query_one(Empty).display = not selection.models
        for widget in self.query("#flops-charts, #flops-numbers, .notes"):
            widget.display = bool(selection.models)
        if not selection.models:
            self._table = None
            return
        self.compute(lambda: _computed(selection), self._done, self.failed)

    def _done(self, computed: tuple[Table, tuple[Curve, ...], list[Table]]) -> None:
        from llmcmp.tables.grid import grid

        table, curves, swept = computed
        self._table = table
        settings = table.settings
        self._phase = settings["phase"]
        self._head_charts()
        self.query_one(Chart).draw(Drawing(curves=curves, show=_flops, base=10, context=settings["context"]))
        on_dark = dark(self)
        rows = _rows(swept)
        columns = [column for each in swept for column in each.parts]
        parts = list({column.key: column for column in columns}.values())
        self.query_one("#flops-shares", TableView).put(_by_context(rows), drawn=_bars(rows, parts, on_dark))
        self.query_one(Legend).put([(part.label, component(part.key, on_dark)) for part in parts])
        self.query_one("#flops-numbers", TableView).put(grid(table, side_by_side=True))
        self.say(table.notes)

    def on_resize(self) -> None:
        self._head_charts()

    def _head_charts(self) -> None:
        """The charts' headings; where there is room for one, they name the key that shows the other."""
        key = " [$accent]v[/] [$foreground 60% not bold]" if self.screen.has_class("-narrow") else ""
        for chart, told, other in (
            ("#flops-totals", f"FLOPs of {self._phase} by context", "by component"),
            ("#flops-components", f"Share by component of {self._phase}", "by context"),
        ):
            self.query_one(f"{chart} .heading", Static).update(told + (f"{key}{other}[/]" if key else ""))

    def press(self, what: str) -> None:
        self.toggle_class("-components")


def _computed(selection: Selection) -> tuple[Table, tuple[Curve, ...], list[Table]]:
    """The table at the context that is set, its curves, and the tables at the contexts around it."""
    from llmcmp.tables.compute import flops_table

    def at(context: int, baseline: Model | None = None) -> Table:
        return flops_table(
            selection.models,
            selection.phase,
            context,
            batch=selection.batch,
            weights=selection.weights,
            dtype=selection.dtype,
            baseline=baseline,
        )

    table = at(selection.context, selection.base)
    lengths = sorted({*LENGTHS, selection.context})
    return table, table.curves() if table.curves is not None else (), [at(length) for length in lengths]


def _flops(value: float) -> str:
    """A tick's label: "10 T"."""
    digits, _, prefix = units.show_flops(value).partition(" ")
    return f"{digits.removesuffix('.00').removesuffix('.0')} {prefix}".rstrip()


def _rows(swept: list[Table]) -> list[Row]:
    """The rows of all contexts, model by model, each with its context."""
    rows = [row | {"at": table.settings["context"]} for table in swept for row in table.rows if row.get("flops")]
    names = list(dict.fromkeys(row["model"] for row in rows))
    return sorted(rows, key=lambda row: (names.index(row["model"]), row["at"]))


def _by_context(rows: list[Row]) -> Grid:
    from llmcmp.tables.grid import Cell, Grid, Line

    lines = tuple(
        Line(
            cells=(
                Cell(text=units.show_tokens(row["at"]), numeric=True),
                Cell(text=units.show_flops(row["flops"]), numeric=True),
            ),
            group=row["model"],
        )
        for row in rows
    )
    return Grid(headings=(Cell(text="Context", numeric=True), Cell(text="FLOPs", numeric=True)), lines=lines)


def _bars(rows: list[Row], parts: list[Column], on_dark: bool) -> Drawn:
    def line(number: int, width: int, base: Style) -> list[Segment]:
        row = rows[number]
        return stacked([(row.get(part.key) or 0, component(part.key, on_dark)) for part in parts], width, base)

    def heading(width: int, style: Style) -> list[Segment]:
        return [Segment("by component".ljust(width)[:width], style)]

    return Drawn(heading=heading, line=line)
