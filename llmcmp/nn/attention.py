"""Softmax attention with heads: multi-head, grouped-query and multi-query, with a window or without."""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.norms import LayerNorm as LayerNormComponent
from llmcmp.components.norms import RMSNorm as RMSNormComponent
from llmcmp.components.positions import Alibi, Rotary
from llmcmp.nn.flow import Mask
from llmcmp.nn.linear import Linear, Packed
from llmcmp.nn.norms import HeadNorms, LayerNorm, RMSNorm
from llmcmp.nn.positions import rotate, tempered
from llmcmp.nn.scores import attend
from llmcmp.nn.slots import token_slot

if TYPE_CHECKING:
    from llmcmp.components.attention import Attention as AttentionComponent
    from llmcmp.nn.flow import Flow, Places
    from llmcmp.nn.slots import Slot, TokenSlot


class Attention(nn.Module):
    """Queries over the keys of the past and of this pass; the number of heads is what the projections give."""

    def __init__(self, attention: AttentionComponent) -> None:
        super().__init__()
        self.spec = attention
        self.scale = attention.scale or 1 / math.sqrt(attention.head_dim)
        *inputs, self.output = map(Linear, attention.linears())
        self.query, self.key, self.value = inputs[:3]
        gates = inputs[3:]
        if attention.head_gate:
            self.head_gate = gates.pop()
        if attention.output_gate:
            self.gate = gates.pop()
        if attention.qk_norm not in (None, "l2"):
            self.query_norm, self.key_norm = (self._norm(heads) for heads in (attention.heads, attention.kv_heads))
        self.sinks = nn.Parameter(torch.empty(attention.heads)) if attention.sinks else None
        self.packed: Packed | None = None
        self.rotation, self.mask = 0, 0

    def _norm(self, heads: int) -> RMSNorm | LayerNorm | HeadNorms:
        spec = self.spec
        if spec.qk_norm == "each":
            return HeadNorms(heads, spec.head_dim, spec.epsilon)
        if spec.qk_norm == "layer":
            return LayerNorm(LayerNormComponent(width=spec.head_dim, epsilon=spec.epsilon))
        width = spec.head_dim if spec.qk_norm == "head" else heads * spec.head_dim
        return RMSNorm(RMSNormComponent(width=width, epsilon=spec.epsilon, unit_offset=spec.unit_offset))

    def prepare(self, places: Places) -> None:
        """Ask for what a pass has to compute once for all layers."""
        spec = self.spec
        if isinstance(spec.position, Rotary):
            self.rotation = places.rotation(spec.position, spec.head_dim)
        self.mask = places.mask(spec.span, spec.heads if isinstance(spec.position, Alibi) else None)

    def pack(self) -> None:
        """Project queries, keys and values in one product."""
        self.packed = Packed((self.query, self.key, self.value))

    def forward(self, x_BSD: Tensor, flow: Flow, slot: TokenSlot | None = None) -> Tensor:
        q_BSNH, k_BSKH, v_BSKH = self._projected(x_BSD, flow)
        if self.spec.temperature is not None:
            q_BSNH = q_BSNH * tempered(self.spec.temperature, flow.past, flow.new, q_BSNH)
        k_BKTH, v_BKTH = k_BSKH.transpose(1, 2), v_BSKH.transpose(1, 2)
        if slot is not None:
            k_BKTH, v_BKTH = slot.extend(flow.past, k_BKTH, v_BKTH)
        mask = flow.masks[self.mask] if flow.bias is None else Mask(tensor=flow.bias)
        mixed = attend(q_BSNH, k_BKTH, v_BKTH, mask, self.scale, self.spec.soft_cap, self.sinks)
        if self.spec.output_gate:
            mixed = mixed * torch.sigmoid(self.gate(x_BSD))
        if self.spec.head_gate:
            opened = torch.sigmoid if self.spec.head_gate == "sigmoid" else F.softplus
            gate_BSN1 = opened(self.head_gate(x_BSD)).unsqueeze(-1)
            mixed = (mixed.unflatten(-1, (-1, self.spec.value_size)) * gate_BSN1).flatten(-2)
        return self.output(mixed)

    def _projected(self, x_BSD: Tensor, flow: Flow) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, normalised and rotated."""
        spec, size = self.spec, self.spec.head_dim
        if self.packed is not None and not torch.is_grad_enabled():
            found = self.packed(x_BSD)
            if spec.qk_norm is None and spec.value_dim is None:
                return self._together(found, self.packed.sizes, flow)
            q, k, v = found.split(self.packed.sizes, -1)
        else:
            q, k, v = self.query(x_BSD), self.key(x_BSD), self.value(x_BSD)
        if spec.qk_norm == "whole":
            q, k = self.query_norm(q), self.key_norm(k)
        q, k = (t.unflatten(-1, (-1, size)) for t in (q, k))
        v = v.unflatten(-1, (-1, spec.value_size))
        if spec.qk_norm in ("head", "layer", "each"):
            q, k = self.query_norm(q), self.key_norm(k)
        q, k = self._turned(q, flow), self._turned(k, flow)
        if spec.qk_norm == "l2":  # Llama 4 normalises what it has rotated
            q, k = (F.rms_norm(t, (size,), eps=spec.epsilon) for t in (q, k))
        return q, k, v

    def _together(self, found: Tensor, sizes: list[int], flow: Flow) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys rotated as the heads of one tensor."""
        queries, keys = (size // self.spec.head_dim for size in sizes[:2])
        heads = found.unflatten(-1, (-1, self.spec.head_dim))
        turned, v = heads.split((queries + keys, keys), -2)
        q, k = self._turned(turned, flow).split((queries, keys), -2)
        return q, k, v

    def _turned(self, x_BSNH: Tensor, flow: Flow) -> Tensor:
        position = self.spec.position
        return rotate(x_BSNH, flow.rotations[self.rotation], position) if isinstance(position, Rotary) else x_BSNH

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """Room for keys and values; an encoder keeps none."""
        if self.spec.direction == "bidirectional":
            return None
        heads = self.key.weight.shape[0] // self.spec.head_dim
        sizes = self.spec.head_dim, self.spec.value_size
        empty = tuple(torch.empty(batch, heads, 0, size, device=device, dtype=dtype) for size in sizes)
        return token_slot(("keys", "values"), empty, capacity, self.spec.window)
