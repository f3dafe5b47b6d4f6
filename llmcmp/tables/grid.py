"""A Table laid out as text: headings and cells, in the shape that the table asks for. Renderers draw the grid.

Three shapes: a row a model; the models as columns and the quantities as rows, grouped; and one row a model with a
column for each value of a key (KV cache by context).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.tables.table import Column, Row, Table

MANY = 6  # models that still stand side by side as columns


@frozen
class Cell:
    """Text, and whether it is a number, marks a difference between models, or is a beside-the-point dash."""

    text: str
    numeric: bool = False
    differs: bool = False


@frozen
class Line:
    """One row of a grid; a `group` opens with the first line that names it."""

    cells: tuple[Cell, ...]
    group: str = ""


@frozen
class Grid:
    """Headings and lines; the first column names the line."""

    headings: tuple[Cell, ...]
    lines: tuple[Line, ...]


def grid(table: Table, *, every_column: bool = False) -> Grid:
    """The layout of a table. Where each model is a row, only core columns are shown unless `every_column`."""
    if table.across is not None:
        return _across(table, table.across)
    if table.rows_as == "columns" and len(table.rows) <= MANY:
        return _side_by_side(table)
    core = tuple(column for column in table.columns if column.core)
    columns = core if core and not every_column else table.columns
    return _row_by_row(columns, table.rows)


def _row_by_row(columns: Sequence[Column], rows: Sequence[Row]) -> Grid:
    lines = tuple(Line(cells=tuple(_cell(column, row) for column in columns)) for row in rows)
    return Grid(
        headings=tuple(Cell(text=column.label.strip(), numeric=column.numeric) for column in columns), lines=lines
    )


def _cell(column: Column, row: Row, *, differs: bool = False) -> Cell:
    text = column.show(row)
    if column.key == "parameters" and row.get("estimated_parameters") is not None and row.get("parameters") is None:
        text = f"~{units.show_count(row['estimated_parameters'])} (undisclosed)"
    return Cell(text=text, numeric=column.numeric, differs=differs)


def _side_by_side(table: Table) -> Grid:
    name, *quantities = table.columns
    lines: list[Line] = []
    for column in quantities:
        shown = [_cell(column, row) for row in table.rows]
        if all(cell.text == "—" for cell in shown):
            continue
        differs = len({cell.text for cell in shown}) > 1
        label = Cell(text=column.label, differs=differs)
        cells = (Cell(text=cell.text, numeric=cell.numeric, differs=differs) for cell in shown)
        lines.append(Line(cells=(label, *cells), group=column.group))
    headings = (Cell(text=""), *(Cell(text=name.show(row)) for row in table.rows))
    return Grid(headings=headings, lines=tuple(lines))


def _across(table: Table, key: str) -> Grid:
    values = list(dict.fromkeys(row[key] for row in table.rows))
    fixed = [column for column in table.columns if column.core and not column.series]
    series = [column for column in table.columns if column.series and (column.core or len(values) == 1)]
    headings = [Cell(text=column.label) for column in fixed]
    headings += [
        Cell(text=_series_label(column, value, len(values)), numeric=True) for value in values for column in series
    ]
    lines: list[Line] = []
    for model in dict.fromkeys(row["model"] for row in table.rows):
        rows = {row[key]: row for row in table.rows if row["model"] == model}
        first = next(iter(rows.values()))
        cells = [_cell(column, first) for column in fixed]
        cells += [_marked(column, rows[value]) for value in values for column in series]
        lines.append(Line(cells=tuple(cells)))
    return Grid(headings=tuple(headings), lines=tuple(lines))


def _series_label(column: Column, value: int, count: int) -> str:
    return f"at {units.show_tokens(value)}" if count > 1 else column.label


def _marked(column: Column, row: Row) -> Cell:
    """A value with a mark where it lies beyond the model's window."""
    cell = _cell(column, row)
    beyond = row.get("beyond_limit") and column.core and row.get(column.key) is not None
    return Cell(text=f"{cell.text} *", numeric=True) if beyond else Cell(text=cell.text, numeric=True)
