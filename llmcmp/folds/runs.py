"""From a user's numbers to a Run that a model can execute, and to the operations of that run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp.dims import any_true, check_together, dimension, where
from llmcmp.errors import QuantityError
from llmcmp.model import expect_model, walk
from llmcmp.ops import Logits, Plan, Run
from llmcmp.passes.backward import training as training_pass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Model, Use
    from llmcmp.ops import Op


def run_of(
    model: Model,
    *,
    batch: Any,
    new: Any,
    past: Any,
    source_new: Any,
    source_past: Any,
    prefix: Any,
    logits: Logits,
) -> Run:
    """A checked Run. Raises QuantityError for numbers that are no sizes, or that this model has no use for.

    `prefix` None means, for a prefix decoder, the whole prompt of a prefill; for other models there is no prefix.
    """
    expect_model(model)
    run = Run(
        batch=dimension(batch, "batch", least=1),
        new=dimension(new, "new"),
        past=dimension(past, "past"),
        source_new=dimension(source_new, "source_new"),
        source_past=dimension(source_past, "source_past"),
        prefix=0 if prefix is None else dimension(prefix, "prefix"),
        logits=logits,
    )
    check_together(
        batch=run.batch,
        new=run.new,
        past=run.past,
        source_new=run.source_new,
        source_past=run.source_past,
        prefix=run.prefix,
    )
    if not isinstance(logits, str) or logits not in get_args(Logits):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise QuantityError(f"logits must be 'all' or 'last', not {logits!r}")
    _check_source(model, run)
    if model.card.architecture == "prefix-decoder":
        return _with_prefix(model, run, given=prefix is not None)
    if prefix is not None and any_true(run.prefix > 0):
        raise QuantityError(f"{model.name} is no prefix decoder: leave prefix out")
    return run


def _check_source(model: Model, run: Run) -> None:
    takes_source = model.card.architecture == "encoder-decoder"
    some, none = (run.source_new > 0) | (run.source_past > 0), (run.source_new == 0) & (run.source_past == 0)
    if any_true(some) and not takes_source:
        raise QuantityError(f"{model.name} has no encoder beside its decoder: leave source_new and source_past out")
    if takes_source and any_true(none):
        raise QuantityError(
            f"{model.name} is an encoder-decoder: give source_new (to encode) or source_past (encoded before)"
        )
    if takes_source and any_true((run.source_new > 0) & (run.source_past > 0)):
        raise QuantityError(f"{model.name}: an encoder cannot add to an encoded source: give source_new or source_past")
    if model.card.architecture == "encoder-only" and any_true(run.past > 0):
        raise QuantityError(f"{model.name} is an encoder: it keeps no past, give all tokens as new")


def _with_prefix(model: Model, run: Run, *, given: bool) -> Run:
    from llmcmp.frozen import replace

    if not given:
        return replace(run, prefix=where(run.past == 0, run.new, 0))
    if any_true(run.prefix > run.past + run.new):
        raise QuantityError(f"{model.name}: prefix exceeds the tokens of the run (past + new)")
    if any_true((run.past > 0) & (run.prefix > run.past)):
        raise QuantityError(f"{model.name}: a prefix is attended in both directions, so one run must hold all of it")
    return run


def executed(model: Model, run: Run, plan: Plan, *, training: bool = False) -> Iterator[tuple[Use, Op]]:
    """Every operation of the run with the component that executes it; an operation happens `use.times` times."""
    runs = model.runs(run)
    for use in walk(model):
        ops = use.component.ops(runs[use.tower], plan)
        for op in training_pass(ops) if training else ops:
            yield use, op


def concrete_plans(model: Model, plan: Plan | None) -> tuple[Plan, ...]:
    """The concrete plans that `plan` (None: any) leaves open. Raises QuantityError for what is no Plan."""
    if plan is not None and not isinstance(plan, Plan):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise QuantityError(f"plan must be a llmcmp.Plan, not {plan!r}")
    plans = (plan or Plan(),)
    for use in walk(model):
        plans = tuple(dict.fromkeys(choice for each in plans for choice in use.component.plans(each)))
    return plans
