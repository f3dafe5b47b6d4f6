"""Short causal convolutions of every channel by itself, several over one stretch of channels as one.

Written as a weighted sum of shifted inputs, tokens staying on their axis: torch's own depthwise convolution wants
channels first, and on CPU is slower by far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.components.convolution import Convolution as ConvolutionComponent


class Convolution(nn.Module):
    """The kernels of some channels, shaped as torch stores them: channels x 1 x kernel."""

    def __init__(self, convolution: ConvolutionComponent) -> None:
        super().__init__()
        channels, kernel = convolution.channels[1], convolution.kernel
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel))
        self.bias = nn.Parameter(torch.empty(channels)) if convolution.bias else None


class Kernels:
    """The kernels of neighbouring streams of channels as one table, put together once (`pack`) or for each pass."""

    def __init__(self, convolutions: Sequence[Convolution], *, activated: bool = True) -> None:
        self.convolutions, self.activated = tuple(convolutions), activated
        self.packed: tuple[Tensor, Tensor | None] | None = None

    def pack(self) -> None:
        """One storage for all, kernel by channel, of which the parameters become views."""
        weight_KC, bias_C = (None if t is None else t.detach().contiguous() for t in self._together())
        assert weight_KC is not None
        start = 0
        for convolution in self.convolutions:
            size = convolution.weight.shape[0]
            convolution.weight.data = weight_KC.narrow(1, start, size).t().unsqueeze(1)
            if convolution.bias is not None and bias_C is not None:
                convolution.bias.data = bias_C.narrow(0, start, size)
            start += size
        self.packed = weight_KC, bias_C

    def _together(self) -> tuple[Tensor, Tensor | None]:
        if len(self.convolutions) == 1:
            return self.convolutions[0].weight.squeeze(1).t(), self.convolutions[0].bias
        weight_CK = torch.cat([convolution.weight.squeeze(1) for convolution in self.convolutions])
        biases: list[Tensor] = [convolution.bias for convolution in self.convolutions if convolution.bias is not None]
        return weight_CK.t(), torch.cat(biases) if biases else None

    def __call__(self, seen_BTC: Tensor, new: int) -> Tensor:
        """The `new` last tokens of what is seen, convolved with the kernel - 1 inputs before each; then SiLU or none."""
        packed = self.packed is not None and not torch.is_grad_enabled()
        weight_KC, bias_C = self.packed if packed and self.packed is not None else self._together()
        if new == 1:
            y = (seen_BTC * weight_KC).sum(1, keepdim=True)
            return self._activated(y if bias_C is None else y + bias_C)
        y = seen_BTC.narrow(1, 0, new) * weight_KC[0]
        for k in range(1, weight_KC.shape[0]):
            y = y.addcmul_(seen_BTC.narrow(1, k, new), weight_KC[k])
        return self._activated(y if bias_C is None else y.add_(bias_C))

    def _activated(self, y: Tensor) -> Tensor:
        return F.silu(y) if self.activated else y
