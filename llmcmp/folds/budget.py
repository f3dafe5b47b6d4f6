"""The inverse of a cache: the longest context, or the most sequences, that a memory holds.

A cache never shrinks when a context or a batch grows, so the answer is found by halving, in whole numbers: what is
returned fits, and one more does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from llmcmp.errors import QuantityError
from llmcmp.folds.cache import kvcache, policy, reservation

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.folds.engines.policy import Tuning
    from llmcmp.model import Model

MOST = 2**40  # tokens or sequences; what holds as many holds any number


def longest_context(
    model: Model,
    budget: int,
    batch: int = 1,
    *,
    source: int | None = None,
    dtype: str = "bf16",
    value_dtype: str | None = None,
    engine: str = "ideal",
    tuning: Tuning | None = None,
) -> int | None:
    """The most tokens that each of `batch` sequences may have within `budget` bytes of cache; None: any number.

    0 where not even one token fits. An encoder's source is as long as the context, unless it is given. Raises as
    `kvcache` does.

    >>> import llmcmp
    >>> longest_context(llmcmp.load("llama2-7b"), 2 * 2**30)
    4096
    """
    _check(budget)

    def size(ctx: int) -> int:
        return cache_bytes(
            model, ctx, batch, source=source, dtype=dtype, value_dtype=value_dtype, engine=engine, tuning=tuning
        )

    return _most(lambda ctx: size(ctx) <= budget, MOST)


def most_sequences(
    model: Model,
    budget: int,
    ctx: int,
    *,
    source: int | None = None,
    dtype: str = "bf16",
    value_dtype: str | None = None,
    engine: str = "ideal",
    tuning: Tuning | None = None,
) -> int | None:
    """The most sequences of `ctx` tokens within `budget` bytes of cache; None: any number, or as many as an engine has.

    Raises as `kvcache` does.

    >>> import llmcmp
    >>> most_sequences(llmcmp.load("llama2-7b"), 5 * 2**30, ctx=4096)
    2
    """
    _check(budget)
    cap = MOST if engine == "ideal" else policy(engine).most_sequences or MOST

    def size(batch: int) -> int:
        return cache_bytes(
            model, ctx, batch, source=source, dtype=dtype, value_dtype=value_dtype, engine=engine, tuning=tuning
        )

    found = _most(lambda batch: size(batch) <= budget, cap)
    return cap if found is None and cap < MOST else found


def cache_bytes(
    model: Model,
    ctx: int,
    batch: int,
    *,
    source: int | None,
    dtype: str,
    value_dtype: str | None,
    engine: str,
    tuning: Tuning | None,
) -> int:
    """Bytes of a cache and nothing else of it: asked for some forty times an answer."""
    if engine == "ideal":
        return cast("int", kvcache(model, ctx, batch, source=source, dtype=dtype, value_dtype=value_dtype).bytes)
    return reservation(
        model, ctx, batch, source=source, dtype=dtype, value_dtype=value_dtype, engine=engine, tuning=tuning
    ).bytes


def _check(budget: int) -> None:
    if budget < 0:
        raise QuantityError(f"a budget cannot be negative: {budget:,} bytes")


def _most(fits: Callable[[int], bool], cap: int) -> int | None:
    """The largest number up to `cap` that fits; None where `cap` does, 0 where 1 does not."""
    if fits(cap):
        return None
    low, high = 0, cap  # low fits, or is 0; high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
