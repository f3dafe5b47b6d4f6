"""`kvcache`: what models remember at one context or several, sorted by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.tables import describe
from llmcmp.tables.compare import asked, card_facts, context_notes, limit
from llmcmp.tables.growth import curves
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="attention", label="Attention", core=True),
    Column(key="context", label="Context", unit="tokens"),
    Column(key="context_limit", label="Window", unit="tokens", core=True),
    Column(key="beyond_limit", label="Beyond", unit="flag", machine=True),
    Column(key="kv_elements", label="Elements", unit="count"),
    Column(key="kv_bytes_per_token", label="Next token", unit="bytes", series=True),
    Column(key="kv_bytes_per_sequence", label="One sequence", unit="bytes", series=True),
    Column(key="kv_bytes", label="Cache", unit="bytes", core=True, series=True),
)


def kvcache_table(
    models: Sequence[Model],
    contexts: Sequence[int],
    *,
    batch: int = 1,
    source: int | None = None,
    dtype: str = "bf16",
    engine: str = "ideal",
    ranked: bool = False,
) -> Table:
    """One row a model and context. `ranked` sorts by the cache at the longest context, undisclosed models last."""
    units.dtype_bits(dtype)
    check_used(models, source=source)
    contexts = tuple(dict.fromkeys(contexts))
    shown = _ranked(models, max(contexts), source, dtype) if ranked else tuple(models)
    rows = tuple(_row(model, ctx, batch, source, dtype, engine) for model in shown for ctx in contexts)
    lengths = ", ".join(units.show_tokens(ctx) for ctx in contexts)
    read = "" if source is None else f", source {units.show_tokens(source)}"
    keeps_none = [model.name for model in shown if model.card.architecture == "encoder-only"]
    notes = context_notes([model for model in shown if model.disclosed], contexts, source)
    return Table(
        command="kvcache",
        columns=COLUMNS,
        rows=rows,
        settings={
            "models": [model.name for model in shown],
            "contexts": list(contexts),
            "batch": batch,
            "source": source,
            "dtype": dtype,
            "engine": engine,
        },
        title=f"KV cache and other state at {lengths} tokens{read}, batch {batch}, {dtype}",
        across="context",
        curves=lambda: curves(shown, max(contexts), lambda model, ctx: _bytes(model, ctx, batch, source, dtype)),
        notes=(*notes, *((f"encoders keep no state: {', '.join(keeps_none)}",) if keeps_none else ())),
    )


def _row(model: Model, ctx: int, batch: int, source: int | None, dtype: str, engine: str) -> Row:
    row = card_facts(model, asked(model, ctx, source)) | {"context": ctx, "context_limit": limit(model) or None}
    if not model.disclosed:
        return row
    cache = kvcache(model, ctx, batch, source=_read(model, source), dtype=dtype, engine=engine)
    return row | {
        "attention": describe.attention(model),
        "kv_elements": cache.elements,
        "kv_bytes_per_token": cache.bytes_per_token,
        "kv_bytes_per_sequence": cache.bytes_per_sequence,
        "kv_bytes": cache.bytes,
    }


def _read(model: Model, source: int | None) -> int | None:
    """The source length, for a model that has one."""
    return source if model.card.architecture == "encoder-decoder" else None


def _bytes(model: Model, ctx: int, batch: int, source: int | None, dtype: str) -> int:
    return int(kvcache(model, ctx, batch, source=_read(model, source), dtype=dtype).bytes)


def _ranked(models: Sequence[Model], ctx: int, source: int | None, dtype: str) -> tuple[Model, ...]:
    def size(model: Model) -> tuple[bool, int, str]:
        return not model.disclosed, _bytes(model, ctx, 1, source, dtype) if model.disclosed else 0, model.name

    return tuple(sorted(models, key=size))
