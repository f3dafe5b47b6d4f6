"""Tables as a page shows them: a row a model, headings that sort, numbers aligned, small bars behind quantities.

A cell carries its raw value beside the text that people read; sorting and nothing else uses it.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.frozen import replace
from llmcmp.report.html import Markup, join, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.tables.table import Column, Row, Table

SHORT = 22  # letters of a text that is kept on one line
_BARRED = ("count", "bytes", "flops")


def table_element(table: Table, caption: str, *, bars: bool = True) -> Markup:
    """A table with its notes below."""
    flat = wide(table)
    columns = [column for column in flat.columns if not column.machine and _known(column, flat.rows)]
    most = {column.key: _most(column, flat.rows) for column in columns if bars and column.unit in _BARRED}
    body = (_line(row, columns, most) for row in flat.rows)
    element = tag(
        "table",
        tag("caption", caption),
        tag("thead", _groups(columns), tag("tr", *(_heading(column) for column in columns))),
        tag("tbody", *body),
    )
    notes = [tag("p", note, class_="note") for note in table.notes]
    return join([tag("div", element, class_="scroll", tabindex="0", role="region", aria_label=caption), *notes])


def wide(table: Table) -> Table:
    """A table with a row a model and length as one with a row a model and a column a length."""
    if table.across is None:
        return table
    key = table.across
    values = list(dict.fromkeys(row[key] for row in table.rows if row.get(key) is not None))
    series = [column for column in table.columns if column.series and (column.core or len(values) == 1)]
    fixed = [column for column in table.columns if column.core and not column.series]
    spread = [
        replace(column, key=f"{column.key}_at_{value}", label=f"{units.show_tokens(value)}", group=column.label)
        for column in series
        for value in values
    ]
    models = dict.fromkeys(row["model"] for row in table.rows)
    rows = tuple(_spread([row for row in table.rows if row["model"] == name], key, series) for name in models)
    return replace(table, columns=(*fixed, *spread), rows=rows, across=None)


def _spread(rows: Sequence[Row], key: str, series: Sequence[Column]) -> Row:
    whole: Row = dict(rows[0])
    for row in rows:
        whole |= {f"{column.key}_at_{row.get(key)}": row.get(column.key) for column in series}
        whole["beyond_limit"] = whole.get("beyond_limit") or row.get("beyond_limit")
    return whole


def _known(column: Column, rows: Sequence[Row]) -> bool:
    """Whether anything is known of it: a column of dashes says nothing."""
    return any(row.get(column.key) is not None or f"{column.key}_shown" in row for row in rows)


def _most(column: Column, rows: Sequence[Row]) -> float:
    return max((float(row[column.key]) for row in rows if row.get(column.key) is not None), default=0.0)


def _groups(columns: Sequence[Column]) -> Markup:
    """A line of groups over the headings, where there are any."""
    runs = [(name, len(list(run))) for name, run in groupby(columns, key=lambda column: column.group)]
    if not any(name for name, _ in runs):
        return Markup(html="")
    cells = (
        tag("th", name, scope="colgroup", colspan=str(count), class_="group")
        if name
        else tag("td", colspan=str(count), class_="group")
        for name, count in runs
    )
    return tag("tr", *cells)


def _heading(column: Column) -> Markup:
    kind = "number" if column.numeric else "text"
    button = tag("button", column.label.strip(), type="button", class_="sort")
    return tag("th", button, scope="col", aria_sort="none", data_kind=kind, class_="n" if column.numeric else None)


def _line(row: Row, columns: Sequence[Column], most: dict[str, float]) -> Markup:
    first, *rest = columns
    name = first.show(row) + (" *" if row.get("beyond_limit") else "")
    cells = [tag("th", name, scope="row", data_v=str(row.get(first.key)))]
    cells += [_cell(column, row, most.get(column.key, 0.0)) for column in rest]
    return tag("tr", *cells, data_model=row["model"])


def _cell(column: Column, row: Row, most: float) -> Markup:
    value: Any = row.get(column.key)
    shown = column.show(row)
    raw = None if value is None else str(int(value)) if isinstance(value, bool) else str(value)
    kinds = (("n", column.numeric), ("w", not column.numeric and len(shown) <= SHORT), ("none", value is None))
    classes = " ".join(name for name, holds in kinds if holds)
    share = f"--share:{100 * float(value) / most:.1f}%" if most and value is not None else None
    return tag("td", shown, data_v=raw, class_=f"{classes}{' bar' if share else ''}".strip() or None, style=share)
