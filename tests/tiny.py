"""Small, odd models for tests, built from preset tables, and the list of all real presets."""

from __future__ import annotations

import copy
from typing import Any

from llmcmp.model import Model
from llmcmp.sources.build import build
from llmcmp.sources.names import preset_files
from llmcmp.sources.presets import load

CARD: dict[str, Any] = {
    "name": "tiny",
    "family": "test",
    "organization": "tests",
    "released": "2020-01",
    "architecture": "decoder-only",
    "changed": "Nothing.",
    "context": 64,
    "tasks": ["text-generation"],
    "languages": ["en"],
    "sources": [{"what": "this file", "url": "https://example.org", "date": "2020-01-01"}],
}

DENSE: dict[str, Any] = {
    **CARD,
    "embedding": {"vocabulary": 101, "hidden": 24, "tied": False},
    "position": {"kind": "rotary"},
    "norm": {"kind": "rms", "placement": "pre"},
    "attention": {"kind": "multi-head", "heads": 6, "kv_heads": 3, "head_dim": 5},
    "feed_forward": {"kind": "gated", "activation": "silu", "intermediate": 37},
    "stack": [{"layers": 3}],
}

EXPERTS: dict[str, Any] = {
    "kind": "experts",
    "experts": 5,
    "per_token": 2,
    "expert": {"kind": "gated", "activation": "silu", "intermediate": 11},
}

LATENT: dict[str, Any] = {
    "kind": "latent",
    "heads": 3,
    "query_rank": 7,
    "kv_rank": 9,
    "nope_dim": 5,
    "rope_dim": 2,
    "value_dim": 4,
}

ENCODER_DECODER: dict[str, Any] = {
    **DENSE,
    "architecture": "encoder-decoder",
    "embedding": {"vocabulary": 101, "hidden": 24, "tied": True},
    "position": {"kind": "relative-bias", "buckets": 8, "max_distance": 16},
    "attention": {"kind": "multi-head", "heads": 3, "kv_heads": 3, "head_dim": 5},
    "cross_attention": {"kind": "cross", "heads": 3, "kv_heads": 3, "head_dim": 5},
    "stack": [{"side": "encoder", "layers": 2}, {"side": "decoder", "layers": 3}],
}

ENCODER: dict[str, Any] = {
    **DENSE,
    "architecture": "encoder-only",
    "embedding": {"vocabulary": 101, "hidden": 24, "tied": True, "token_types": 2},
    "position": {"kind": "learned", "rows": 64},
    "norm": {"kind": "layer", "placement": "post", "embedding": True},
    "attention": {"kind": "multi-head", "heads": 3, "kv_heads": 3, "head_dim": 8},
}

SEGMENT: dict[str, Any] = {
    **{key: value for key, value in DENSE.items() if key != "position"},
    "attention": {"kind": "transformer-xl", "heads": 3, "head_dim": 5, "memory": 7},
}

MIXERS: dict[str, dict[str, Any]] = {
    "mamba": {"kind": "mamba", "inner": 30, "state_size": 5, "step_rank": 3, "kernel": 4, "norms": True},
    "mamba-2": {"kind": "mamba-2", "heads": 6, "head_dim": 5, "groups": 2, "state_size": 7, "kernel": 3},
    "delta": {
        "kind": "gated-delta-net",
        "key_heads": 2,
        "value_heads": 6,
        "key_dim": 5,
        "value_dim": 7,
        "kernel": 4,
    },
}


def mixing(kind: str) -> dict[str, Any]:
    """A model of one mixer in every layer, with feed-forwards (Mamba-2 has none)."""
    left_out = ("attention", "position", *(("feed_forward",) if kind == "mamba-2" else ()))
    mixer = {"kind": "short-convolution", "kernel": 3} if kind == "short" else MIXERS[kind]
    return {key: value for key, value in DENSE.items() if key not in left_out} | {"mixer": mixer}


HYBRID: dict[str, Any] = {
    **DENSE,
    "position": {"kind": "none"},
    "attention": {"full": {**DENSE["attention"], "output_gate": True}},
    "mixer": {"delta": MIXERS["delta"], "mamba": MIXERS["mamba"]},
    "stack": [{"layers": 5, "blocks": [{"mixer": "delta"}, {"mixer": "mamba"}, {"attention": "full"}]}],
}

KINDS: dict[str, dict[str, Any]] = {
    "dense": DENSE,
    "windowed": {**DENSE, "attention": {**DENSE["attention"], "window": 5}},
    "chunked": {**DENSE, "attention": {**DENSE["attention"], "window": 4, "chunked": True}},
    "mixture": {**DENSE, "feed_forward": {**EXPERTS, "shared": EXPERTS["expert"], "shared_gate": True}},
    "latent": {**DENSE, "attention": LATENT},
    "prefix": {**DENSE, "architecture": "prefix-decoder"},
    "segment": SEGMENT,
    **{kind: mixing(kind) for kind in MIXERS},
    "hybrid": HYBRID,
}


def tiny(document: dict[str, Any] = DENSE, **tables: Any) -> Model:
    """A model of the tables of `document`, with some of them replaced."""
    return build(copy.deepcopy(document) | tables, "tiny.toml")


def disclosed() -> list[Model]:
    """Every preset that has a structure."""
    return [model for model in map(load, preset_files()) if model.disclosed]
