"""Configs of LLaMA and the dense decoders after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.anatomy import rope_parameters
from llmcmp.sources.huggingface.gpts import IDS

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.anatomy import Anatomy, Keys


def common(a: Anatomy) -> Keys:
    """The keys that decoders since LLaMA share, feed-forwards and rotations apart."""
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "num_key_value_heads": a.attention.kv_heads,
        "max_position_embeddings": a.limit,
        "tie_word_embeddings": a.tied,
        "rms_norm_eps": a.epsilon,
        **IDS,
    }


def dense(a: Anatomy) -> Keys:
    """`common` with rotary positions and one width of dense feed-forwards."""
    return common(a) | {"intermediate_size": a.feed_forward.intermediate, "rope_parameters": a.rope}


def headed(a: Anatomy) -> Keys:
    """`dense` where the size of a head is a key."""
    return dense(a) | {"head_dim": a.attention.head_dim}


def mistral(a: Anatomy) -> Keys:
    return headed(a) | {"sliding_window": a.window}


def glm4(a: Anatomy) -> Keys:
    return headed(a) | {"attention_bias": bool(a.attention.bias)}  # of queries, keys, values: the 9B has them


def phi(a: Anatomy) -> Keys:
    keys = dense(a)
    return keys | {"layer_norm_eps": keys.pop("rms_norm_eps")}


def phi3(a: Anatomy) -> Keys:
    return dense(a) | {"sliding_window": a.window}


def gemma2(a: Anatomy) -> Keys:
    return headed(a) | {
        "sliding_window": a.window,
        "query_pre_attn_scalar": _queried(a),
        "attn_logit_softcapping": a.attention.soft_cap,
        "final_logit_softcapping": a.outside["head"].soft_cap,
    }


def gemma3(a: Anatomy) -> Keys:
    """Windowed layers and the others rotate by bases of their own."""
    kinds = {layer["attention"].window is None: layer["attention"] for layer in a.layers}
    bases = {"sliding_attention": rope_parameters(kinds[False]), "full_attention": rope_parameters(kinds[True])}
    return headed(a) | {
        "sliding_window": a.window,
        "query_pre_attn_scalar": _queried(a),
        "rope_parameters": bases,
    }


def _queried(a: Anatomy) -> int:
    """The number whose root divides Gemma's scores."""
    return a.attention.head_dim if a.attention.scale is None else round(a.attention.scale**-2)
