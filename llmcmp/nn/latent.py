"""Multi-head latent attention: the cache holds one latent and one rotary key a token, for all heads.

A pass either expands the latents of all tokens to keys and values, or absorbs the expansion into queries and outputs
and attends the latents themselves (arXiv 2405.04434, 2.1.2); `Plan.latent` names the two.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from llmcmp.components.norms import LayerNorm as LayerNormComponent
from llmcmp.components.norms import RMSNorm as RMSNormComponent
from llmcmp.components.positions import Rotary
from llmcmp.nn.flow import Mask
from llmcmp.nn.linear import Linear, Packed
from llmcmp.nn.norms import LayerNorm, RMSNorm
from llmcmp.nn.positions import rotate
from llmcmp.nn.scores import attend
from llmcmp.nn.slots import token_slot

if TYPE_CHECKING:
    from llmcmp.components.latent import Indexer as IndexerComponent
    from llmcmp.components.latent import LatentAttention as LatentComponent
    from llmcmp.nn.flow import Flow, Places
    from llmcmp.nn.slots import Slot, TokenSlot

INDEX_EPSILON = 1e-6  # of the norm of index keys, as DeepSeek's code has it


class Indexer(nn.Module):
    """Scores of all keys for every query, and the mask of the best. Keys not chosen are computed and masked."""

    def __init__(self, attention: LatentComponent, indexer: IndexerComponent) -> None:
        super().__init__()
        self.spec = indexer
        self.query, self.key, self.head_weights = map(Linear, attention.index_linears())
        self.key_norm = LayerNorm(LayerNormComponent(width=indexer.head_dim, epsilon=INDEX_EPSILON))

    def keys(self, x_BSD: Tensor) -> Tensor:
        """B x S x 1 x H, to be rotated."""
        return self.key_norm(self.key(x_BSD)).unsqueeze(2)

    def queries(self, latent_BSQ: Tensor) -> Tensor:
        """B x S x N x H, to be rotated."""
        return self.query(latent_BSQ).unflatten(-1, (-1, self.spec.head_dim))

    def mask(self, x_BSD: Tensor, q_BSNH: Tensor, k_BTH: Tensor, dense: Mask) -> Mask:
        """What every query sees of the keys: those with the best weighted scores, of which the dense mask allows."""
        scores_BSNT = torch.relu(torch.matmul(q_BSNH, k_BTH.transpose(-1, -2).unsqueeze(1)))
        scale = (self.spec.heads * self.spec.head_dim) ** -0.5
        weights_BS1N = self.head_weights(x_BSD).unsqueeze(2) * scale
        scores_BST = torch.matmul(weights_BS1N, scores_BSNT).squeeze(2)
        new, total = scores_BST.shape[1:]
        if total <= self.spec.top_k and not torch.is_grad_enabled():
            return dense
        seen_ST = torch.ones(new, total, dtype=torch.bool, device=x_BSD.device).tril(total - new)
        best = scores_BST.masked_fill(~seen_ST, float("-inf")).topk(min(self.spec.top_k, total), -1).indices
        chosen_BST = torch.zeros_like(scores_BST, dtype=torch.bool).scatter(-1, best, True) & seen_ST
        if not torch.is_grad_enabled():
            return Mask(tensor=chosen_BST.unsqueeze(1))
        # A choice has no gradient. Zero, added to the chosen scores, carries theirs to what they were chosen by.
        carried = scores_BST - scores_BST.detach()
        return Mask(tensor=carried.masked_fill(~chosen_BST, float("-inf")).unsqueeze(1))


class LatentAttention(nn.Module):
    """`plan` "auto" absorbs in a pass of one token and expands in longer ones."""

    def __init__(self, attention: LatentComponent) -> None:
        super().__init__()
        self.spec = attention
        self.plan = "auto"
        self.scale = attention.scale or 1 / math.sqrt(attention.key_dim)
        if attention.query_rank is None:
            (self.query,) = map(Linear, attention.query_linears())
        else:
            self.query_down, self.query_up = map(Linear, attention.query_linears())
            self.query_norm = RMSNorm(RMSNormComponent(width=attention.query_rank, epsilon=attention.epsilon))
        self.kv_down, self.key_rope = map(Linear, attention.down_linears())
        self.key_up, self.value_up = map(Linear, attention.up_linears())
        self.output = Linear(attention.output)
        self.kv_norm = RMSNorm(RMSNormComponent(width=attention.kv_rank, epsilon=attention.epsilon))
        self.indexer = None if attention.indexer is None else Indexer(attention, attention.indexer)
        self.packed: Packed | None = None
        self.rotation, self.mask = 0, 0

    def prepare(self, places: Places) -> None:
        """Ask for what a pass has to compute once for all layers."""
        if isinstance(self.spec.position, Rotary):
            self.rotation = places.rotation(self.spec.position, self.spec.rope_dim)
        self.mask = places.mask(self.spec.span)

    def pack(self) -> None:
        """Project everything that reads the hidden state in one product."""
        first = self.query if self.spec.query_rank is None else self.query_down
        self.packed = Packed((first, self.kv_down, self.key_rope))

    def forward(self, x_BSD: Tensor, flow: Flow, slot: TokenSlot | None = None) -> Tensor:
        first, latent_BSL, rope_BSH = self._down(x_BSD)
        queries = first if self.spec.query_rank is None else self.query_norm(first)
        q_BSNH = queries if self.spec.query_rank is None else self.query_up(queries)
        q_BSNH = q_BSNH.unflatten(-1, (-1, self.spec.key_dim))
        nope_BSNH, rope_BSNH = q_BSNH.split((self.spec.nope_dim, self.spec.rope_dim), -1)
        rope_BSNH, rope_BS1H = self._turned(rope_BSNH, flow), self._turned(rope_BSH.unsqueeze(2), flow)
        kept = [self.kv_norm(latent_BSL), rope_BS1H.squeeze(2)]
        if self.indexer is not None:
            kept.append(self._index_turned(self.indexer.keys(x_BSD), flow).squeeze(2))
        latent_BTL, rope_BTH, *index = kept if slot is None else slot.extend(flow.past, *kept)
        mask = flow.masks[self.mask]
        if self.indexer is not None:
            mask = self.indexer.mask(x_BSD, self._index_turned(self.indexer.queries(queries), flow), index[0], mask)
        absorbed = flow.new == 1 if self.plan == "auto" else self.plan == "absorbed"
        mix = self._absorbed if absorbed else self._expanded
        return self.output(mix(nope_BSNH, rope_BSNH, latent_BTL, rope_BTH, mask))

    def _index_turned(self, x_BSNH: Tensor, flow: Flow) -> Tensor:
        """The first elements of an index key rotate as the attention's do."""
        turned, rest = x_BSNH.split((self.spec.rope_dim, x_BSNH.shape[-1] - self.spec.rope_dim), -1)
        return torch.cat((self._turned(turned, flow), rest), -1)

    def _down(self, x_BSD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.packed is not None and not torch.is_grad_enabled():
            first, latent, rope = self.packed(x_BSD).split(self.packed.sizes, -1)
            return first, latent, rope
        query = self.query if self.spec.query_rank is None else self.query_down
        return query(x_BSD), self.kv_down(x_BSD), self.key_rope(x_BSD)

    def _turned(self, x_BSNH: Tensor, flow: Flow) -> Tensor:
        position = self.spec.position
        return rotate(x_BSNH, flow.rotations[self.rotation], position) if isinstance(position, Rotary) else x_BSNH

    def _expanded(
        self, nope_BSNH: Tensor, rope_BSNH: Tensor, latent_BTL: Tensor, rope_BTH: Tensor, mask: Mask
    ) -> Tensor:
        """Keys and values of every head from the latents of all tokens."""
        k_BTNH = self.key_up(latent_BTL).unflatten(-1, (-1, self.spec.nope_dim))
        v_BTNH = self.value_up(latent_BTL).unflatten(-1, (-1, self.spec.value_dim))
        shared_BTNH = rope_BTH.unsqueeze(2).expand(-1, -1, k_BTNH.shape[2], -1)
        k_BNTH = torch.cat((k_BTNH, shared_BTNH), -1).transpose(1, 2)
        q_BSNH = torch.cat((nope_BSNH, rope_BSNH), -1)
        return attend(q_BSNH, k_BNTH, v_BTNH.transpose(1, 2), mask, self.scale)

    def _absorbed(
        self, nope_BSNH: Tensor, rope_BSNH: Tensor, latent_BTL: Tensor, rope_BTH: Tensor, mask: Mask
    ) -> Tensor:
        """Queries go down into the latent space, what they find comes back up, head by head."""
        up_NHL = self.key_up.weight.unflatten(0, (-1, self.spec.nope_dim))
        down_NLH = self.value_up.weight.unflatten(0, (-1, self.spec.value_dim)).transpose(1, 2)
        # R: B x S, so that each head is one product.
        q_NRL = torch.bmm(nope_BSNH.flatten(0, 1).transpose(0, 1), up_NHL)
        new = nope_BSNH.shape[1]
        q_BSNL = q_NRL.transpose(0, 1).unflatten(0, (-1, new))
        k_B1TL = torch.cat((latent_BTL, rope_BTH), -1).unsqueeze(1)
        mixed = attend(torch.cat((q_BSNL, rope_BSNH), -1), k_B1TL, latent_BTL.unsqueeze(1), mask, self.scale)
        mixed_NRL = mixed.flatten(0, 1).unflatten(-1, (-1, self.spec.kv_rank)).transpose(0, 1)
        return torch.bmm(mixed_NRL, down_NLH).transpose(0, 1).flatten(1).unflatten(0, (-1, new))

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """Room for the latent and the rotary key of each token."""
        if self.spec.direction == "bidirectional":
            return None
        sizes = {"latent": self.spec.kv_rank, "rotary key": self.spec.rope_dim}
        if self.spec.indexer is not None:
            sizes["index key"] = self.spec.indexer.head_dim
        empty = tuple(torch.empty(batch, 0, size, device=device, dtype=dtype) for size in sizes.values())
        return token_slot(tuple(sizes), empty, capacity)
