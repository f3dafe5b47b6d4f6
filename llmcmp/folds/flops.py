"""FLOPs of a run: one multiply-add is two, and only products count (matmuls, attention, convolutions, scans).

Norms, softmax, activations and rotations are counted in elements and reported apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, cast

from llmcmp.dims import pick, where
from llmcmp.folds.runs import concrete_plans, executed, run_of
from llmcmp.frozen import frozen
from llmcmp.ops import Attend, Collective, Convolve, Elementwise, Gather, Matmul, Scan

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.model import Model
    from llmcmp.ops import Logits, Plan, Run


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

    Sizes are whole numbers, or numpy arrays of whole numbers that broadcast; the total has their common shape.
    A product of m x k by k x n counts 2 m k n (arXiv 2001.08361, 2.1), attention 2 x pairs x heads x (key + value), a
    scan 2 a product and element of its state (ops.Scan).

    Encoder-decoders take `source_new` (tokens to encode in this run) or `source_past` (encoded before); prefix decoders
    take `prefix`, by default the whole prompt. `causal` counts visible pairs instead of full ones (PaLM, arXiv
    2204.02311, appendix B, counts full). `logits` "last" computes them for one position a sequence. `training` adds the
    backward pass, without recomputation.

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
    plans = concrete_plans(model, plan)
    tallies = _tallies(model, run, plans, causal, training)
    choice = _cheapest(tallies)
    return Flops(
        total=pick(choice, [tally.total for tally in tallies]),
        full=pick(choice, [tally.full for tally in tallies]),
        visible=pick(choice, [tally.visible for tally in tallies]),
        components={
            part: pick(choice, [tally.components.get(part, 0) for tally in tallies])
            for part in dict.fromkeys(part for tally in tallies for part in tally.components)
        },
        elementwise=pick(choice, [tally.elementwise for tally in tallies]),
        plan=name_plans(plans, choice),
    )


def cheapest(model: Model, run: Run, plans: tuple[Plan, ...], *, causal: bool = False, training: bool = False) -> Any:
    """The number of the plan with the fewest FLOPs, or an array of them, one for each point of a sweep."""
    return _cheapest(_tallies(model, run, plans, causal, training)) if len(plans) > 1 else 0


def name_plans(plans: tuple[Plan, ...], choice: Any) -> Any:
    """The plan that was chosen, or an array of plans where a sweep does not agree on one."""
    if isinstance(choice, int):
        return plans[choice]
    first = int(choice.flat[0]) if choice.size else 0
    if (choice == first).all():
        return plans[first]
    import numpy as np

    return np.array(plans, dtype=object)[choice]


@frozen(eq=False)
class _Tally:
    """Results of one fold."""

    total: Dim
    full: Dim
    visible: Dim
    elementwise: Dim
    components: dict[str, Dim]

    @property
    def bound(self) -> int:
        return cast("int", max(self.full, self.elementwise))


class _Terms:
    """Sums of size x coefficient, kept by part.

    Many operations share one size (the rows of a run), often one array of a million: their coefficients are summed
    first, as exact ints, and each size is multiplied once.
    """

    def __init__(self) -> None:
        self.sizes: dict[tuple[str, int], Dim] = {}
        self.coefficients: dict[tuple[str, int], int] = {}

    def add(self, part: str, size: Dim, coefficient: int) -> None:
        key = part, id(size)  # the size is held here, so its id stays its own
        self.sizes[key] = size
        self.coefficients[key] = self.coefficients.get(key, 0) + coefficient

    def by_part(self) -> dict[str, Dim]:
        sums: dict[str, Dim] = {}
        for (part, number), size in self.sizes.items():
            sums[part] = sums.get(part, 0) + size * self.coefficients[part, number]
        return sums


def _fold(model: Model, run: Run, plan: Plan, causal: bool, training: bool) -> _Tally:
    full, visible, elementwise = _Terms(), _Terms(), _Terms()
    for use, op in executed(model, run, plan, training=training):
        match op:
            case Matmul() | Convolve() | Scan():
                full.add(op.part, op.rows, op.flops_a_row * use.times)
                visible.add(op.part, op.rows, op.flops_a_row * use.times)
            case Attend():
                full.add(op.part, op.pairs, op.flops_a_pair * use.times)
                visible.add(op.part, op.visible_pairs, op.flops_a_pair * use.times)
            case Elementwise():
                elementwise.add(op.part, op.rows, op.width * use.times)
            case Gather() | Collective():
                continue
            case _:
                assert_never(op)
    parts, seen = full.by_part(), visible.by_part()
    return _Tally(
        total=_sum(seen if causal else parts),
        full=_sum(parts),
        visible=_sum(seen),
        elementwise=_sum(elementwise.by_part()),
        components=seen if causal else parts,
    )


def _sum(parts: dict[str, Dim]) -> Dim:
    total: Dim = 0
    for amount in parts.values():
        total = total + amount
    return total


def _tallies(model: Model, run: Run, plans: tuple[Plan, ...], causal: bool, training: bool) -> list[_Tally]:
    """One fold a plan, over arrays in which the largest of their results is exact."""
    largest = max(_fold(model, run.at_maxima(), plan, causal, training).bound for plan in plans)
    held = run.held_exactly(largest)
    return [_fold(model, held, plan, causal, training) for plan in plans]


def _cheapest(tallies: list[_Tally]) -> Any:
    """Pointwise the number of the tally with the smallest total; the first of equals."""
    choice, least = cast("Any", 0), tallies[0].total
    for number, tally in enumerate(tallies[1:], start=1):
        less = tally.total < least
        choice, least = where(less, number, choice), where(less, tally.total, least)
    return choice
