"""Memory to serve a model: its weights at a width, and the cache of the sequences it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.dims import ceil_div
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.model import Model


@frozen(eq=False)
class Memory:
    """Bytes of weights and cache, and their sum."""

    weight_bytes: Dim
    cache_bytes: Dim
    bytes: Dim


def weight_bytes(model: Model, dtype: str = "bf16") -> int:
    """Bytes of all parameters at a dtype's own width, without scales, zero-points or modules left in another dtype."""
    return int(ceil_div(params(model).total * dtype_bits(dtype), 8))


def memory(
    model: Model, ctx: Any, batch: Any = 1, *, source: Any = None, weights: str = "bf16", cache: str = "bf16"
) -> Memory:
    """Bytes of weights and cache of `batch` sequences of `ctx` tokens; sizes and errors are those of `kvcache`.

    >>> import llmcmp
    >>> llmcmp.memory(llmcmp.load("llama2-7b"), ctx=4096).bytes
    15624314880
    """
    held = weight_bytes(model, weights)
    state = kvcache(model, ctx, batch, source=source, dtype=cache).bytes
    return Memory(weight_bytes=held, cache_bytes=state, bytes=held + state)
