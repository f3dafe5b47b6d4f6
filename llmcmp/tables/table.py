"""A Table: columns that know their unit, rows in raw base units. Every output format is a view of it.

A value of None is "not known here"; whether that prints as "undisclosed" or as a dash is the row's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from llmcmp import units
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from llmcmp.model import Model

Unit = Literal[
    "text",
    "count",
    "number",
    "flops",
    "bytes",
    "tokens",
    "ratio",
    "intensity",
    "flag",
    "seconds",
    "rate",
    "flops/s",
    "bytes/s",
    "percent",
]
Row: TypeAlias = dict[str, Any]
COMPONENTS = "By component"  # the group of the columns that make up a total

_SHOW: dict[Unit, Callable[[Any], str]] = {
    "text": str,
    "count": units.show_count,
    "number": lambda value: f"{value:,}",
    "flops": units.show_flops,
    "bytes": units.show_bytes,
    "tokens": units.show_tokens,
    "ratio": units.show_ratio,
    "intensity": lambda value: f"{value:,.2f}",
    "flag": lambda value: "yes" if value else "no",
    "seconds": units.show_seconds,
    "rate": units.show_rate,
    "flops/s": units.show_flop_rate,
    "bytes/s": lambda value: f"{units.show_bytes(value)}/s",
    "percent": units.show_percent,
}


@frozen
class Column:
    """One quantity. `key` names it in JSON and CSV; `core` columns remain where there is a row a model.

    `series` columns appear once for every value of the table's `across` key (one KV column a context); `machine`
    columns are for JSON, CSV and frames only. A row may hold `KEY_shown`, the text to show in place of a value.
    """

    key: str
    label: str
    unit: Unit = "text"
    group: str = ""
    core: bool = False
    series: bool = False
    machine: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers that can be compared and aligned."""
        return self.unit not in ("text", "flag")

    def differs(self, rows: Sequence[Row]) -> bool:
        """Whether rows differ in it, in value or in what is shown of it."""
        return len({(row.get(self.key), row.get(f"{self.key}_shown")) for row in rows}) > 1

    def show(self, row: Row) -> str:
        """The value as people read it."""
        value, shown = row.get(self.key), row.get(f"{self.key}_shown")
        if shown is not None:
            return shown
        if value is None:
            return "undisclosed" if row.get("disclosed") is False else "—"
        return _SHOW[self.unit](value)


@frozen
class Curve:
    """How one model's cost grows with context, in base units."""

    label: str
    lengths: tuple[int, ...]
    values: tuple[int, ...]


@frozen(eq=False)
class Table:
    """Tidy rows of one command, with the settings that they were computed under.

    `across`: the key whose values spread the series columns. `rows_as`: "columns" shows every row as a column where
    there are few of them. `notes` are lines for the reader below the table. `curves` computes, where a plot asks for
    it, how the table's quantity grows with context under the same settings. `drawn` are models whose structure a plot
    shows, instead of numbers.
    """

    command: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    settings: dict[str, Any]
    title: str = ""
    across: str | None = None
    rows_as: Literal["rows", "columns"] = "rows"
    notes: tuple[str, ...] = ()
    curves: Callable[[], tuple[Curve, ...]] | None = None
    drawn: tuple[Model, ...] = ()

    @property
    def parts(self) -> tuple[Column, ...]:
        """The columns of which a total is made up, without their ratios to a baseline's."""
        return tuple(column for column in self.columns if column.group == COMPONENTS and column.unit != "ratio")

    def document(self) -> dict[str, Any]:
        """What `--json` prints: command, settings, rows in raw base units."""
        keys = [column.key for column in self.columns]
        return {
            "command": self.command,
            "settings": self.settings,
            "rows": [{key: row.get(key) for key in keys} for row in self.rows],
        }

    def to_frame(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame in raw base units, one column a key."""
        import pandas as pd

        return pd.DataFrame(self.document()["rows"], columns=[column.key for column in self.columns])

    def __str__(self) -> str:
        from llmcmp.tables.text import plain_table

        return plain_table(self)

    def _repr_html_(self) -> str:
        from llmcmp.tables.text import html_table

        return html_table(self)
