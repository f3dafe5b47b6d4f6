"""One row a model for figures in which a model is a point: total against active, cache by year, all three sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.frozen import replace
from llmcmp.tables import describe
from llmcmp.tables.against import BEYOND, MODEL, left_out
from llmcmp.tables.compare import asked as longest
from llmcmp.tables.compare import card_facts, context_notes
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model
    from llmcmp.tables.asked import Asked

FAMILY = Column(key="family", label="Family", core=True)
TOTAL = Column(key="parameters", label="Parameters", unit="count", core=True)
ACTIVE = Column(key="active_parameters", label="Active a token", unit="count", core=True)
RELEASED = Column(key="released", label="Released", core=True)
CACHE = Column(key="kv_bytes", label="Cache", unit="bytes", core=True)


def active_table(models: Sequence[Model], asked: Asked) -> Table:
    """Total parameters against those that a token uses."""
    rows = tuple(card_facts(model) | _sizes(model) for model in models if model.disclosed)
    columns = (MODEL, FAMILY, TOTAL, ACTIVE, Column(key="active_share", label="Share", unit="percent", core=True))
    return _table("active", columns, models, rows, {}, "Total and active parameters")


def kv_year_table(models: Sequence[Model], asked: Asked) -> Table:
    """Cache a token of context, by release; the mean over the context counts windows and states as they are."""
    undated = [model.name for model in models if model.card.released == "unknown"]
    models = [model for model in models if model.name not in undated]
    rows = tuple(_cached(model, asked) for model in models if model.disclosed)
    rows = tuple(sorted((row for row in rows if row["kv_bytes"]), key=lambda row: row["released"]))
    columns = (
        MODEL,
        FAMILY,
        RELEASED,
        Column(key="attention", label="Attention", core=True),
        Column(key="kv_bytes_mean", label="Mean a token", unit="bytes", core=True),
        Column(key="kv_bytes_per_token", label="Next token", unit="bytes", core=True),
        Column(key="kv_bytes", label="One sequence", unit="bytes"),
        BEYOND,
    )
    title = f"Cache a token by release: {asked.dtype}, mean over {units.show_tokens(asked.point)} tokens of context"
    table = _table("kv-year", columns, models, rows, _settings(asked), title, asked)
    told = (f"left out, no date of release: {', '.join(undated)}",) if undated else ()
    return replace(table, notes=(*table.notes, *told))


def bubble_table(models: Sequence[Model], asked: Asked) -> Table:
    """Size, active size and the cache of one sequence."""
    rows = tuple(_cached(model, asked) | _sizes(model) for model in models if model.disclosed)
    columns = (MODEL, FAMILY, TOTAL, ACTIVE, CACHE, BEYOND)
    title = f"Size, active size and cache of one sequence of {units.show_tokens(asked.point)} tokens, {asked.dtype}"
    return _table(
        "bubble", columns, models, tuple(row for row in rows if row["kv_bytes"]), _settings(asked), title, asked
    )


def _table(
    kind: str,
    columns: tuple[Column, ...],
    models: Sequence[Model],
    rows: tuple[Row, ...],
    settings: dict[str, Any],
    title: str,
    asked: Asked | None = None,
) -> Table:
    notes = left_out(models, {row["model"] for row in rows})
    if asked is not None:
        check_used(models, source=asked.source)
        notes = (*context_notes([m for m in models if m.disclosed], (asked.point,), asked.source), *notes)
    named = {"kind": kind, "models": [model.name for model in models]}
    return Table(command="plot", columns=columns, rows=rows, settings=named | settings, title=title, notes=notes)


def _settings(asked: Asked) -> dict[str, Any]:
    return {"context": asked.point, "source": asked.source, "dtype": asked.dtype}


def _sizes(model: Model) -> Row:
    sizes = params(model)
    share = sizes.active / sizes.total
    return {"parameters": sizes.total, "active_parameters": sizes.active, "active_share": share}


def _cached(model: Model, asked: Asked) -> Row:
    cache = kvcache(model, asked.point, source=asked.read(model), dtype=asked.dtype)
    return card_facts(model, longest(model, asked.point, asked.source)) | {
        "attention": describe.attention(model),
        "kv_bytes": int(cache.bytes),
        "kv_bytes_per_token": int(cache.bytes_per_token),
        "kv_bytes_mean": int(cache.bytes) / asked.point,
    }
