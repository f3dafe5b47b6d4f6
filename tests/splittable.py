"""Small models that 2, 3 and 4 ranks can split, and a vocabulary of 101 words that none divides."""

from __future__ import annotations

from typing import Any

from tiny import DENSE, ENCODER, ENCODER_DECODER, EXPERTS, KINDS, LATENT, mixing

from llmcmp.model import Model

WIDE: dict[str, Any] = {"kind": "gated", "activation": "silu", "intermediate": 36}
BIASED: dict[str, Any] = {"kind": "plain", "activation": "gelu", "intermediate": 36, "bias": True}
HEADS: dict[str, Any] = {"kind": "multi-head", "heads": 24, "kv_heads": 12, "head_dim": 6}
DECODER: dict[str, Any] = {**DENSE, "attention": HEADS, "feed_forward": WIDE}
MIXED: dict[str, Any] = {**EXPERTS, "expert": {**BIASED, "intermediate": 12}}
DELTA: dict[str, Any] = {
    "kind": "gated-delta-net",
    "key_heads": 12,
    "value_heads": 24,
    "key_dim": 6,
    "value_dim": 4,
    "kernel": 3,
}
ALL_BIASES = ["query", "key", "value", "output"]
TWO_SIDES: dict[str, Any] = {
    **ENCODER_DECODER,
    "attention": {**HEADS, "kv_heads": 24},
    "cross_attention": {"kind": "cross", "heads": 24, "kv_heads": 12, "head_dim": 6},
    "feed_forward": BIASED,
}

SPLITTABLE: dict[str, dict[str, Any]] = {
    "grouped": DECODER,
    "multi-query": {**DECODER, "attention": {**HEADS, "kv_heads": 1}},
    "few-kv-heads": {**DECODER, "attention": {**HEADS, "kv_heads": 2, "bias": ALL_BIASES}},
    "windowed": {**DECODER, "attention": {**HEADS, "window": 5, "sinks": True}},
    "head-norm": {**DECODER, "attention": {**HEADS, "qk_norm": "head"}},
    "whole-norm": {**DECODER, "attention": {**HEADS, "qk_norm": "whole", "bias": ALL_BIASES}},
    "alibi": {**DECODER, "position": {"kind": "alibi"}},
    "tied": {**DECODER, "embedding": {**DENSE["embedding"], "tied": True}},
    "plain": {**DECODER, "feed_forward": BIASED},
    "latent": {**DECODER, "attention": {**LATENT, "heads": 12}},
    "latent-direct": {
        **DECODER,
        "attention": {key: value for key, value in {**LATENT, "heads": 12}.items() if key != "query_rank"},
    },
    "mixture": {**DECODER, "feed_forward": {**MIXED, "shared": WIDE, "shared_gate": True}},
    "gated-attention": {**DECODER, "attention": {**HEADS, "output_gate": True, "qk_norm": "head"}},
    "delta": {**mixing("delta"), "mixer": DELTA, "feed_forward": WIDE},
    "memory": {**KINDS["segment"], "attention": {**KINDS["segment"]["attention"], "heads": 12}, "feed_forward": WIDE},
    "prefix": {**DECODER, "architecture": "prefix-decoder"},
    "encoder": {**ENCODER, "attention": {**HEADS, "kv_heads": 24}, "feed_forward": BIASED},
    "encoder-decoder": TWO_SIDES,
}


def numbers(model: Model) -> dict[str, Any]:
    """Sizes of a run that the model can execute."""
    match model.card.architecture:
        case "encoder-only":
            return {"new": 5}
        case "encoder-decoder":
            return {"new": 5, "past": 3, "source_past": 7}
        case _:
            return {"new": 5, "past": 7} if model.card.architecture == "decoder-only" else {"new": 5}
