"""`flops`: what models compute in a prefill, a decode step or a training step, and the bytes that it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp import units
from llmcmp.folds.flops import flops
from llmcmp.folds.traffic import traffic
from llmcmp.model import walk
from llmcmp.ops import Part, Plan
from llmcmp.tables.compare import card_facts, context_notes
from llmcmp.tables.phases import run_sizes
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model
    from llmcmp.ops import Logits
    from llmcmp.tables.phases import Phase

FIXED = (
    Column(key="flops", label="Full pairs", unit="flops", group="FLOPs", core=True),
    Column(key="visible_flops", label="Visible pairs only", unit="flops", group="FLOPs", core=True),
    Column(key="flops_per_token", label="A token", unit="flops", group="FLOPs", core=True),
)
MOVED = (
    Column(key="elementwise_elements", label="Elementwise", unit="count", group="Beside it"),
    Column(key="expected_weight_bytes", label="Weights read", unit="bytes", group="Bytes moved"),
    Column(key="activation_bytes", label="Activations", unit="bytes", group="Bytes moved"),
    Column(key="cache_bytes", label="Cache", unit="bytes", group="Bytes moved"),
    Column(key="expected_bytes", label="Together", unit="bytes", group="Bytes moved", core=True),
    Column(key="flops_per_byte", label="FLOPs a byte", unit="intensity", group="Bytes moved", core=True),
)


def flops_table(
    models: Sequence[Model],
    phase: Phase,
    ctx: int,
    *,
    batch: int = 1,
    source: int | None = None,
    prefix: int | None = None,
    causal: bool = False,
    logits: Logits = "all",
    plan: Plan | None = None,
    weights: str = "bf16",
    dtype: str = "bf16",
) -> Table:
    """FLOPs by component of one phase; `causal` splits by component what the mask lets through."""
    rows: list[Row] = []
    for model in models:
        row = card_facts(model)
        sizes = run_sizes(model, phase, ctx, source) if model.disclosed else None
        if sizes is not None:
            row |= _row(model, batch, sizes, prefix, causal, logits, plan, weights, dtype)
        rows.append(row)
    parts = [part for part in get_args(Part) if any(_key(part) in row for row in rows)]
    columns = (
        Column(key="model", label="Model", core=True),
        *FIXED,
        *(Column(key=_key(part), label=part.capitalize(), unit="flops", group="By component") for part in parts),
        *MOVED,
    )
    if any(row.get("plan") for row in rows):
        columns = (*columns, Column(key="plan", label="Latent attention", group="Plan"))
    return Table(
        command="flops",
        columns=columns,
        rows=tuple(rows),
        settings={
            "models": [model.name for model in models],
            "phase": phase,
            "context": ctx,
            "batch": batch,
            "source": source,
            "prefix": prefix,
            "causal": causal,
            "logits": logits,
            "latent": (plan or Plan()).latent,
            "weights": weights,
            "dtype": dtype,
        },
        title=f"{phase} at {units.show_tokens(ctx)} tokens, batch {batch}; multiply-add = 2",
        rows_as="columns",
        notes=(*context_notes(models, (ctx,)), *_missing(models, phase)),
    )


def _row(
    model: Model,
    batch: int,
    sizes: dict[str, Any],
    prefix: int | None,
    causal: bool,
    logits: Logits,
    plan: Plan | None,
    weights: str,
    dtype: str,
) -> Row:
    given = prefix if model.card.architecture == "prefix-decoder" else None
    counted = flops(model, batch, **sizes, prefix=given, causal=causal, logits=logits, plan=plan)
    moved = traffic(
        model, batch, **sizes, logits=logits, plan=counted.plan, weights=weights, activations=weights, cache=dtype
    )
    choice = any(len(use.component.plans(type(counted.plan)())) > 1 for use in walk(model))
    tokens = batch * (sizes["new"] + sizes.get("source_new", 0))
    return {
        "flops": counted.full,
        "visible_flops": counted.visible,
        "flops_per_token": counted.full / tokens,
        **{_key(part): amount for part, amount in counted.components.items()},
        "elementwise_elements": counted.elementwise,
        "expected_weight_bytes": moved.expected_weight_bytes,
        "activation_bytes": moved.activation_bytes,
        "cache_bytes": moved.cache_read_bytes + moved.cache_write_bytes,
        "expected_bytes": moved.expected_bytes,
        "flops_per_byte": counted.full / moved.expected_bytes,
        "plan": counted.plan.latent if choice else None,
    }


def _key(part: str) -> str:
    return f"{part.replace(' ', '_').replace('-', '_')}_flops"


def _missing(models: Sequence[Model], phase: Phase) -> tuple[str, ...]:
    encoders = [model.name for model in models if phase == "decode" and model.card.architecture == "encoder-only"]
    return (f"encoders have no decode step: {', '.join(encoders)}",) if encoders else ()
