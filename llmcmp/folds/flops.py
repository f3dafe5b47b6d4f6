"""FLOPs of a run: one multiply-add is two, and only products count (matmuls and attention).

Norms, softmax, activations and rotations are counted in elements and reported apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never, cast

from llmcmp.dims import is_scalar, where
from llmcmp.folds.runs import concrete_plans, executed, run_of
from llmcmp.frozen import frozen
from llmcmp.ops import Attend, Elementwise, Gather, Matmul, Plan

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.model import Model
    from llmcmp.ops import Logits, Run


@frozen(eq=False)
class Flops:
    """FLOPs of one run, or of every point of a sweep.

    `full` counts every query-key pair that a dense kernel computes, `visible` those that the mask lets through;
    `total` and `components` follow the convention that was asked for. `elementwise` counts elements and is part of no
    total. `plan` says how the run is executed: a Plan, or an array of them where the cheaper one changes over a sweep.
    """

    total: Dim
    full: Dim
    visible: Dim
    components: dict[str, Dim]
    elementwise: Dim
    plan: Any


def flops(
    model: Model,
    batch: Any = 1,
    *,
    new: Any,
    past: Any = 0,
    source_new: Any = 0,
    source_past: Any = 0,
    prefix: Any = None,
    causal: bool = False,
    logits: Logits = "all",
    plan: Plan | None = None,
    training: bool = False,
) -> Flops:
    """FLOPs of `new` tokens a sequence after `past` cached ones, in `batch` sequences.

    Sizes are whole numbers or numpy arrays that broadcast. Encoder-decoders take `source_new` (tokens to encode in
    this run) or `source_past` (encoded before); prefix decoders take `prefix`, by default the whole prompt. `causal`
    counts visible pairs instead of full ones (PaLM, arXiv 2204.02311, appendix B, counts full). `logits` "last"
    computes them for one position a sequence. `training` adds the backward pass, without recomputation.

    Raises QuantityError for sizes that the model has no use for, UndisclosedError where it is not public.

    >>> import llmcmp
    >>> llmcmp.flops(llmcmp.load("llama2-7b"), new=1, past=4095).total
    15361638400
    """
    run = run_of(
        model,
        batch=batch,
        new=new,
        past=past,
        source_new=source_new,
        source_past=source_past,
        prefix=prefix,
        logits=logits,
    )
    plans = concrete_plans(model, plan or Plan())
    largest = max(_fold(model, run.at_maxima(), each, causal, training).bound for each in plans)
    held = run.held_exactly(largest)
    tallies = [_fold(model, held, each, causal, training) for each in plans]
    return _cheapest(tallies, plans, causal)


@dataclass(slots=True)
class _Tally:
    """Running sums of a fold."""

    full: Dim
    visible: Dim
    elementwise: Dim
    components: dict[str, Dim]

    @property
    def bound(self) -> int:
        return cast("int", max(self.full, self.elementwise))


def _fold(model: Model, run: Run, plan: Plan, causal: bool, training: bool) -> _Tally:
    tally = _Tally(full=0, visible=0, elementwise=0, components={})
    for use, op in executed(model, run, plan, training=training):
        match op:
            case Matmul():
                full = visible = op.flops * use.times
            case Attend():
                full, visible = op.flops * use.times, op.visible_flops * use.times
            case Elementwise():
                tally.elementwise = tally.elementwise + op.elements * use.times
                continue
            case Gather():
                continue
            case _:
                assert_never(op)
        tally.full = tally.full + full
        tally.visible = tally.visible + visible
        tally.components[op.part] = tally.components.get(op.part, 0) + (visible if causal else full)
    return tally


def _cheapest(tallies: list[_Tally], plans: tuple[Plan, ...], causal: bool) -> Flops:
    """Pointwise the tally with the smallest total; the first of equals."""
    best, plan = tallies[0], plans[0]
    for tally, other in zip(tallies[1:], plans[1:], strict=True):
        cheaper = _total(tally, causal) < _total(best, causal)
        parts = dict.fromkeys((*best.components, *tally.components))
        best = _Tally(
            full=where(cheaper, tally.full, best.full),
            visible=where(cheaper, tally.visible, best.visible),
            elementwise=where(cheaper, tally.elementwise, best.elementwise),
            components={
                part: where(cheaper, tally.components.get(part, 0), best.components.get(part, 0)) for part in parts
            },
        )
        plan = where(cheaper, other, plan)
    return Flops(
        total=_total(best, causal),
        full=best.full,
        visible=best.visible,
        components=best.components,
        elementwise=best.elementwise,
        plan=_settled(plan),
    )


def _total(tally: _Tally, causal: bool) -> Dim:
    return tally.visible if causal else tally.full


def _settled(plan: Any) -> Any:
    """One Plan where the whole sweep agrees on it."""
    if isinstance(plan, Plan) or is_scalar(plan) or not plan.size:
        return plan
    first = plan.flat[0]
    return first if bool((plan == first).all()) else plan
