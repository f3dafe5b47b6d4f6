"""`diff`: two models, and only what differs: of their card and costs as `compare` tells them, then field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.differences import differences, label, shown
from llmcmp.frozen import replace
from llmcmp.tables.compare import compare
from llmcmp.tables.describe import block_letters
from llmcmp.tables.diagram import layer_range
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from llmcmp.differences import Difference
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

GROUP = "Components, field by field"


def diff_table(
    model: Model, other: Model, ctx: int = 4096, *, batch: int = 1, weights: str = "bf16", dtype: str = "bf16"
) -> Table:
    """What differs between two models; where both are disclosed, each field of their components too.

    A field's key is the address of its component and its name; the address is the first model's, where it has one.
    """
    told = compare((model, other), ctx, batch=batch, weights=weights, dtype=dtype, only_diff=True)
    found = differences(model, other) if model.disclosed and other.disclosed else ()
    columns = tuple(Column(key=_key(each), label=_label(each, model, other), group=GROUP, core=True) for each in found)
    rows = tuple(row | _values(found, first=row["model"] == model.name) for row in told.rows)
    same = ("nothing differs between them",) if len(told.columns) == 1 and not found else ()
    return replace(
        told,
        command="diff",
        columns=(*told.columns, *columns),
        rows=rows,
        notes=(*told.notes, *same),
        drawn=(model, other),
    )


def _key(difference: Difference) -> str:
    if difference.field:
        return f"{difference.left}.{difference.field}"
    return f"first.{difference.left}" if difference.right is None else f"second.{difference.right}"


def _label(difference: Difference, model: Model, other: Model) -> str:
    """ "decoder.0.feed_forward" and "experts" as "block A feed-forward: experts"."""
    owner = model if difference.left is not None else other
    side, *rest = (difference.left or difference.right or "").split(".")
    letters = block_letters(owner)
    names = [f"block {letters[side, int(name)]}" if name.isdigit() else name.replace("_", "-") for name in rest]
    place = " ".join(names) or side
    where = f"{side} {place}" if len(owner.towers) > 1 and names else place
    return f"{where}: {label(difference.field)}" if difference.field else f"{where}: only here"


def _values(found: tuple[Difference, ...], *, first: bool) -> Row:
    row: Row = {}
    for difference in found:
        value: Any = difference.before if first else difference.after
        if not difference.field:
            value = (difference.left if first else difference.right) is not None
        text = layer_range(value) if difference.field == "layers" else shown(value)
        row[_key(difference)] = value if value is None or isinstance(value, int | float | str) else text
        row[f"{_key(difference)}_shown"] = text
    return row
