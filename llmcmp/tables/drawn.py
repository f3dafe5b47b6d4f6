"""The tables that have a figure of their own, by the name that people ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from llmcmp.tables.against import attention_table, flops_growth_table, kv_table
from llmcmp.tables.points import active_table, bubble_table, kv_year_table
from llmcmp.tables.roofline import roofline_table
from llmcmp.tables.sizes import params_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.model import Model
    from llmcmp.tables.asked import Asked
    from llmcmp.tables.table import Table

Kind = Literal["parameters", "active", "kv", "kv-year", "flops", "attention", "bubble", "roofline"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def drawn_table(kind: Kind, models: Sequence[Model], asked: Asked) -> Table:
    """The numbers of one figure."""
    return _TABLES[kind](models, asked)


_TABLES: dict[Kind, Callable[[Sequence[Model], Asked], Table]] = {
    "parameters": lambda models, _: params_table(models),
    "active": active_table,
    "kv": kv_table,
    "kv-year": kv_year_table,
    "flops": flops_growth_table,
    "attention": attention_table,
    "bubble": bubble_table,
    "roofline": roofline_table,
}
