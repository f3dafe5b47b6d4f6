"""A linear map, alone or stacked for every expert; several that read one input can be packed into one product.

Packing is for inference: the packed parameters become views of one storage, under their own names, and one product
takes the place of several. With gradients the separate ones are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.components.linear import Linear as LinearComponent
    from llmcmp.nn.flow import Flow


class Linear(nn.Module):
    """weight x input + bias, or, with `experts`, one such map for each of them, stacked in front."""

    def __init__(self, linear: LinearComponent, experts: int | None = None) -> None:
        super().__init__()
        stack = () if experts is None else (experts,)
        outer, inner = linear.outer[1], linear.inner[1]
        self.weight = nn.Parameter(torch.empty(*stack, outer, inner))
        self.bias = nn.Parameter(torch.empty(*stack, outer)) if linear.bias else None

    def forward(self, x: Tensor, flow: Flow | None = None) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class Packed:
    """Linears over one input as one product; plain tensors, so that no parameter is listed twice."""

    def __init__(self, linears: Sequence[Linear]) -> None:
        self.sizes = [linear.weight.shape[-2] for linear in linears]
        weights = torch.cat([linear.weight.detach() for linear in linears], dim=-2)
        self.weight = weights
        self.bias = _pack_biases(linears, self.sizes)
        start = 0
        for linear, size in zip(linears, self.sizes, strict=True):
            linear.weight.data = weights.narrow(-2, start, size)
            if linear.bias is not None and self.bias is not None:
                linear.bias.data = self.bias.narrow(-1, start, size)
            start += size

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


def _pack_biases(linears: Sequence[Linear], sizes: list[int]) -> Tensor | None:
    """One bias for all, zero for those that have none; None where nobody has one."""
    if all(linear.bias is None for linear in linears):
        return None
    return torch.cat(
        [
            linear.weight.new_zeros((*linear.weight.shape[:-2], size)) if linear.bias is None else linear.bias.detach()
            for linear, size in zip(linears, sizes, strict=True)
        ],
        dim=-1,
    )
