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
from llmcmp.model import expect_model
from llmcmp.sources.presets import distinct, load, load_all
from llmcmp.tables import describe
from llmcmp.tables.phases import check_used, phase_flops
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
    Column(key="layers", label="Layers", unit="number", group="Architecture"),
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
    Column(key="prefill_flops", label="Prefill FLOPs", unit="flops", group="Compute", core=True),
    Column(key="prefill_visible_flops", label="  visible pairs only", unit="flops", group="Compute"),
    Column(key="decode_flops", label="Decode FLOPs", unit="flops", group="Compute", core=True),
    Column(key="train_flops", label="Training step FLOPs", unit="flops", group="Compute"),
    Column(key="weight_bytes", label="Weights", unit="bytes", group="Memory", core=True),
    Column(key="kv_bytes_per_token", label="KV next token", unit="bytes", group="Memory"),
    Column(key="kv_bytes", label="KV cache", unit="bytes", group="Memory", core=True),
    Column(key="total_bytes", label="Weights + KV", unit="bytes", group="Memory", core=True),
    Column(key="beyond_limit", label="Beyond window", unit="flag", machine=True),
    Column(key="experts", label="Experts", unit="number", machine=True),
    Column(key="experts_per_token", label="Experts a token", unit="number", machine=True),
    Column(key="estimated_parameters", label="Estimate", unit="count", machine=True),
    Column(key="estimate_source", label="Estimate by", machine=True),
)


def compare(
    models: Sequence[Model | str],
    ctx: Any = 4096,
    *,
    batch: int = 1,
    source: int | None = None,
    weights: str = "bf16",
    dtype: str = "bf16",
    baseline: Model | str | None = None,
    only_diff: bool = False,
) -> Table:
    """Models side by side: architecture, size, FLOPs at `ctx` tokens, memory of weights and cache.

    Models are names or loaded Models; `family/*` stands for a family. `source` is the length of an encoder-decoder's
    source, `ctx` if not given. `weights` and `dtype` are the dtypes of weights and cache. `baseline` adds, for every
    cost, its ratio to that model's; `only_diff` leaves out what all share.
    Raises UnknownModelError, PresetError, ModelError, QuantityError.
    """
    loaded = _loaded(models)
    disclosed = [model for model in loaded if model.disclosed]
    ctx, batch = _whole(ctx, "ctx"), _whole(batch, "batch")
    source = None if source is None else _whole(source, "source")
    check_used(loaded, source=source)
    rows = tuple(compare_row(model, ctx, batch, source, weights, dtype) for model in loaded)
    base = base_name(baseline)
    columns, rows = with_ratios(COLUMNS, rows, base)
    if only_diff:
        kept = (column for column in columns if column.key == "model" or column.differs(rows))
        columns = tuple(replace(column, core=True) for column in kept)
    read = "" if source is None else f", source {units.show_tokens(source)}"
    return Table(
        command="compare",
        columns=columns,
        rows=rows,
        settings={
            "models": [model.name for model in loaded],
            "context": ctx,
            "batch": batch,
            "source": source,
            "weights": weights,
            "dtype": dtype,
            "baseline": base,
        },
        title=f"{units.show_tokens(ctx)} tokens{read}, batch {batch}, weights {weights}, cache {dtype}",
        rows_as="columns",
        notes=(*context_notes(disclosed, (ctx,), source), *stored_notes(disclosed, weights)),
    )


def _loaded(models: Sequence[Model | str]) -> tuple[Model, ...]:
    if not isinstance(models, list | tuple):
        raise ModelError(f"compare takes a list of models, not a {type(models).__name__} alone")
    found = [model for each in models for model in (load_all([each]) if isinstance(each, str) else (each,))]
    for model in found:
        expect_model(model)
    if not found:
        raise ModelError("there is no model to compare")
    return distinct(found)


def _whole(value: Any, name: str) -> int:
    checked = dimension(value, name, least=1)
    if not isinstance(checked, int):
        raise QuantityError(f"{name} must be one number here; for a sweep, call flops or kvcache with an array")
    return checked


def compare_row(model: Model, ctx: int, batch: int, source: int | None, weights: str, dtype: str) -> Row:
    """Everything that `compare` says of one model; what cannot be known is None."""
    row = card_facts(model, asked(model, ctx, source))
    units.dtype_bits(weights)
    units.block(dtype)
    if not model.disclosed:
        return row
    read = source if model.card.architecture == "encoder-decoder" else None
    cache, held = kvcache(model, ctx, batch, source=read, dtype=dtype), weight_bytes(model, weights)
    row |= structure_facts(model) | size_facts(model)
    for phase in ("prefill", "decode", "train"):
        counted = phase_flops(model, phase, ctx, batch, read)
        row[f"{phase}_flops"] = None if counted is None else counted.full
        row[f"{phase}_visible_flops"] = None if counted is None else counted.visible
    return row | {
        "weight_bytes": held,
        "kv_bytes_per_token": cache.bytes_per_token,
        "kv_bytes": cache.bytes,
        "total_bytes": held + cache.bytes,
    }


def card_facts(model: Model, ctx: int = 0) -> Row:
    """What a card says, whether a context is beyond its window, and what is believed of an undisclosed model."""
    card = model.card
    row: Row = {
        "model": model.name,
        "family": card.family,
        "organization": card.organization,
        "released": card.released,
        "class": describe.architecture_class(model),
        "context": card.context,
        "beyond_limit": exceeds(model, ctx),
        "disclosed": model.disclosed,
    }
    if card.estimates:
        estimate = card.estimates[0]
        row["parameters_shown"] = f"~{estimate.parameters} (estimate)"
        row["estimated_parameters"] = units.count(estimate.parameters)
        row["estimate_source"] = f"{estimate.what} ({estimate.url}, {estimate.date})"
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
        "layers": sum(tower.depth for tower in model.towers),
        "layers_shown": describe.depth(model),
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


def base_name(baseline: Model | str | None) -> str | None:
    """The name of a baseline, however it is given. Raises UnknownModelError, PresetError, ModelError."""
    if baseline is None:
        return None
    base = load(baseline) if isinstance(baseline, str) else baseline
    expect_model(base)
    return base.name


def with_ratios(
    columns: tuple[Column, ...], rows: tuple[Row, ...], baseline: str | None, across: str = ""
) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """Columns and rows with, beside every cost, its ratio to the baseline's; as they are where there is none.

    Rows are compared with the baseline's row of the same `across`, where a model has several.
    """
    if baseline is None:
        return columns, rows
    bases = {row.get(across): row for row in rows if row["model"] == baseline}
    if not bases:
        raise ModelError(f"the baseline '{baseline}' is not among the models compared")
    if not all(base["disclosed"] for base in bases.values()):
        raise ModelError(f"the baseline '{baseline}' is undisclosed: there is nothing to compare with")
    costs = [column for column in columns if column.unit in ("count", "flops", "bytes")]
    ratios = {
        column.key: replace(column, key=f"{column.key}_ratio", label=f"  × {baseline}", unit="ratio")
        for column in costs
    }
    wider = tuple(each for column in columns for each in (column, ratios.get(column.key)) if each is not None)
    return wider, tuple(row | _ratios(row, bases[row.get(across)], costs) for row in rows)


def _ratios(row: Row, base: Row, costs: Sequence[Column]) -> Row:
    return {
        f"{column.key}_ratio": row[column.key] / base[column.key]
        for column in costs
        if row.get(column.key) is not None and base.get(column.key)
    }


def asked(model: Model, ctx: int, source: int | None) -> int:
    """The longest sequence that a model is asked to read."""
    return max(ctx, source or 0) if model.card.architecture == "encoder-decoder" else ctx


def context_notes(models: Sequence[Model], contexts: Sequence[int], source: int | None = None) -> tuple[str, ...]:
    """One line for all models that are asked beyond their context window."""
    longest = max(contexts)
    far = [model for model in models if exceeds(model, asked(model, longest, source))]
    beyond = [f"{model.name} ({units.show_tokens(limit(model))})" for model in far]
    if not beyond:
        return ()
    shown = ", ".join(beyond[:4]) + (f" and {len(beyond) - 4} more" if len(beyond) > 4 else "")
    return (f"* beyond the context window of {shown}; computed all the same",)


def stored_notes(models: Sequence[Model], weights: str) -> tuple[str, ...]:
    """One line for all models that were read from quantised files: their bytes are not those of these files."""
    found = [f"{model.name} ({model.card.quantised})" for model in models if model.card.quantised]
    if not found:
        return ()
    shown = ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
    return (f"weights are in {weights}, not as in the quantised files of {shown}; their bytes: llmcmp inspect",)


def limit(model: Model) -> int:
    """The longest context that a model's config or its vendor allows; 0 where neither says."""
    return max(model.card.context or 0, model.card.position_limit or 0)


def exceeds(model: Model, context: int) -> bool:
    """Whether a context is longer than what a model allows."""
    return 0 < limit(model) < context


def undisclosed_notes(models: Sequence[Model]) -> tuple[str, ...]:
    """Why a table has nothing to show where none of its models is disclosed."""
    if any(model.disclosed for model in models):
        return ()
    return (f"architecture undisclosed, nothing can be computed: {', '.join(model.name for model in models)}",)
