"""Configs of the decoders with recurrent mixers, alone or between attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.gpts import IDS
from llmcmp.sources.huggingface.llamas import common
from llmcmp.sources.huggingface.mixtures import qwen2_moe

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.anatomy import Anatomy, Keys


def mamba2(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_heads": a.mixer.heads,
        "head_dim": a.mixer.head_dim,
        "state_size": a.mixer.state_size,
        "n_groups": a.mixer.groups,
        "conv_kernel": a.mixer.kernel,
        "layer_norm_epsilon": a.epsilon,
        "tie_word_embeddings": a.tied,
        **IDS,
    }


def jamba(a: Anatomy) -> Keys:
    return common(a) | {
        "intermediate_size": a.moe.expert.intermediate,
        "num_experts": a.moe.experts,
        "num_experts_per_tok": a.moe.per_token,
        "mamba_d_state": a.mixer.state_size,
        "mamba_d_conv": a.mixer.kernel,
        "mamba_expand": a.mixer.inner // a.hidden,
        "mamba_dt_rank": a.mixer.step_rank,
    }


def qwen3_next(a: Anatomy) -> Keys:
    return qwen2_moe(a) | {
        "head_dim": a.attention.head_dim,
        "linear_conv_kernel_dim": a.mixer.kernel,
        "linear_key_head_dim": a.mixer.key_dim,
        "linear_value_head_dim": a.mixer.value_dim,
        "linear_num_key_heads": a.mixer.key_heads,
        "linear_num_value_heads": a.mixer.value_heads,
    }
