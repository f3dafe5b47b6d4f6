"""Scores and weighted values: softmax(scale q k^T + mask) v, fused where torch can, explicit where it cannot.

Keys and values stay at their own number of heads; the queries that share one are folded together instead.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.nn.flow import Mask


def attend(
    q_BSNH: Tensor,
    k_BKTH: Tensor,
    v_BKTH: Tensor,
    mask: Mask,
    scale: float,
    soft_cap: float | None = None,
    sinks_N: Tensor | None = None,
) -> Tensor:
    """B x S x (N H): what each query makes of the values that it sees.

    `soft_cap` bounds the scores (Gemma 2), `sinks_N` joins each head's softmax without a value (gpt-oss).
    """
    if soft_cap is None and sinks_N is None:
        return _fused(q_BSNH, k_BKTH, v_BKTH, mask, scale)
    return _explicit(q_BSNH, k_BKTH, v_BKTH, mask, scale, soft_cap, sinks_N)


def _fused(q_BSNH: Tensor, k_BKTH: Tensor, v_BKTH: Tensor, mask: Mask, scale: float) -> Tensor:
    kv_heads, heads, new = k_BKTH.shape[1], q_BSNH.shape[2], q_BSNH.shape[1]
    if new == 1 and kv_heads < heads:
        # The queries of a group are rows of one product: none needs a copy of the keys.
        q_BKGH = q_BSNH.squeeze(1).unflatten(1, (kv_heads, -1))
        bias = None if mask.tensor is None else _grouped(mask.tensor, kv_heads, heads)
        out = F.scaled_dot_product_attention(q_BKGH, k_BKTH, v_BKTH, attn_mask=bias, scale=scale)
        return out.flatten(1).unsqueeze(1)
    out_BNSH = F.scaled_dot_product_attention(
        q_BSNH.transpose(1, 2),
        k_BKTH,
        v_BKTH,
        attn_mask=mask.tensor,
        is_causal=mask.causal,
        scale=scale,
        enable_gqa=kv_heads < heads,
    )
    return out_BNSH.transpose(1, 2).flatten(2)


def _grouped(mask: Tensor, kv_heads: int, heads: int) -> Tensor:
    """A mask of one query a head (N x 1 x T), of one for all (1 x T) or a sequence (B x 1 x 1 x T), for K x G heads."""
    return mask if mask.dim() != 3 else mask.squeeze(1).unflatten(0, (kv_heads, heads // kv_heads))


def _explicit(
    q_BSNH: Tensor,
    k_BKTH: Tensor,
    v_BKTH: Tensor,
    mask: Mask,
    scale: float,
    soft_cap: float | None,
    sinks_N: Tensor | None,
) -> Tensor:
    new, kv_heads = q_BSNH.shape[1], k_BKTH.shape[1]
    q_BKRH = q_BSNH.unflatten(2, (kv_heads, -1)).permute(0, 2, 3, 1, 4).flatten(2, 3)  # R: G x S
    scores = torch.matmul(q_BKRH, k_BKTH.transpose(-1, -2)).mul_(scale)
    if soft_cap is not None:
        scores = torch.tanh(scores / soft_cap) * soft_cap
    scores_BNST = scores.unflatten(2, (-1, new)).flatten(1, 2)
    weights = _softmax(_masked(scores_BNST, mask), sinks_N).to(v_BKTH.dtype)
    out = torch.matmul(weights.unflatten(1, (kv_heads, -1)).flatten(2, 3), v_BKTH)
    return out.unflatten(2, (-1, new)).permute(0, 3, 1, 2, 4).flatten(2)


def _masked(scores_BNST: Tensor, mask: Mask) -> Tensor:
    if mask.causal:
        shape = scores_BNST.shape[-2:]
        seen = torch.ones(shape, dtype=torch.bool, device=scores_BNST.device).tril()
        return scores_BNST.masked_fill(~seen, float("-inf"))
    if mask.tensor is None:
        return scores_BNST
    if mask.tensor.dtype == torch.bool:
        return scores_BNST.masked_fill(~mask.tensor, float("-inf"))
    return scores_BNST + mask.tensor


def _softmax(scores_BNST: Tensor, sinks_N: Tensor | None) -> Tensor:
    """Over keys, and a sink a head whose share goes nowhere."""
    if sinks_N is None:
        return torch.softmax(scores_BNST, dim=-1, dtype=torch.float32)
    sinks = sinks_N.view(1, -1, 1, 1).expand(*scores_BNST.shape[:3], 1)
    return torch.softmax(torch.cat((scores_BNST, sinks), dim=-1), dim=-1, dtype=torch.float32)[..., :-1]
