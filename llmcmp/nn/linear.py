"""A linear map, alone or stacked for every expert; several that read one input can be packed into one product.

Packing is for inference: the packed parameters become views of one storage, under their own names, and one product
takes the place of several. With gradients the separate ones are used.
"""

# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.components.linear import Linear as LinearComponent
    from llmcmp.nn.flow import Flow


LEAST = 2**17  # elements of a matrix below which one thread is as quick as several


def lanes_of(weight: Tensor) -> Tensor | None:
    """A matrix as one piece a thread, inputs before outputs; None where it is small, or not on CPU.

    One token's product runs on a single thread in some BLAS libraries, which then read memory at a half of what two
    threads can. A batch of pieces is spread over the threads.
    """
    threads, outer = torch.get_num_threads(), weight.shape[-2]
    if weight.device.type != "cpu" or threads == 1 or outer % threads or outer * weight.shape[-1] < LEAST:
        return None
    return weight.detach().unflatten(-2, (threads, -1)).transpose(-1, -2)


def product(x: Tensor, weight: Tensor, bias: Tensor | None, lanes: Tensor | None) -> Tensor:
    """weight x input + bias; one row on CPU goes by lanes where there are some, and compiled as a loop of its own."""
    compiling = torch.compiler.is_compiling() and weight.device.type == "cpu"
    if (lanes is None and not compiling) or x.numel() != weight.shape[-1] or torch.is_grad_enabled():
        return F.linear(x, weight, bias)
    if lanes is None or compiling:
        found = (weight * x).sum(-1).view(*x.shape[:-1], -1)
    else:
        found = torch.bmm(x.reshape(1, 1, -1).expand(lanes.shape[0], 1, -1), lanes).view(*x.shape[:-1], -1)
    return found if bias is None else found + bias


class Linear(nn.Module):
    """weight x input + bias, or, with `experts`, one such map for each of them, stacked in front."""

    def __init__(self, linear: LinearComponent, experts: int | None = None) -> None:
        super().__init__()
        stack = () if experts is None else (experts,)
        outer, inner = linear.outer[1], linear.inner[1]
        self.weight = nn.Parameter(torch.empty(*stack, outer, inner))
        self.bias = nn.Parameter(torch.empty(*stack, outer)) if linear.bias else None
        self.lanes: Tensor | None = None

    def pack(self) -> None:
        """Lay lanes over the matrix."""
        self.lanes = lanes_of(self.weight)

    def forward(self, x: Tensor, flow: Flow | None = None) -> Tensor:
        return product(x, self.weight, self.bias, self.lanes)


class Packed:
    """Linears over one input as one product; plain tensors, so that no parameter is listed twice."""

    def __init__(self, linears: Sequence[Linear]) -> None:
        self.sizes = [linear.weight.shape[-2] for linear in linears]
        self.weight = torch.cat([linear.weight.detach() for linear in linears], dim=-2)
        self.bias = _pack_biases(linears, self.sizes)
        self.lanes = lanes_of(self.weight)
        start = 0
        for linear, size in zip(linears, self.sizes, strict=True):
            linear.weight.data = self.weight.narrow(-2, start, size)
            if linear.bias is not None and self.bias is not None:
                linear.bias.data = self.bias.narrow(-1, start, size)
            start += size

    def __call__(self, x: Tensor) -> Tensor:
        return product(x, self.weight, self.bias, self.lanes)


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
