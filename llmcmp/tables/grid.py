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


def grid(table: Table, *, every_column: bool = False, side_by_side: bool = False) -> Grid:
    """The layout of a table. Where each model is a row, only core columns are shown unless `every_column`.

    `side_by_side`: the models are columns however many there are. A star marks a model that is asked beyond its
    context window, once a row.
    """
    shown = tuple(column for column in table.columns if not column.machine)
    if table.across is not None:
        return _across(shown, table.rows, table.across)
    if side_by_side or _stands_side_by_side(table):
        return _side_by_side(shown, table.rows)
    hidden = () if every_column else hidden_columns(table)
    return _row_by_row(tuple(column for column in shown if column not in hidden), table.rows)


def hidden_columns(table: Table) -> tuple[Column, ...]:
    """The columns that a table of one row a model leaves out for want of room."""
    if table.across is not None or _stands_side_by_side(table) or not any(column.core for column in table.columns):
        return ()
    return tuple(column for column in table.columns if not (column.core or column.machine))


def _stands_side_by_side(table: Table) -> bool:
    return table.rows_as == "columns" and len(table.rows) <= MANY


def _row_by_row(columns: Sequence[Column], rows: Sequence[Row]) -> Grid:
    lines = tuple(Line(cells=(_name(columns[0], row), *(_cell(column, row) for column in columns[1:]))) for row in rows)
    return Grid(
        headings=tuple(Cell(text=column.label.strip(), numeric=column.numeric) for column in columns), lines=lines
    )


def _name(column: Column, row: Row) -> Cell:
    return Cell(text=column.show(row) + (" *" if row.get("beyond_limit") else ""))


def _cell(column: Column, row: Row, *, differs: bool = False) -> Cell:
    return Cell(text=column.show(row), numeric=column.numeric, differs=differs)


def _side_by_side(columns: Sequence[Column], rows: Sequence[Row]) -> Grid:
    name, *quantities = columns
    lines: list[Line] = []
    for column in quantities:
        if all(
            row.get(column.key) is None and f"{column.key}_shown" not in row for row in rows if row.get("disclosed")
        ):
            continue
        differs = column.differs(rows)
        cells = (_cell(column, row, differs=differs) for row in rows)
        lines.append(Line(cells=(Cell(text=column.label, differs=differs), *cells), group=column.group))
    return Grid(headings=(Cell(text=""), *(_name(name, row) for row in rows)), lines=tuple(lines))


def _across(columns: Sequence[Column], rows: Sequence[Row], key: str) -> Grid:
    values = list(dict.fromkeys(row[key] for row in rows))
    fixed = [column for column in columns if column.core and not column.series]
    series = [column for column in columns if column.series and (column.core or len(values) == 1)]
    headings = [Cell(text=column.label) for column in fixed]
    headings += [
        Cell(text=_series_label(column, value, len(values)), numeric=True) for value in values for column in series
    ]
    lines: list[Line] = []
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = {row[key]: row for row in rows if row["model"] == model}
        marked = next((row for row in mine.values() if row.get("beyond_limit")), next(iter(mine.values())))
        cells = [_name(fixed[0], marked), *(_cell(column, marked) for column in fixed[1:])]
        cells += [_cell(column, mine.get(value, {})) for value in values for column in series]
        lines.append(Line(cells=tuple(cells)))
    return Grid(headings=tuple(headings), lines=tuple(lines))


def _series_label(column: Column, value: int, count: int) -> str:
    ratio = "× " if column.unit == "ratio" else ""
    return f"{ratio}at {units.show_tokens(value)}" if count > 1 else column.label.strip()
