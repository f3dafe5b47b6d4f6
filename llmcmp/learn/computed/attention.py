"""Attention whose example is more than a changed field: latents against full heads, selected keys against all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.latent import LatentAttention
from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.learn.example import CONTEXT, MODEL, RATIO, computed_table, under
from llmcmp.model import walk
from llmcmp.ops import Plan
from llmcmp.tables.table import Column
from llmcmp.units import dtype_bits, show_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

LONG = 128 * 1024
KEPT, ALL_HEADS = "the latent", "keys and values of all heads"

# DeepSeek-V3.2-Exp's indexer and what it selects: index_n_heads, index_head_dim, index_topk of its config.json
# (https://huggingface.co/deepseek-ai/DeepSeek-V3.2-Exp/blob/main/config.json).
INDEX_HEADS, INDEX_DIM, SELECTED = 64, 128, 2048


def latent(term: Term, models: Sequence[Model]) -> Table:
    """What is cached as it is, and if keys and values of all heads were cached after their expansion."""
    columns = (
        MODEL,
        Column(key="cached", label="Cached", machine=True),
        Column(key="kv_elements_per_token", label="Elements a token", unit="number"),
        Column(key="kv_bytes", label="Cache", unit="bytes"),
        RATIO,
        Column(key="absorbed_flops", label="Decode, absorbed", unit="flops"),
        Column(key="expanded_flops", label="Decode, expanded", unit="flops"),
    )
    rows = [row for model in models for row in _latent_rows(model)]
    return computed_table(term, models, columns, rows, "cache and decode FLOPs at 128k tokens", context=LONG)


def _latent_rows(model: Model) -> Iterator[Row]:
    cache = kvcache(model, LONG)
    plans = {
        f"{plan}_flops": flops(model, new=1, past=LONG - 1, plan=Plan(latent=plan)).total
        for plan in ("absorbed", "expanded")
    }
    each = int(cache.elements) // LONG
    yield {
        "model": model.name,
        "cached": KEPT,
        "kv_elements_per_token": each,
        "kv_bytes": cache.bytes,
        "ratio": 1.0,
    } | plans
    full = sum(
        a.heads * (a.key_dim + a.value_dim) * use.times
        for use in walk(model)
        if isinstance(a := use.component, LatentAttention)
    )
    yield {
        "model": model.name,
        "model_shown": under(ALL_HEADS),
        "cached": ALL_HEADS,
        "kv_elements_per_token": full,
        "kv_bytes": full * LONG * dtype_bits("bf16") // 8,
        "ratio": full / each,
    }


def sparse(term: Term, models: Sequence[Model]) -> Table:
    """Scores of a decode step over all keys, and over the selected ones with the indexer's own products."""
    columns = (
        MODEL,
        CONTEXT,
        Column(key="keys", label="Keys attended", unit="tokens"),
        Column(key="decode_score_flops", label="Scores, FLOPs", unit="flops"),
        Column(key="indexer_flops", label="Indexer, FLOPs", unit="flops"),
        RATIO,
    )
    rows = [row for model in models for context in (2048, 8192, LONG) for row in _sparse_rows(model, context)]
    title = "scores of a decode step, latent attention absorbed"
    return computed_table(term, models, columns, rows, title)


def _sparse_rows(model: Model, context: int) -> Iterator[Row]:
    every, chosen = _scores(model, context), _scores(model, min(context, SELECTED))
    depth = sum(tower.depth for tower in model.disclosed_towers())
    index = 2 * depth * INDEX_HEADS * INDEX_DIM * context  # one product of a query head with every earlier key
    row: Row = {"model": model.name, "context": context}
    yield row | {
        "model_shown": f"{model.name} at {show_tokens(context)}",
        "keys": context,
        "decode_score_flops": every,
        "ratio": 1.0,
    }
    chosen_keys = min(context, SELECTED)
    yield row | {
        "model_shown": under(f"the best {show_tokens(chosen_keys)} keys"),
        "keys": chosen_keys,
        "decode_score_flops": chosen,
        "indexer_flops": index,
        "ratio": (chosen + index) / every,
    }


def _scores(model: Model, keys: int) -> int:
    """FLOPs of the scores of one new token over `keys` keys, itself included."""
    run = flops(model, new=1, past=keys - 1, plan=Plan(latent="absorbed"))
    return int(run.components["attention scores"])
