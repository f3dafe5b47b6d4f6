"""`compare`: what models are, how big they are, what they compute and what they remember, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.dims import dimension
from llmcmp.errors import ModelError, QuantityError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.memory import weight_bytes
from llmcmp.folds.params import params
from llmcmp.frozen import replace
from llmcmp.sources.presets import load, load_all
from llmcmp.tables import describe
from llmcmp.tables.phases import phase_flops
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model


COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="organization", label="Organisation", group="Card"),
    Column(key="released", label="Released", group="Card"),
    Column(key="class", label="Class", group="Architecture", core=True),
    Column(key="position", label="Position", group="Architecture", core=True),
    Column(key="norm", label="Normalisation", group="Architecture", core=True),
    Column(key="activation", label="Activation", group="Architecture", core=True),
    Column(key="attention", label="Attention", group="Architecture", core=True),
    Column(key="attention_details", label="Attention details", group="Architecture"),
    Column(key="layers", label="Layers", group="Architecture"),
    Column(key="hidden", label="Hidden", unit="number", group="Architecture"),
    Column(key="heads", label="Heads", unit="number", group="Architecture"),
    Column(key="kv_heads", label="KV heads", unit="number", group="Architecture"),
    Column(key="head_dim", label="Head size", unit="number", group="Architecture"),
    Column(key="feed_forward", label="Feed-forward", group="Architecture"),
    Column(key="vocabulary", label="Vocabulary", unit="number", group="Architecture"),
    Column(key="tied", label="Tied head", unit="flag", group="Architecture"),
    Column(key="context", label="Context", unit="tokens", group="Architecture", core=True),
    Column(key="parameters", label="Parameters", unit="count", group="Size", core=True),
    Column(key="active_parameters", label="Active a token", unit="count", group="Size", core=True),
    Column(key="non_embedding_parameters", label="Less embeddings", unit="count", group="Size"),
    Column(key="active_non_embedding_parameters", label="Active less embeddings", unit="count", group="Size"),
    Column(key="prefill_flops", label="Prefill FLOPs", unit="flops", group="Compute"),
    Column(key="decode_flops", label="Decode FLOPs", unit="flops", group="Compute"),
    Column(key="train_flops", label="Training step FLOPs", unit="flops", group="Compute"),
    Column(key="weight_bytes", label="Weights", unit="bytes", group="Memory"),
    Column(key="kv_bytes_per_token", label="KV next token", unit="bytes", group="Memory"),
    Column(key="kv_bytes", label="KV cache", unit="bytes", group="Memory", core=True),
    Column(key="total_bytes", label="Weights + KV", unit="bytes", group="Memory", core=True),
)


def compare(
    models: Sequence[Model | str],
    ctx: Any = 4096,
    *,
    batch: int = 1,
    weights: str = "bf16",
    dtype: str = "bf16",
    baseline: str | None = None,
    only_diff: bool = False,
) -> Table:
    """Models side by side: architecture, size, FLOPs at `ctx` tokens, memory of weights and cache.

    Models are names or loaded Models; `family/*` stands for a family. `weights` and `dtype` are the dtypes of weights
    and cache. `baseline` adds, for every number, its ratio to that model's; `only_diff` leaves out what all share.
    Raises UnknownModelError, PresetError, QuantityError.
    """
    loaded = tuple(
        dict.fromkeys(m for each in models for m in (load_all([each]) if isinstance(each, str) else (each,)))
    )
    ctx, batch = _whole(ctx, "ctx"), _whole(batch, "batch")
    rows = tuple(compare_row(model, ctx, batch, weights, dtype) for model in loaded)
    columns = COLUMNS
    if baseline is not None:
        columns, rows = with_ratios(columns, rows, load(baseline).name)
    if only_diff:
        columns = tuple(column for column in columns if column.key == "model" or _differs(column, rows))
    return Table(
        command="compare",
        columns=columns,
        rows=rows,
        settings={
            "models": [model.name for model in loaded],
            "context": ctx,
            "batch": batch,
            "weights": weights,
            "dtype": dtype,
            "baseline": baseline,
        },
        title=f"{units.show_tokens(ctx)} tokens, batch {batch}, weights {weights}, cache {dtype}",
        rows_as="columns",
        notes=context_notes(loaded, (ctx,)),
    )


def _whole(value: Any, name: str) -> int:
    checked = dimension(value, name, least=1)
    if not isinstance(checked, int):
        raise QuantityError(f"{name} must be one number here; for a sweep, call flops or kvcache with an array")
    return checked


def compare_row(model: Model, ctx: int, batch: int, weights: str, dtype: str) -> Row:
    """Everything that `compare` says of one model; what cannot be known is None."""
    row = card_facts(model)
    units.dtype_bits(weights)
    units.dtype_bits(dtype)
    if not model.disclosed:
        return row
    cache = kvcache(model, ctx, batch, dtype=dtype)
    held = weight_bytes(model, weights)
    row |= structure_facts(model) | size_facts(model)
    for phase in ("prefill", "decode", "train"):
        counted = phase_flops(model, phase, ctx, batch)
        row[f"{phase}_flops"] = None if counted is None else counted.total
    return row | {
        "weight_bytes": held,
        "kv_bytes_per_token": cache.bytes_per_token,
        "kv_bytes": cache.bytes,
        "total_bytes": held + cache.bytes,
    }


def card_facts(model: Model) -> Row:
    """What a card says, and what is believed of an undisclosed model."""
    card = model.card
    row: Row = {
        "model": model.name,
        "family": card.family,
        "organization": card.organization,
        "released": card.released,
        "class": describe.architecture_class(model),
        "context": card.context,
        "disclosed": model.disclosed,
    }
    if card.estimates:
        row["estimated_parameters"] = units.count(card.estimates[0].parameters)
        row["estimate_source"] = card.estimates[0].url
    return row


def structure_facts(model: Model) -> Row:
    """What a model is made of."""
    vocabulary, hidden = describe.embedding(model)
    routed = describe.experts(model)
    return {
        "position": describe.position(model),
        "norm": describe.norm(model),
        "activation": describe.activation(model),
        "attention": describe.attention(model),
        "attention_details": describe.attention_details(model),
        "layers": describe.depth(model),
        "hidden": hidden,
        **describe.heads(model),
        "feed_forward": describe.feed_forward(model),
        "experts": None if routed is None else routed[0],
        "experts_per_token": None if routed is None else routed[1],
        "vocabulary": vocabulary,
        "tied": describe.tied(model),
    }


def size_facts(model: Model) -> Row:
    """The four totals."""
    sizes = params(model)
    return {
        "parameters": sizes.total,
        "active_parameters": sizes.active,
        "non_embedding_parameters": sizes.non_embedding,
        "active_non_embedding_parameters": sizes.active_non_embedding,
    }


def with_ratios(
    columns: tuple[Column, ...], rows: tuple[Row, ...], baseline: str
) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """Columns and rows with, beside every cost, its ratio to the baseline's."""
    base = next((row for row in rows if row["model"] == baseline), None)
    if base is None:
        raise ModelError(f"the baseline '{baseline}' is not among the models compared")
    costs = [column for column in columns if column.unit in ("count", "flops", "bytes")]
    ratios = {
        column.key: replace(column, key=f"{column.key}_ratio", label=f"  × {baseline}", unit="ratio", core=False)
        for column in costs
    }
    wider = tuple(each for column in columns for each in (column, ratios.get(column.key)) if each is not None)
    return wider, tuple(row | _ratios(row, base, costs) for row in rows)


def _ratios(row: Row, base: Row, costs: Sequence[Column]) -> Row:
    return {
        f"{column.key}_ratio": row[column.key] / base[column.key]
        for column in costs
        if row.get(column.key) is not None and base.get(column.key)
    }


def _differs(column: Column, rows: Sequence[Row]) -> bool:
    return len({column.show(row) for row in rows}) > 1


def context_notes(models: Sequence[Model], contexts: Sequence[int]) -> tuple[str, ...]:
    """One line for all models that are asked beyond their context window."""
    beyond = [model.name for model in models if exceeds(model, max(contexts))]
    if not beyond:
        return ()
    shown = ", ".join(beyond[:4]) + (f" and {len(beyond) - 4} more" if len(beyond) > 4 else "")
    return (
        f"* {units.show_tokens(max(contexts))} tokens are beyond the context window of {shown}; computed all the same",
    )


def exceeds(model: Model, context: int) -> bool:
    """Whether a context is longer than the model's config and its vendor allow."""
    limit = max((size for size in (model.card.context, model.card.position_limit) if size), default=None)
    return limit is not None and context > limit
