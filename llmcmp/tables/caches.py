"""`kvcache`: what models remember at one context or several, sorted by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.tables import describe
from llmcmp.tables.compare import card_facts, context_notes, exceeds
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="attention", label="Attention", core=True),
    Column(key="context", label="Context", unit="tokens"),
    Column(key="context_limit", label="Window", unit="tokens"),
    Column(key="beyond_limit", label="Beyond", unit="flag"),
    Column(key="kv_elements", label="Elements", unit="count"),
    Column(key="kv_bytes_per_token", label="Next token", unit="bytes", series=True),
    Column(key="kv_bytes_per_sequence", label="A sequence", unit="bytes"),
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
    shown = _ranked(models, max(contexts), source, dtype) if ranked else tuple(models)
    rows = tuple(_row(model, ctx, batch, source, dtype, engine) for model in shown for ctx in contexts)
    lengths = ", ".join(units.show_tokens(ctx) for ctx in contexts)
    keeps_none = [model.name for model in shown if model.card.architecture == "encoder-only"]
    notes = context_notes([model for model in shown if model.disclosed], contexts)
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
        title=f"KV cache and other state at {lengths} tokens, batch {batch}, {dtype}",
        across="context",
        notes=(*notes, *((f"encoders keep no state: {', '.join(keeps_none)}",) if keeps_none else ())),
    )


def _row(model: Model, ctx: int, batch: int, source: int | None, dtype: str, engine: str) -> Row:
    row = card_facts(model) | {"context": ctx, "context_limit": model.card.context, "beyond_limit": exceeds(model, ctx)}
    if not model.disclosed:
        return row
    given = source if model.card.architecture == "encoder-decoder" else None
    cache = kvcache(model, ctx, batch, source=given, dtype=dtype, engine=engine)
    return row | {
        "attention": describe.attention(model),
        "kv_elements": cache.elements,
        "kv_bytes_per_token": cache.bytes_per_token,
        "kv_bytes_per_sequence": cache.bytes_per_sequence,
        "kv_bytes": cache.bytes,
    }


def _ranked(models: Sequence[Model], ctx: int, source: int | None, dtype: str) -> tuple[Model, ...]:
    def size(model: Model) -> tuple[bool, int, str]:
        if not model.disclosed:
            return True, 0, model.name
        given = source if model.card.architecture == "encoder-decoder" else None
        return False, int(kvcache(model, ctx, source=given, dtype=dtype).bytes), model.name

    return tuple(sorted(models, key=size))
