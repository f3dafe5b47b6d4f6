"""The formulas with the numbers in them, made from the same weights, operations and states that are counted."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

from llmcmp import units
from llmcmp.errors import ModelError
from llmcmp.folds.cache import kvcache, position_bits, reservation
from llmcmp.folds.flops import cheapest
from llmcmp.folds.params import params, stored
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.runs import concrete_plans, executed, run_of
from llmcmp.folds.states import kept
from llmcmp.model import walk
from llmcmp.ops import Attend, Convolve, Matmul, Plan, Scan
from llmcmp.spans import Fixed
from llmcmp.tables.caches import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.model import Model
    from llmcmp.ops import State
    from llmcmp.tables.table import Table


def formulas(table: Table, models: Sequence[Model]) -> Iterator[str]:
    """The formulas behind a table, model by model."""
    for model in models:
        match table.command:
            case "flops":
                yield from flops_formulas(model, table.settings)
            case "kvcache":
                yield from cache_formulas(model, table)
            case "compare":
                yield from params_formulas(model)
                for phase in ("prefill", "decode", "train"):
                    yield from flops_formulas(model, _COMPARED | table.settings | {"phase": phase})
                yield from cache_formulas(model, table)
            case _:
                yield from params_formulas(model)


def params_formulas(model: Model) -> Iterator[str]:
    """Each tensor as the product of its axes, times the layers that hold one."""
    yield f"{model.name}: parameters"
    if not model.disclosed:
        yield "  undisclosed"
        return
    for use, weight in stored(walk(model)):
        axes = " × ".join(f"{size:,} ({name})" for name, size in weight.axes)
        times = f"{use.copies} × " if use.copies > 1 else ""
        apart = "  (buffer, in no total)" if weight.buffer else ""
        yield f"  {use.path}.{weight.name}: {times}{axes} = {prod(s for _, s in weight.axes) * use.copies:,}{apart}"
    sizes = params(model)
    yield f"  total = {sizes.total:,}"
    if sizes.active != sizes.total:
        idle = sizes.total - sizes.active
        yield f"  active = total - {idle:,} in routed experts that a token does not visit = {sizes.active:,}"
    for name, size in sizes.apart.items():
        yield f"  apart: {name} = {size:,}"


# What `compare` does not ask for.
_COMPARED = {"prefix": None, "logits": "all", "latent": "auto"}


def flops_formulas(model: Model, settings: dict[str, Any]) -> Iterator[str]:
    """Each product of the run that the settings ask for, and their sum."""
    yield f"{model.name}: FLOPs of {settings['phase']} at {units.show_tokens(settings['context'])} tokens"
    source = settings["source"] if model.card.architecture == "encoder-decoder" else None
    sizes = run_sizes(model, settings["phase"], settings["context"], source) if model.disclosed else None
    if sizes is None:
        yield "  undisclosed" if not model.disclosed else f"  no {settings['phase']} step"
        return
    run = run_of(
        model,
        batch=settings["batch"],
        new=sizes["new"],
        past=sizes.get("past", 0),
        source_new=sizes.get("source_new", 0),
        source_past=sizes.get("source_past", 0),
        prefix=settings["prefix"] if model.card.architecture == "prefix-decoder" else None,
        logits=settings["logits"],
    )
    plans = concrete_plans(model, Plan(latent=settings["latent"]))
    plan = plans[cast("int", cheapest(model, run, plans))]
    forward = visible = 0
    for use, op in executed(model, run, plan):
        if isinstance(op, Matmul | Attend | Convolve | Scan) and op.flops != 0:
            forward += cast("int", op.flops) * use.times
            visible += cast("int", op.visible_flops if isinstance(op, Attend) else op.flops) * use.times
            yield f"  {use.path}.{op.name} [{op.part}]: {_product(op, use.times)}"
    steps = 3 if sizes.get("training") else 1
    for pairs, sum_ in (("full", forward), ("visible", visible)):
        yield f"  forward, {pairs} pairs = {sum_:,}"
        if steps > 1:
            yield f"  training step = 3 × forward = {steps * sum_:,}"


def _product(op: Matmul | Attend | Convolve | Scan, times: int) -> str:
    layers = f"{times} × " if times > 1 else ""
    match op:
        case Matmul():
            factors = f"{op.rows:,} rows × {op.inner:,} × {op.outer:,}"
        case Convolve():
            factors = f"{op.rows:,} rows × {op.kernel} × {op.channels:,} channels"
        case Scan():
            state = f"{op.heads:,} × {op.key_dim:,} × {op.value_dim:,} of state"
            factors = f"{op.rows:,} rows × {op.products} products × {state}"
        case Attend():
            wide = f"{op.heads} heads × ({op.key_dim} + {op.value_dim})"
            factors = f"{op.pairs:,} pairs ({op.visible_pairs:,} visible) × {wide}"
    return f"{layers}2 × {factors} = {op.flops * times:,}"


def cache_formulas(model: Model, table: Table) -> Iterator[str]:
    """Each kind of state at each context of `table`, or each part of what an engine reserves."""
    settings = table.settings
    yield f"{model.name}: cache"
    if not model.disclosed:
        yield "  undisclosed"
        return
    question = Question.of(settings)
    source = question.source if model.card.architecture == "encoder-decoder" else None
    for ctx in settings.get("contexts") or [settings["context"]]:
        lines = _needed if question.engine == "ideal" else _reserved
        yield from lines(model, ctx, source, question)


def _needed(model: Model, ctx: int, source: int | None, question: Question) -> Iterator[str]:
    keys, values = question.dtype, question.value_dtype or question.dtype
    for use, state in kept(model):
        positions = cast("int", state.positions(ctx, source or ctx)) * use.times * question.batch
        size = -(-positions * position_bits(state, keys, values) // 8)
        yield (
            f"  {use.path} {state.name}: {use.times} layers × {state.width:,} elements"
            f" × {_positions(state, ctx, source or ctx)} × batch {question.batch}"
            f" × {_widths(state, keys, values)} = {units.show_bytes(size)}"
        )
    total = kvcache(model, ctx, question.batch, source=source, dtype=keys, value_dtype=values)
    yield f"  at {units.show_tokens(ctx)} tokens = {total.bytes:,} bytes"


def _widths(state: State, keys: str, values: str) -> str:
    """Bits of an element, or the formats of keys and values and the bits of a row in them."""
    if state.dtype is not None:
        return f"{units.dtype_bits(state.dtype)} bits"
    elements, bits = units.block(keys)
    if keys == values and elements == 1:
        return f"{bits} bits"
    formats = keys if keys == values else f"{keys} and {values}"
    return f"{formats}, {position_bits(state, keys, values):,} bits a row"


def _reserved(model: Model, ctx: int, source: int | None, question: Question) -> Iterator[str]:
    try:
        made = reservation(
            model,
            ctx,
            question.batch,
            source=source,
            dtype=question.dtype,
            value_dtype=question.value_dtype,
            engine=question.engine,
            tuning=question.tuning,
        )
    except ModelError as error:
        yield f"  {error}"
        return
    for part in made.parts:
        yield (
            f"  {part.name}: {part.layers} layers × {part.rows:,} {part.what} × {part.row_bits // 8:,} bytes"
            f" = {units.show_bytes(part.bytes)}"
        )
    yield f"  at {units.show_tokens(ctx)} tokens = {made.bytes:,} bytes{''.join(f'; {note}' for note in made.notes)}"


def _positions(state: State, ctx: int, source: int) -> str:
    if isinstance(state.span, Fixed):
        return f"{state.span.positions} at any length"
    if state.clock == "source":
        return f"{source:,} source tokens"
    return f"{ctx:,} tokens" if state.span.window is None else f"min({ctx:,}, {state.span.window:,}) tokens"
