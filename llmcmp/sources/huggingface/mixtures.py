"""Configs of the decoders with experts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from llmcmp.errors import ModelError
from llmcmp.sources.huggingface.gpts import IDS
from llmcmp.sources.huggingface.llamas import common

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.anatomy import Anatomy, Keys


def rotary(a: Anatomy) -> Keys:
    """What all of them share beside their experts."""
    return common(a) | {"rope_parameters": a.rope, "num_experts_per_tok": a.moe.per_token}


def mixtral(a: Anatomy) -> Keys:
    return rotary(a) | {
        "head_dim": a.attention.head_dim,
        "intermediate_size": a.moe.expert.intermediate,
        "num_local_experts": a.moe.experts,
        "sliding_window": a.window,
    }


def qwen2_moe(a: Anatomy) -> Keys:
    return rotary(a) | {
        "moe_intermediate_size": a.moe.expert.intermediate,
        "shared_expert_intermediate_size": a.moe.shared.intermediate,
        "num_experts": a.moe.experts,
        "norm_topk_prob": a.moe.router.normalize,
    }


def qwen3_moe(a: Anatomy) -> Keys:
    return rotary(a) | {
        "head_dim": a.attention.head_dim,
        "moe_intermediate_size": a.moe.expert.intermediate,
        "num_experts": a.moe.experts,
        "norm_topk_prob": a.moe.router.normalize,
    }


def first_dense(a: Anatomy) -> Keys:
    """Dense layers first, then routed and shared experts: DeepSeek-V2 and V3, GLM-4.5."""
    shared, rest = divmod(a.moe.shared.intermediate, a.moe.expert.intermediate)
    if rest:
        raise ModelError(f"{a.model.name}: a shared expert must be as wide as a whole number of routed ones")
    return {
        "intermediate_size": a.dense_intermediate,
        "moe_intermediate_size": a.moe.expert.intermediate,
        "n_routed_experts": a.moe.experts,
        "num_experts_per_tok": a.moe.per_token,
        "n_shared_experts": shared,
        "first_k_dense_replace": a.moe_layers[0],
        "n_group": a.moe.router.groups,
        "topk_group": a.moe.router.groups_per_token,
        "norm_topk_prob": a.moe.router.normalize,
        "routed_scaling_factor": a.moe.router.scale,
    }


def latent(a: Anatomy) -> Keys:
    """DeepSeek's decoders with latent attention; their kv_heads are the heads."""
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "num_key_value_heads": a.attention.heads,
        "q_lora_rank": a.attention.query_rank,
        "kv_lora_rank": a.attention.kv_rank,
        "qk_nope_head_dim": a.attention.nope_dim,
        "qk_rope_head_dim": a.attention.rope_dim,
        "v_head_dim": a.attention.value_dim,
        "max_position_embeddings": a.limit,
        "tie_word_embeddings": a.tied,
        "rms_norm_eps": a.epsilon,
        "rope_parameters": a.rope | _stretched_scores(a),
        **IDS,
        **first_dense(a),
    }


def _stretched_scores(a: Anatomy) -> Keys:
    """DeepSeek's yarn multiplies the scores too, by (0.1 m ln(factor) + 1)^2; m is what the config holds."""
    scale, factor = a.attention.scale, a.rope.get("factor")
    if scale is None or factor is None:
        return {}
    rise = math.sqrt(scale * math.sqrt(a.attention.key_dim)) - 1
    return {"mscale_all_dim": rise / (0.1 * math.log(factor))}


def deepseek_v2(a: Anatomy) -> Keys:
    limited = a.moe.router.groups > 1
    return latent(a) | {"topk_method": "group_limited_greedy" if limited else "greedy"}


def glm4_moe(a: Anatomy) -> Keys:
    return {
        **common(a),
        **first_dense(a),
        "head_dim": a.attention.head_dim,
        "rope_parameters": a.rope | {"partial_rotary_factor": a.attention.position.fraction},
        "attention_bias": bool(a.attention.bias),  # of queries, keys and values; DeepSeekMoE has none
        "use_qk_norm": a.attention.qk_norm is not None,  # GLM-4.5, not GLM-4.5-Air
    }


def gpt_oss(a: Anatomy) -> Keys:
    return mixtral(a)


def llama4(a: Anatomy) -> Keys:
    tempers = {layer["attention"].temperature for layer in a.layers} - {None}
    temper = next(iter(tempers), None)
    return rotary(a) | {
        "head_dim": a.attention.head_dim,
        "intermediate_size": a.moe.expert.intermediate,
        "intermediate_size_mlp": a.dense_intermediate,
        "num_local_experts": a.moe.experts,
        "interleave_moe_layer_step": a.moe_layers[0] + 1,
        "attention_chunk_size": a.window,
        "use_qk_norm": a.attention.qk_norm is not None,  # Scout, not Maverick
        "attn_temperature_tuning": temper is not None,
        **({} if temper is None else {"floor_scale": temper.floor, "attn_scale": temper.scale}),
    }
