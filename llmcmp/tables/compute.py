"""`flops`: what models compute in a prefill, a decode step or a training step, and the bytes that it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp import units
from llmcmp.folds.flops import flops
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.runs import concrete_plans
from llmcmp.folds.traffic import traffic
from llmcmp.ops import Part, Plan
from llmcmp.tables.compare import (
    asked,
    base_name,
    card_facts,
    context_notes,
    stored_notes,
    undisclosed_notes,
    with_ratios,
)
from llmcmp.tables.growth import curves
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import COMPONENTS, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.folds.flops import Flops
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model
    from llmcmp.ops import Latent, Logits

FIXED = (
    Column(key="flops", label="Total", unit="flops", group="FLOPs", core=True),
    Column(key="full_flops", label="  full pairs", unit="flops", group="FLOPs"),
    Column(key="visible_flops", label="  visible pairs only", unit="flops", group="FLOPs", core=True),
    Column(key="flops_per_token", label="  a token", unit="flops", group="FLOPs", core=True),
)
MOVED = (
    Column(key="elementwise_elements", label="Elements", unit="count", group="Norms, softmax, activations"),
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
    latent: Latent = "auto",
    weights: str = "bf16",
    dtype: str = "bf16",
    baseline: Model | str | None = None,
) -> Table:
    """FLOPs by component of one phase; `causal` counts only what the mask lets through.

    `baseline` adds, for every cost, its ratio to that model's.

    Raises QuantityError for settings that no model has a use for.
    """
    check_used(models, source=source, prefix=prefix, latent=latent)
    settings: dict[str, Any] = {
        "models": [model.name for model in models],
        "phase": phase,
        "context": ctx,
        "batch": batch,
        "source": source,
        "prefix": prefix,
        "causal": causal,
        "logits": logits,
        "latent": latent,
        "weights": weights,
        "dtype": dtype,
        "baseline": base_name(baseline),
    }
    rows = tuple(_row(model, settings) for model in models)
    parts = [part for part in get_args(Part) if any(_key(part) in row for row in rows)]
    columns = (
        Column(key="model", label="Model", core=True),
        *FIXED,
        *(Column(key=_key(part), label=part.capitalize(), unit="flops", group=COMPONENTS, core=True) for part in parts),
        *MOVED,
        Column(key="plan", label="Latent attention", group="Plan"),
        Column(key="beyond_limit", label="Beyond window", unit="flag", machine=True),
    )
    columns, rows = with_ratios(columns, rows, settings["baseline"])
    running = _running(models, phase)
    return Table(
        command="flops",
        columns=columns,
        rows=rows,
        settings=settings,
        title=_title(settings),
        rows_as="columns",
        notes=(*context_notes(running, (ctx,), source), *stored_notes(running, weights), *_missing(models, phase)),
        curves=lambda: curves(models, ctx, lambda model, length: _total(model, settings | {"context": length})),
    )


def _title(settings: dict[str, Any]) -> str:
    said = [f"{settings['phase']} at {units.show_tokens(settings['context'])} tokens"]
    said += [f"{key} {units.show_tokens(settings[key])}" for key in ("source", "prefix") if settings[key] is not None]
    said += [f"batch {settings['batch']}", "visible pairs" if settings["causal"] else "full pairs"]
    said += ["logits of the last position"] if settings["logits"] == "last" else []
    return ", ".join((*said, f"weights {settings['weights']}, cache {settings['dtype']}; multiply-add = 2"))


def _counted(model: Model, settings: dict[str, Any]) -> tuple[dict[str, Any], Flops] | None:
    """The sizes of the run and its FLOPs; None where the model has no such phase."""
    encodes = model.card.architecture == "encoder-decoder"
    source = settings["source"] if encodes else None
    sizes = run_sizes(model, settings["phase"], settings["context"], source) if model.disclosed else None
    if sizes is None:
        return None
    prefix = settings["prefix"] if model.card.architecture == "prefix-decoder" else None
    return sizes, flops(
        model,
        settings["batch"],
        **sizes,
        prefix=prefix,
        causal=settings["causal"],
        logits=settings["logits"],
        plan=Plan(latent=settings["latent"]),
    )


def _total(model: Model, settings: dict[str, Any]) -> int | None:
    if model.card.architecture == "prefix-decoder" and (settings["prefix"] or 0) > settings["context"]:
        return None  # a curve begins where its prefix fits
    counted = _counted(model, settings)
    return None if counted is None else int(counted[1].total)


def _row(model: Model, settings: dict[str, Any]) -> Row:
    longest = asked(model, settings["context"], settings["source"])
    row, counted = card_facts(model, longest), _counted(model, settings)
    if counted is None:
        return row
    sizes, cost = counted
    weights, batch = settings["weights"], settings["batch"]
    moved = traffic(
        model,
        batch,
        **sizes,
        logits=settings["logits"],
        plan=cost.plan,
        weights=weights,
        activations=weights,
        cache=settings["dtype"],
    )
    return row | {
        "flops": cost.total,
        "full_flops": cost.full,
        "visible_flops": cost.visible,
        "flops_per_token": cost.total / (batch * (sizes["new"] + sizes.get("source_new", 0))),
        **{_key(part): amount for part, amount in cost.components.items()},
        "elementwise_elements": cost.elementwise,
        "expected_weight_bytes": moved.expected_weight_bytes,
        "activation_bytes": moved.activation_bytes,
        "cache_bytes": moved.cache_read_bytes + moved.cache_write_bytes,
        "expected_bytes": moved.expected_bytes,
        "flops_per_byte": cost.total / moved.expected_bytes,
        "plan": cost.plan.latent if len(concrete_plans(model, None)) > 1 else None,
    }


def _key(part: str) -> str:
    return f"{part.replace(' ', '_').replace('-', '_')}_flops"


def _running(models: Sequence[Model], phase: Phase) -> list[Model]:
    """The models that have such a phase."""
    return [model for model in models if model.disclosed and run_sizes(model, phase, 1) is not None]


def _missing(models: Sequence[Model], phase: Phase) -> tuple[str, ...]:
    encoders = [model.name for model in models if phase == "decode" and model.card.architecture == "encoder-only"]
    told = (f"encoders have no decode step: {', '.join(encoders)}",) if encoders else ()
    return (*told, *undisclosed_notes(models))
