"""What torch's own counter sees of a pass that really runs, and what a cache really holds.

The counter knows no fused attention of the CPU, so it is told; a training step runs attention as products and softmax,
because fused backward kernels compute scores a second time, which is recomputation and no part of the step.
"""

# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, bmm_flop, sdpa_flop_count

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.nn.tower import Cache, Logits, Twin


def counter() -> FlopCounterMode:
    """A counter that sees the CPU's fused attention too, and products that are added in place."""

    def fused(query: Any, key: Any, value: Any, *more: Any, out_shape: Any = None, **named: Any) -> int:
        return sdpa_flop_count(query, key, value)

    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    added = torch.ops.aten.baddbmm_
    return FlopCounterMode(display=False, custom_mapping={attention: fused, added: _added})


def _added(held: Any, left: Any, right: Any, *more: Any, out_shape: Any = None, **named: Any) -> int:
    return bmm_flop(left, right)


def counted_flops(
    twin: Twin,
    batch: int,
    new: int,
    past: int = 0,
    *,
    source_new: int = 0,
    source_past: int = 0,
    prefix: int | None = None,
    logits: Logits = "all",
    training: bool = False,
) -> int:
    """FLOPs that torch counts in the pass that `llmcmp.flops` computes for these numbers."""
    cache = None
    if past or source_past:
        cache = twin.new_cache(batch, past + new, source_past)
        with torch.no_grad():
            source = tokens(twin, batch, source_past) if source_past else None
            twin(tokens(twin, batch, past), cache, source_BR=source, prefix=prefix)
    source = tokens(twin, batch, source_new) if source_new else None
    with counter() as counts:
        if training:
            with sdpa_kernel(SDPBackend.MATH):
                twin(tokens(twin, batch, new), source_BR=source, prefix=prefix, logits=logits).sum().backward()
        else:
            with torch.no_grad():
                twin(tokens(twin, batch, new), cache, source_BR=source, prefix=prefix, logits=logits)
    return counts.get_total_flops()


def recurrent_flops(
    twin: Twin, batch: int, new: int, past: int = 0, *, cached: bool | None = None, training: bool = False
) -> int:
    """What torch's counter sees of all convolutions and scans in a pass, where `llmcmp.flops` counts the recurrence.

    Convolutions are sums of shifted inputs, which it does not see. Of scans it sees the products: in a step of one
    token those of the recurrence (of Mamba only the readout), in a chunk those of the kernel that works on chunks.
    `cached`: the pass has a cache, as one with a past must.
    """
    held = past > 0 if cached is None else cached
    mixers = (module for module in twin.modules() if hasattr(module, "counted_flops"))
    counts = (cast("Any", mixer).counted_flops(batch, new, past, cached=held, training=training) for mixer in mixers)
    return sum(counts)


def tokens(twin: Twin, batch: int, count: int, seed: int = 0) -> Tensor:
    """Random token ids on the twin's device, below the smallest table of its vocabulary."""
    device = next(twin.parameters()).device
    if device.type == "meta":
        return torch.zeros(batch, count, dtype=torch.long, device=device)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary(twin), (batch, count), generator=generator).to(device)


def vocabulary(twin: Twin) -> int:
    """Words of the token table, of its first cluster where it has several."""
    from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding
    from llmcmp.model import walk

    for use in walk(twin.model):
        match use.component:
            case TokenEmbedding():
                return use.component.vocabulary
            case AdaptiveEmbedding():
                return use.component.cutoffs[0]
            case _:
                continue
    raise AssertionError("a model without an embedding")


def cached_elements(cache: Cache) -> int:
    """Elements of all tensors that a cache holds."""
    return sum(tensor.numel() for tensor in cache.tensors())
