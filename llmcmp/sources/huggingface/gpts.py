"""Configs of the decoders before LLaMA, and of those that took after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.anatomy import Anatomy, Keys

# Special ids that fit the smallest vocabulary. Most models get no padding id: transformers looks for it among the
# tokens, which have no values on the meta device. OPT, BART and RoBERTa count their positions from it.
IDS = {"pad_token_id": None, "bos_token_id": 0, "eos_token_id": 2}
PADDED = IDS | {"pad_token_id": 1}


def openai_gpt(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "n_positions": a.rows,
        "n_embd": a.hidden,
        "n_layer": a.depth,
        "n_head": a.attention.heads,
        "layer_norm_epsilon": a.epsilon,
        **IDS,
    }


def gpt2(a: Anatomy) -> Keys:
    return openai_gpt(a) | {"n_inner": a.feed_forward.intermediate}


def opt(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "ffn_dim": a.feed_forward.intermediate,
        "max_position_embeddings": a.rows - 2,  # the table starts with two reserved rows
        "num_attention_heads": a.attention.heads,
        "do_layer_norm_before": a.placement == "pre",
        "word_embed_proj_dim": a.width,
        **PADDED,
    }


def gpt_j(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "n_positions": a.limit,
        "n_embd": a.hidden,
        "n_layer": a.depth,
        "n_head": a.attention.heads,
        "rotary_dim": a.attention.position.rotated(a.attention.head_dim),
        "n_inner": a.feed_forward.intermediate,
        "layer_norm_epsilon": a.epsilon,
        **IDS,
    }


def gpt_neox(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "intermediate_size": a.feed_forward.intermediate,
        "max_position_embeddings": a.limit,
        "layer_norm_eps": a.epsilon,
        "hidden_act": {"gelu": "gelu", "gelu-tanh": "gelu_fast"}[a.feed_forward.activation],  # Pythia has the first
        "rope_parameters": a.rope,
        **IDS,
    }


def bloom(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "n_layer": a.depth,
        "n_head": a.attention.heads,
        "layer_norm_epsilon": a.epsilon,
        **IDS,
    }


def mpt(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "d_model": a.hidden,
        "n_heads": a.attention.heads,
        "n_layers": a.depth,
        "max_seq_len": a.limit,
        "layer_norm_epsilon": a.epsilon,
        **IDS,
    }


def falcon(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "num_kv_heads": a.attention.kv_heads,
        "ffn_hidden_size": a.feed_forward.intermediate,
        "new_decoder_architecture": a.first_step.shared_norm is None,
        "max_position_embeddings": a.limit,
        "layer_norm_epsilon": a.epsilon,
        "rope_parameters": a.rope,
        **IDS,
    }
