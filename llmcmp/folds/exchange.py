"""What the ranks of tensor parallelism exchange in one run (passes/shard.py), in elements and bytes.

Counted is what every rank holds after an exchange; what travels over a link depends on the algorithm of the library
that exchanges (a ring sends 2 (n - 1) / n of it for a sum, (n - 1) / n for a gathering).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.folds.runs import concrete_plans, executed, run_of
from llmcmp.frozen import frozen
from llmcmp.ops import Collective
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.model import Model
    from llmcmp.ops import Logits, Run


@frozen(eq=False)
class Exchange:
    """Elements summed over the ranks and gathered from them, their bytes together, and the number of collectives."""

    reduced: Dim
    gathered: Dim
    bytes: Dim
    collectives: int


def exchange(
    model: Model,
    batch: Any = 1,
    *,
    new: Any,
    past: Any = 0,
    source_new: Any = 0,
    source_past: Any = 0,
    prefix: Any = None,
    logits: Logits = "all",
    dtype: str = "bf16",
) -> Exchange:
    """The exchanges of one rank's share of a model in a forward pass; sizes and errors are those of `flops`.

    >>> import llmcmp
    >>> from llmcmp.passes.shard import shard
    >>> exchange(shard(llmcmp.load("llama2-7b"), tp=4), new=1, past=9).reduced
    266240
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
    most, bits = run.at_maxima(), dtype_bits(dtype)
    bound = cast("int", sum(_elements(model, most).values())) * bits
    found = _elements(model, run.held_exactly(bound))
    reduced, gathered = found["all-reduce"], found["all-gather"]
    count = sum(use.times for use, _ in _collectives(model, most))
    return Exchange(reduced=reduced, gathered=gathered, bytes=-(-(reduced + gathered) * bits // 8), collectives=count)


def _collectives(model: Model, run: Run) -> Any:
    plan = concrete_plans(model, None)[0]  # how latent attention is executed changes no exchange
    return [(use, op) for use, op in executed(model, run, plan) if isinstance(op, Collective)]


def _elements(model: Model, run: Run) -> dict[str, Dim]:
    sums: dict[str, Dim] = {"all-reduce": 0, "all-gather": 0}
    for use, op in _collectives(model, run):
        sums[op.kind] = sums[op.kind] + op.elements * use.times
    return sums
