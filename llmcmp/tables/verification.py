"""`verify`: a line a quantity, computed beside measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import replace
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmcmp.bench.verify import Check

COLUMNS = (
    Column(key="model", label="Model"),
    Column(key="quantity", label="Quantity"),
    Column(key="computed", label="Computed", unit="number"),
    Column(key="measured", label="Measured", unit="number"),
    Column(key="difference", label="Difference", unit="number"),
    Column(key="verdict", label="Verdict"),
)


def verification_table(found: Mapping[str, Sequence[Check]]) -> Table:
    """The checks of every model."""
    rows = tuple(_row(name, check) for name, checks in found.items() for check in checks)
    notes = (
        "full size: the twin holds no values; all else is counted in a model of the same shape with about 2 M active"
        " parameters that really ran",
    )
    return Table(
        command="verify",
        columns=tuple(replace(column, core=True) for column in COLUMNS),
        rows=rows,
        settings={"models": list(found)},
        title="Computed against measured",
        notes=notes,
    )


def failures(table: Table) -> int:
    """Lines in which the two differ."""
    return sum(row["verdict"] == "differs" for row in table.rows)


def _row(model: str, check: Check) -> Row:
    row: Row = {"model": model, "quantity": check.quantity, "verdict": check.verdict}
    if check.unit == "text":
        return row | {"computed_shown": check.computed or "—", "measured_shown": check.measured or "—"}
    difference = None if check.measured is None else check.measured - check.computed
    return row | {"computed": check.computed, "measured": check.measured, "difference": difference}
