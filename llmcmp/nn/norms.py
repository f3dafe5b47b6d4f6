"""LayerNorm and RMSNorm."""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from llmcmp.components.norms import LayerNorm as LayerNormComponent
    from llmcmp.components.norms import RMSNorm as RMSNormComponent
    from llmcmp.nn.flow import Flow


class LayerNorm(nn.Module):
    """(x - mean) / sqrt(variance + epsilon) x weight + bias over the last axis."""

    def __init__(self, norm: LayerNormComponent) -> None:
        super().__init__()
        self.epsilon, self.width = norm.epsilon, norm.width
        self.weight = nn.Parameter(torch.empty(norm.width)) if norm.weight else None
        self.bias = nn.Parameter(torch.empty(norm.width)) if norm.bias else None

    def forward(self, x: Tensor, flow: Flow | None = None) -> Tensor:
        return F.layer_norm(x, (self.width,), self.weight, self.bias, self.epsilon)


class HeadNorms(nn.Module):
    """A LayerNorm of every head over its last axis, each with a weight of its own."""

    def __init__(self, heads: int, size: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.empty(heads, size))

    def forward(self, x_BSNH: Tensor) -> Tensor:
        return F.layer_norm(x_BSNH, self.weight.shape[-1:], eps=self.epsilon) * self.weight


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + epsilon) x weight over the last axis; `unit_offset` stores the weight less one."""

    def __init__(self, norm: RMSNormComponent) -> None:
        super().__init__()
        self.epsilon, self.unit_offset, self.width = norm.epsilon, norm.unit_offset, norm.width
        self.weight = nn.Parameter(torch.empty(norm.width)) if norm.weight else None
        self.root: Tensor | None = None

    def pack(self) -> None:
        """Keep the root of epsilon where `forward` wants it."""
        if self.weight is not None:
            self.root = torch.full((1,), self.epsilon**0.5, device=self.weight.device)

    def forward(self, x: Tensor, flow: Flow | None = None) -> Tensor:
        if self.weight is None:
            return F.rms_norm(x, (self.width,), eps=self.epsilon)
        if self.root is not None and x.dtype == torch.float32 and not torch.is_grad_enabled():
            return self._few_calls(x, self.weight, self.root)
        weight = self.weight + 1 if self.unit_offset else self.weight
        return F.rms_norm(x, weight.shape, weight, self.epsilon)

    def _few_calls(self, x: Tensor, weight: Tensor, root: Tensor) -> Tensor:
        """The same in four kernels, where torch's own norm takes ten on CPU: half of its time for one token."""
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * x.shape[-1] ** -0.5
        unit = x / torch.hypot(size, root)
        return torch.addcmul(unit, unit, weight) if self.unit_offset else unit * weight
