"""Bytes that one run moves: weights read, activations in and out, cache read and written.

Each product reads its operands and writes its result once; elementwise work is fused into its neighbours and moves
nothing. It is the least that an engine with fused attention moves, not what any engine measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, cast

from llmcmp.dims import lesser, pick
from llmcmp.errors import QuantityError
from llmcmp.folds.cache import kept, kvcache, position_bits
from llmcmp.folds.flops import cheapest, name_plans
from llmcmp.folds.runs import concrete_plans, executed, run_of
from llmcmp.frozen import frozen
from llmcmp.ops import Attend, Collective, Convolve, Draw, Elementwise, Gather, Matmul, Scan
from llmcmp.units import block, dtype_bits

if TYPE_CHECKING:
    from llmcmp.dims import Amount
    from llmcmp.model import Model
    from llmcmp.ops import Logits, Op, Plan, Run


@frozen(eq=False)
class Traffic:
    """Bytes moved by one run. Weights of experts are an expectation (uniform routing), hence the names.

    Models without experts have whole numbers everywhere. `plan` is the one that `flops` names for the same run,
    counting full pairs.
    """

    expected_weight_bytes: Amount
    activation_bytes: Amount
    cache_read_bytes: Amount
    cache_write_bytes: Amount
    expected_bytes: Amount
    plan: Any


def traffic(
    model: Model,
    batch: Any = 1,
    *,
    new: Any,
    past: Any = 0,
    source_new: Any = 0,
    source_past: Any = 0,
    logits: Logits = "all",
    plan: Plan | None = None,
    training: bool = False,
    weights: str = "bf16",
    activations: str = "bf16",
    cache: str = "bf16",
) -> Traffic:
    """Bytes moved by the run that `flops` would count, with a dtype each for weights, activations and cache.

    Sizes are whole numbers or numpy arrays, as in `flops`. Weights are read once a run, attention is fused (arXiv
    2205.14135), of experts the expected distinct ones are read.

    Where a plan is open, it is executed as `flops` would: with the fewest FLOPs. Raises QuantityError and
    UndisclosedError as `flops` does.

    >>> import llmcmp
    >>> llmcmp.traffic(llmcmp.load("llama2-7b"), new=1, past=4095).cache_read_bytes
    2146959360
    """
    run = run_of(
        model,
        batch=batch,
        new=new,
        past=past,
        source_new=source_new,
        source_past=source_past,
        prefix=None,
        logits=logits,
    )
    _refuse_part_blocks(model, cache)
    bits = _Bits(weights=dtype_bits(weights), activations=dtype_bits(activations), cache=block(cache))
    plans = concrete_plans(model, plan)
    choice = cheapest(model, run, plans, training=training)
    most = run.at_maxima()
    # Past a chunk's start a larger past reads less, so what is read at most is bounded by what is kept.
    cached = kvcache(model, cast("int", most.past) + cast("int", most.new), most.batch, dtype=cache).bytes
    bound = max(int(_fold(model, most, each, bits, training).total) for each in plans) + 8 * cast("int", cached) + 1
    held = run.held_exactly(bound * bits.cache[0])
    tallies = [_fold(model, held, each, bits, training) for each in plans]
    moved = [_bytes(pick(choice, [getattr(tally, role) for tally in tallies])) for role in _ROLES]
    return Traffic(
        expected_weight_bytes=moved[0],
        activation_bytes=moved[1],
        cache_read_bytes=moved[2],
        cache_write_bytes=moved[3],
        expected_bytes=moved[0] + moved[1] + moved[2] + moved[3],
        plan=name_plans(plans, choice),
    )


def _refuse_part_blocks(model: Model, cache: str) -> None:
    """Raise QuantityError where a row of the cache ends within a block: what is counted here are elements, not rows."""
    elements, bits = block(cache)
    for _, state in kept(model) if elements > 1 else ():
        if state.dtype is None and position_bits(state, cache, cache) * elements != state.width * bits:
            raise QuantityError(
                f"{model.name}: a row of its {state.name} fills no whole blocks of {cache} ({elements} elements);"
                " choose a format without blocks, such as int8"
            )


_ROLES = ("weights", "activations", "cache_read", "cache_write")


@frozen
class _Bits:
    weights: int
    activations: int
    cache: tuple[int, int]  # elements of a block, and its bits


@frozen(eq=False)
class _Tally:
    """Sums of one fold, in bits."""

    weights: Any
    activations: Any
    cache_read: Any
    cache_write: Any

    @property
    def total(self) -> Any:
        return self.weights + self.activations + self.cache_read + self.cache_write


def _bytes(bits: Any) -> Any:
    return (
        bits / 8
        if isinstance(bits, float) or getattr(getattr(bits, "dtype", None), "kind", "") == "f"
        else -(-bits // 8)
    )


def _fold(model: Model, run: Run, plan: Plan, bits: _Bits, training: bool) -> _Tally:
    weights: Any = 0
    activations: Any = 0
    cache_read: Any = 0
    cache_write: Any = 0
    for use, op in executed(model, run, plan, training=training):
        of_weights, of_activations, read, written = moved(op)
        elements, width = (1, dtype_bits(op.dtype)) if isinstance(op, Scan) and op.dtype else bits.cache
        weights = weights + of_weights * (use.times * bits.weights)
        activations = activations + of_activations * (use.times * bits.activations)
        cache_read = cache_read + read * (use.times * width) // elements
        cache_write = cache_write + written * (use.times * width) // elements
    return _Tally(weights=weights, activations=activations, cache_read=cache_read, cache_write=cache_write)


def moved(op: Op) -> tuple[Amount, Amount, Amount, Amount]:
    """Elements moved by one operation: of weights, of activations, read from the cache, written to it."""
    match op:
        case Matmul():
            inputs, outputs = op.rows * op.inner, op.rows * op.outer
            # A weight is read where there are rows at all; its gradient is written in a backward pass.
            matrices = cast("Any", op.matrices.expected if isinstance(op.matrices, Draw) else op.matrices)
            matrix = matrices * (op.inner * op.outer) * lesser(op.rows, 1)
            return matrix, inputs + outputs, 0, 0
        case Attend():
            ends = op.queries * (op.heads * (op.key_dim + op.value_dim)) + op.fresh
            # A backward pass reads the operands and writes a gradient for each.
            return 0, ends * 2 if op.gradient else ends, op.cached, 0 if op.gradient else op.stored
        case Convolve():
            kernels = op.channels * op.kernel * lesser(op.rows, 1)
            return kernels, 2 * op.rows * op.channels, op.cached, 0 if op.gradient else op.stored
        case Scan():
            ends = op.rows * (op.inputs + op.heads * op.value_dim)
            return 0, ends * 2 if op.gradient else ends, op.cached, 0 if op.gradient else op.stored
        case Gather():
            return (op.rows * op.width), op.rows * op.width, 0, 0
        case Elementwise() | Collective():  # what devices exchange stands apart: folds/exchange.py
            return 0, 0, 0, 0
        case _:
            assert_never(op)
