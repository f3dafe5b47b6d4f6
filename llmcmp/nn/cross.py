"""Cross-attention: a decoder's queries over the encoder's output, whose keys are projected once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from llmcmp.nn.flow import Mask
from llmcmp.nn.linear import Linear
from llmcmp.nn.scores import attend
from llmcmp.nn.slots import SourceSlot

if TYPE_CHECKING:
    from llmcmp.components.cross import CrossAttention as CrossComponent
    from llmcmp.nn.flow import Flow, Places
    from llmcmp.nn.slots import Slot


class CrossAttention(nn.Module):
    """Reads the source that the pass brings, or what the slot holds of an earlier one."""

    def __init__(self, attention: CrossComponent) -> None:
        super().__init__()
        self.spec = attention
        self.scale = attention.scale or 1 / math.sqrt(attention.head_dim)
        self.query, self.key, self.value, self.output = map(Linear, attention.linears())

    def prepare(self, places: Places) -> None:
        """Nothing: every query sees the whole source."""

    def forward(self, x_BSD: Tensor, flow: Flow, slot: SourceSlot | None = None) -> Tensor:
        q_BSNH = self.query(x_BSD).unflatten(-1, (-1, self.spec.head_dim))
        k_BKTH, v_BKTH = self._source(flow, slot)
        return self.output(attend(q_BSNH, k_BKTH, v_BKTH, Mask(), self.scale))

    def _source(self, flow: Flow, slot: SourceSlot | None) -> tuple[Tensor, ...]:
        if flow.source_BTD is None:
            assert slot is not None, "a decoder needs a source, of this pass or of an earlier one"
            return slot.held
        source = flow.source_BTD
        projected = (self.key(source), self.value(source))
        held = tuple(t.unflatten(-1, (-1, self.spec.head_dim)).transpose(1, 2) for t in projected)
        if slot is not None:
            slot.held = held
        return held

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """Room for the keys and values of a source; none where nothing is attended."""
        if self.spec.idle:
            return None
        heads = self.key.weight.shape[0] // self.spec.head_dim
        empty = torch.empty(batch, heads, 0, self.spec.head_dim, device=device, dtype=dtype)
        return SourceSlot(("cross keys", "cross values"), (empty, empty))
