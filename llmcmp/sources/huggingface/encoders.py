"""Configs of encoders and of encoder-decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.anatomy import layers
from llmcmp.sources.huggingface.gpts import PADDED

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.anatomy import Anatomy, Keys


def bert(a: Anatomy) -> Keys:
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "intermediate_size": a.feed_forward.intermediate,
        "max_position_embeddings": a.rows,
        "type_vocab_size": a.outside["token_types"].types,
        "layer_norm_eps": a.outside["embedding_norm"].epsilon,
        **PADDED,
    }


def albert(a: Anatomy) -> Keys:
    return bert(a) | {"embedding_size": a.width}


def bart(a: Anatomy) -> Keys:
    encoder = layers(a.encoder)
    return {
        "vocab_size": a.vocabulary,
        "max_position_embeddings": a.rows - 2,  # the tables start with two reserved rows
        "d_model": a.hidden,
        "encoder_layers": len(encoder),
        "encoder_attention_heads": encoder[0]["attention"].heads,
        "encoder_ffn_dim": encoder[0]["feed_forward"].intermediate,
        "decoder_layers": a.depth,
        "decoder_attention_heads": a.attention.heads,
        "decoder_ffn_dim": a.feed_forward.intermediate,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,  # a generation setting, which a config may not hold
        **PADDED,
    }


def t5_sizes(a: Anatomy) -> Keys:
    """The keys of T5 and Switch."""
    return {
        "vocab_size": a.vocabulary,
        "d_model": a.hidden,
        "d_kv": a.attention.head_dim,
        "d_ff": a.dense_intermediate,
        "num_layers": a.encoder.depth,
        "num_decoder_layers": a.depth,
        "num_heads": a.attention.heads,
        "relative_attention_num_buckets": a.outside["positions"].buckets,
        "relative_attention_max_distance": a.outside["positions"].max_distance,
        "layer_norm_epsilon": a.epsilon,
        "decoder_start_token_id": 0,
        **PADDED,
    }


def t5(a: Anatomy) -> Keys:
    activation = {"relu": "relu", "gelu-tanh": "gelu", "silu": "silu"}[a.feed_forward.activation]
    network = f"gated-{activation}" if a.feed_forward.kind == "gated" else activation
    # The class ties every head, and takes this key to say only whether what a head reads is scaled, as with tied ones.
    return t5_sizes(a) | {"feed_forward_proj": network, "tie_word_embeddings": a.tied}


def switch(a: Anatomy) -> Keys:
    sparse = [len([x for x in layers(tower) if x["feed_forward"].kind == "experts"]) for tower in a.model.towers]
    return t5_sizes(a) | {
        "num_sparse_encoder_layers": sparse[0],
        "num_sparse_decoder_layers": sparse[1],
        "num_experts": a.moe.experts,
        # Tokens beyond an expert's capacity are dropped; llmcmp counts none dropped (components/experts.py).
        "expert_capacity": 1_000_000,
        "tie_word_embeddings": True,  # False parts the tables of encoder and decoder, which are one
    }
