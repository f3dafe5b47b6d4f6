"""Transformer-XL's relative attention over a memory of hidden states (arXiv 1901.02860, 3.2-3.3)."""

# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from llmcmp.nn.linear import Linear
from llmcmp.nn.positions import sinusoids
from llmcmp.nn.slots import Slot

if TYPE_CHECKING:
    from llmcmp.components.segment import SegmentAttention as SegmentComponent
    from llmcmp.nn.flow import Flow, Places


class Memory(Slot):
    """The last `size` inputs of a layer."""

    def __init__(self, empty: Tensor, size: int) -> None:
        self.empty, self.size, self.held = empty, size, empty

    def extend(self, x_BSD: Tensor) -> Tensor:
        """The memory with the new inputs behind it; the memory then moves on."""
        seen = torch.cat((self.held, x_BSD), dim=1)
        kept = min(seen.shape[1], self.size)
        self.held = seen.narrow(1, seen.shape[1] - kept, kept).detach()
        return seen

    def tensors(self) -> dict[str, Tensor]:
        return {"memory of hidden states": self.held}

    def reset(self) -> None:
        self.held = self.empty


class SegmentAttention(nn.Module):
    """Scores are (q + u) k^T + shifted (q + v) r^T, r being projected sinusoids of distances."""

    def __init__(self, attention: SegmentComponent) -> None:
        super().__init__()
        self.spec = attention
        self.query, self.key, self.value, self.relative, self.output = map(Linear, attention.linears())
        shape = attention.heads, attention.head_dim
        self.content_bias, self.position_bias = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.empty(shape))

    def prepare(self, places: Places) -> None:
        """Nothing: distances count from the memory's start, which only the slot knows."""

    def forward(self, x_BSD: Tensor, flow: Flow, slot: Memory | None = None) -> Tensor:
        seen_BTD = x_BSD if slot is None else slot.extend(x_BSD)
        new, keys = x_BSD.shape[1], seen_BTD.shape[1]
        distances = torch.arange(keys - 1, -1, -1, device=x_BSD.device)
        r_TD = self.relative(sinusoids(distances, x_BSD.shape[-1]).to(x_BSD.dtype))
        q, k, v, r = (self._heads(t) for t in (self.query(x_BSD), self.key(seen_BTD), self.value(seen_BTD), r_TD))
        content = torch.matmul((q + self.content_bias).transpose(1, 2), k.permute(0, 2, 3, 1))
        position = torch.matmul((q + self.position_bias).transpose(1, 2), r.permute(1, 2, 0))
        scores = (content + _shifted(position)) / math.sqrt(self.spec.head_dim)
        hidden = torch.ones(new, keys, dtype=torch.bool, device=x_BSD.device).triu(keys - new + 1)
        weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        return self.output(torch.matmul(weights, v.transpose(1, 2)).transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.spec.head_dim))

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """Room for the memory."""
        return Memory(torch.empty(batch, 0, self.spec.hidden, device=device, dtype=dtype), self.spec.memory)


def _shifted(scores_BNST: Tensor) -> Tensor:
    """Column j of row i from the score of distance (T - S + i) - j: each row moves one step further to the left."""
    batch, heads, new, keys = scores_BNST.shape
    padded = torch.nn.functional.pad(scores_BNST, (1, 0)).view(batch, heads, keys + 1, new)
    return padded[:, :, 1:].reshape(batch, heads, new, keys)
