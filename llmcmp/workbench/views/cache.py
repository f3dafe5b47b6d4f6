"""The Cache tab: KV cache and other state against context, under a budget; without a selection, all presets ranked."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style
from textual.containers import Horizontal
from textual.widgets import Static

from llmcmp import units
from llmcmp.errors import QuantityError
from llmcmp.workbench.background import dark
from llmcmp.workbench.charts.axes import around
from llmcmp.workbench.charts.bars import bar, crossed
from llmcmp.workbench.charts.curves import Chart, Drawing
from llmcmp.workbench.run_bar import Number, Setting
from llmcmp.workbench.table_view import Drawn, TableView
from llmcmp.workbench.themes import series
from llmcmp.workbench.view import Tabled

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from llmcmp.tables.grid import Grid
    from llmcmp.tables.table import Curve, Table
    from llmcmp.workbench.selection import Selection
    from llmcmp.workbench.state import State
    from llmcmp.workbench.table_view import Emphasis

MOST_BYTES = 2**60
# Columns of the view from which on a quantity is shown.
ROOM = {"Window": 60, "Attention": 90, "Next token": 105, "One sequence": 140}
BEYOND = "* beyond the model's context window; computed all the same"


class CacheView(Tabled):
    """`llmcmp kvcache`: of the selected models against context, or of every decoder at the context that is set."""

    keys = ("budget",)
    SCOPED_CSS = False  # the screen says how much room there is
    DEFAULT_CSS = """
    CacheView {
        layout: vertical;
        #cache-head { height: 1; }
        #cache-head .heading { width: 1fr; margin: 0 2 0 0; }
        #cache-head .label { width: auto; color: $foreground 60%; margin: 0 1 0 0; }
        #cache-head .number { width: 10; background: $boost; margin: 0; }
        #cache-head .number:focus { background: $primary 25%; }
        #caches { height: 1fr; }
        &.-curves #caches { height: auto; max-height: 50%; }
    }
    .-high CacheView #cache-head { margin: 0 0 1 0; }
    .-high CacheView Chart { margin: 0 0 1 0; }
    """
    budget: int | None = None
    _selection: Selection | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="cache-head"):
            yield Static(classes="heading")
            yield Static("budget", classes="label")
            field = Number("budget", self.budget, _budget, units.show_bytes)
            field.placeholder = "24 GiB"
            yield field
        yield Chart()
        yield TableView(id="caches")
        yield Static(classes="notes", markup=False)

    def show(self, selection: Selection) -> None:
        self._selection = selection
        self.compute(lambda: _computed(selection), self._done, self.failed)

    def on_setting(self, event: Setting) -> None:
        if event.name == "budget":
            self.budget = event.value
            if self._selection is not None:
                self.show(self._selection)

    def _done(self, computed: tuple[Table, tuple[Curve, ...]]) -> None:
        from llmcmp.tables.grid import grid

        table, curves = computed
        self._table = table
        settings, chart = table.settings, self.query_one(Chart)
        chart.display = bool(curves)
        self.set_class(bool(curves), "-curves")
        context = settings["contexts"][0]
        chart.draw(Drawing(curves=curves, show=_bytes, base=2, context=context, budget=self.budget))
        ranked = not (self._selection and self._selection.models)
        what = "All decoders" if ranked else "Cache"
        self.query_one(".heading", Static).update(f"{what} at {units.show_tokens(context)} tokens")
        laid, bars = self._columns(grid(table)), self._bars(table, ranked)
        self.query_one(TableView).put(laid, drawn=bars, emphasis=self._emphasis(table, laid))
        self.say((BEYOND,) if ranked and table.notes else table.notes)

    def _columns(self, laid: Grid) -> Grid:
        """The columns that there is room for beside the bars, and of the ratios to a baseline the cache's."""
        from llmcmp.tables.grid import Cell, Grid, Line

        named = [cell.text for cell in laid.headings]
        held = named.index("Cache")
        kept = [n for n in range(held + 1) if self.size.width >= (0 if n in (0, held) else _room(named[n]))]
        headings = [laid.headings[n] for n in kept]
        if held + 1 < len(named):
            kept, headings = [*kept, held + 1], [*headings, Cell(text="Ratio", numeric=True)]
        lines = tuple(Line(cells=tuple(line.cells[n] for n in kept)) for line in laid.lines)
        return Grid(headings=tuple(headings), lines=lines)

    def on_resize(self) -> None:
        if self._selection is not None:
            self.show(self._selection)

    def _emphasis(self, table: Table, laid: Grid) -> Callable[[int, int], Emphasis]:
        """A cache over the budget is marked."""
        held_in = [cell.text for cell in laid.headings].index("Cache")

        def stands_out(line: int, column: int) -> Emphasis:
            held = table.rows[line].get("kv_bytes")
            over = self.budget is not None and held is not None and held > self.budget
            return "warning" if over and column == held_in else ""

        return stands_out

    def _bars(self, table: Table, ranked: bool) -> Drawn | None:
        """Each cache on one logarithmic axis, the budget a line through all of them."""
        held = [row["kv_bytes"] for row in table.rows if row.get("kv_bytes")]
        if not held:
            return None
        ends = held if self.budget is None else [*held, self.budget]
        axis = around(min(ends), max(ends), 2)
        on_dark = dark(self)

        def spot(value: float, width: int) -> int:
            return round(axis.place(value) * (width - 1))

        def line(number: int, width: int, base: Style) -> list[Segment]:
            value = table.rows[number].get("kv_bytes")
            look = self.query_one(TableView)
            over = self.budget is not None and value is not None and value > self.budget
            style = look.style("warning") if over else Style(color=series(0 if ranked else number, on_dark))
            drawn = bar(axis.place(value), width, style, base) if value else [Segment(" " * width, base)]
            return (
                drawn if self.budget is None else crossed(drawn, spot(self.budget, width), "│", look.style("warning"))
            )

        def heading(width: int, style: Style) -> list[Segment]:
            text = [" "] * width
            for tick in axis.ticks(max(2, width // 12)):
                label = _bytes(tick)
                start = min(spot(tick, width), width - len(label))
                if all(sign == " " for sign in text[max(0, start - 1) : start + len(label) + 1]):
                    text[start : start + len(label)] = label
            return [Segment("".join(text), style)]

        return Drawn(heading=heading, line=line)

    def press(self, what: str) -> None:
        self.query_one(Number).focus()

    def kept(self) -> dict[str, Any]:
        return {"budget": self.budget}

    def remembered(self, state: State) -> None:
        self.budget = state.budget


def _computed(selection: Selection) -> tuple[Table, tuple[Curve, ...]]:
    from llmcmp.sources.presets import every_model
    from llmcmp.tables.caches import kvcache_table

    models = selection.models or tuple(m for m in every_model() if m.card.architecture != "encoder-only")
    table = kvcache_table(
        models,
        [selection.context],
        batch=selection.batch,
        dtype=selection.dtype,
        ranked=not selection.models,
        baseline=selection.base,
    )
    return table, table.curves() if selection.models and table.curves is not None else ()


def _room(heading: str) -> float:
    """Columns of the view from which on a quantity is shown; the ratio of anything but the cache never is."""
    return inf if heading.startswith("×") else ROOM.get(heading, 0)


def _bytes(value: float) -> str:
    """A tick's label: "64 MiB"."""
    digits, _, unit = units.show_bytes(value).partition(" ")
    return f"{digits.removesuffix('.00').removesuffix('.0')} {unit}"


def _budget(text: str) -> int | None:
    """A budget as it is typed, None for nothing. Raises QuantityError."""
    if not text.strip():
        return None
    value = units.size(text)
    if not 1 <= value <= MOST_BYTES:
        raise QuantityError(f"'{text}' must lie between 1 B and {units.show_bytes(MOST_BYTES)}")
    return value
