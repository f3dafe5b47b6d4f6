"""The small models that twins are tested on: those of tests/tiny.py and one for each odd mechanism."""

from __future__ import annotations

import copy
from typing import Any

from tiny import DENSE, ENCODER, ENCODER_DECODER, EXPERTS, HYBRID, KINDS, LATENT, MIXERS, mixing, tiny

from llmcmp.model import Model

ROUTED = {**EXPERTS, "experts": 6, "per_token": 3}
NO_POSITION = {key: value for key, value in DENSE.items() if key != "position"}


def even(document: dict[str, Any]) -> dict[str, Any]:
    """The same with heads whose elements can be rotated in pairs."""
    document = copy.deepcopy(document)
    for section in ("attention", "cross_attention"):
        table = document.get(section, {})
        for each in (table, *(value for value in table.values() if isinstance(value, dict))):
            if each.get("head_dim") == 5:
                each["head_dim"] = 6
    return document


def attending(**keys: Any) -> dict[str, Any]:
    return {**DENSE, "attention": {**DENSE["attention"], **keys}}


# What blocks can hold beside an attention and a feed-forward.
BESIDE: dict[str, Any] = {
    "attention": {"full": DENSE["attention"]},
    "mixer": {"mamba": MIXERS["mamba-2"]},
    "position": {"kind": "none"},
    "feed_forward": DENSE["feed_forward"],
    "stack": [{"layers": 3, "blocks": [{"attention": "full", "mixer": "mamba"}]}],
}
ONE_PART: dict[str, Any] = {
    "stack": [
        {
            "layers": 4,
            "blocks": [
                {"mixer": "delta", "feed_forward": "none"},
                {"attention": "none"},
                {"attention": "full", "feed_forward": "none"},
                {"mixer": "mamba"},
            ],
        }
    ]
}
PLACED: dict[str, Any] = {"stack": [{"layers": 4, "blocks": [{}, {"placement": "output"}]}]}
IDLE: dict[str, Any] = {
    "cross_attention": {"held": {"kind": "cross", "heads": 3, "kv_heads": 3, "head_dim": 5, "idle": True}},
    "stack": [{"layers": 3, "blocks": [{"cross_attention": "held"}]}],
}

ODD: dict[str, dict[str, Any]] = {
    "encoder": ENCODER,
    "encoder-decoder": {**ENCODER_DECODER, "head": {"scaled": True}},
    "latent queries": {**DENSE, "attention": {key: value for key, value in LATENT.items() if key != "query_rank"}},
    "biases": attending(bias=["query", "key", "value", "output"]),
    "some biases": attending(bias=["key"]),
    "norm of heads": attending(qk_norm="head"),
    "norm of the whole": attending(qk_norm="whole"),
    "norm without weight": attending(qk_norm="l2"),
    "LayerNorm of heads": attending(qk_norm="layer"),
    "LayerNorm of each head": attending(qk_norm="each"),
    "narrow values": attending(value_dim=4),
    "a gate a head": attending(head_gate="sigmoid", value_dim=4, output_gate=True),
    "a softplus gate a head": attending(head_gate="softplus"),
    "indexed": {**DENSE, "attention": {**LATENT, "indexer": {"heads": 3, "head_dim": 6, "top_k": 500}}},
    "latent biases": {**DENSE, "attention": {**LATENT, "bias": ["query_down", "kv_down", "output"]}},
    "norms without weights": {**DENSE, "norm": {"kind": "rms", "placement": "pre", "weight": False}},
    "LayerNorm without weights": {**DENSE, "norm": {"kind": "layer", "placement": "pre", "weight": False}},
    "post norm with one at the end": {**DENSE, "norm": {"kind": "layer", "placement": "post", "exit": True}},
    "masked head": {**DENSE, "head": {"kind": "masked", "width": 17}},
    "masked head, tied": {
        **DENSE,
        "embedding": {**DENSE["embedding"], "tied": True},
        "head": {"kind": "masked", "inner_bias": False},
    },
    "norms that differ by layer": {**DENSE, **PLACED},
    "idle cross-attention": {**DENSE, **IDLE},
    "sinks": attending(sinks=True, window=5),
    "soft cap": {**attending(soft_cap=20.0), "head": {"soft_cap": 10.0, "bias": True}},
    "temperature": attending(temperature={"floor": 3, "scale": 0.1}),
    "gated": attending(output_gate=True, bias=["query"]),
    "alibi": {**DENSE, "position": {"kind": "alibi"}},
    "alibi in a window": {**attending(window=5), "position": {"kind": "alibi"}},
    "learned": {**DENSE, "position": {"kind": "learned", "rows": 40, "offset": 2}},
    "relative": {**DENSE, "position": {"kind": "relative-bias", "buckets": 8, "max_distance": 16}},
    "sinusoidal": {**DENSE, "position": {"kind": "sinusoidal"}},
    "no position": NO_POSITION | {"position": {"kind": "none"}},
    "two axes": {**attending(head_dim=8), "architecture": "prefix-decoder", "position": {"kind": "rotary", "axes": 2}},
    "interleaved": {**attending(head_dim=8), "position": {"kind": "rotary", "interleaved": True, "fraction": 0.5}},
    "sandwich": {**DENSE, "norm": {"kind": "rms", "placement": "sandwich", "unit_offset": True}},
    "output norm": {**DENSE, "norm": {"kind": "rms", "placement": "output"}},
    "post norm": {**DENSE, "norm": {"kind": "layer", "placement": "post", "embedding": True}},
    "deep norm": {**DENSE, "norm": {"kind": "layer", "placement": "deep"}},
    "parallel": {**DENSE, "block": {"parallel": True}},
    "shared norm": {**DENSE, "block": {"parallel": True, "shared_norm": True}},
    "shared layers": {**DENSE, "stack": [{"layers": 3, "shared": True}]},
    "narrow": {**DENSE, "embedding": {**DENSE["embedding"], "width": 10, "tied": True, "scaled": True}},
    **{
        f"plain {name}": {**DENSE, "feed_forward": {"kind": "plain", "activation": name, "intermediate": 37}}
        for name in ("squared-relu", "quick-gelu", "sigmoid", "tanh", "xielu")
    },
    "plain": {**DENSE, "feed_forward": {"kind": "plain", "activation": "gelu", "intermediate": 37, "bias": True}},
    "plain experts": {
        **DENSE,
        "feed_forward": {
            **EXPERTS,
            "expert": {"kind": "plain", "activation": "relu", "intermediate": 11, "bias": True},
        },
    },
    "biased experts": {
        **DENSE,
        "feed_forward": {
            **ROUTED,
            "router": {"bias": True, "normalize": True},
            "expert": {**EXPERTS["expert"], "activation": "clamped-silu", "bias": True},
        },
    },
    "weighted input": {**DENSE, "feed_forward": {**EXPERTS, "router": {"scoring": "sigmoid", "weighted": "input"}}},
    "groups": {
        **DENSE,
        "feed_forward": {
            **ROUTED,
            "router": {
                "scoring": "sigmoid",
                "correction": True,
                "groups": 3,
                "groups_per_token": 2,
                "group_score": "best-two",
                "normalize": True,
                "scale": 2.5,
            },
        },
    },
    "adaptive": {
        **KINDS["segment"],
        "embedding": {
            "kind": "adaptive",
            "vocabulary": 101,
            "hidden": 24,
            "width": 20,
            "cutoffs": [20, 60],
            "divisor": 2,
        },
    },
}

# Recurrent mixers, and what blocks make of them.
MIXED: dict[str, dict[str, Any]] = {
    **{kind: KINDS[kind] for kind in (*MIXERS, "hybrid")},
    "short": mixing("short"),
    "mixer beside attention": {**mixing("mamba-2"), **BESIDE},
    "Mamba-2 normed first": {**mixing("mamba-2"), "mixer": {**MIXERS["mamba-2"], "norm_first": True}},
    "Mamba-2 without norm": {**mixing("mamba-2"), "mixer": {**MIXERS["mamba-2"], "norm": False}},
    "Mamba with bare norms": {**mixing("mamba"), "mixer": {**MIXERS["mamba"], "norm_weights": False}},
    "one part a layer": {**HYBRID, **ONE_PART},
}

ALL: dict[str, dict[str, Any]] = {name: even(document) for name, document in (KINDS | ODD | MIXED).items()}
# Twins of recurrent mixers count and round otherwise, which is tested beside them (test_mixers.py).
PLAIN = {name: document for name, document in ALL.items() if name not in MIXED}
DECODERS = {name: document for name, document in PLAIN.items() if document["architecture"] != "encoder-only"}
EXPERT_KINDS = ("mixture", "plain experts", "biased experts", "weighted input", "groups")


def model_of(kind: str) -> Model:
    """The small model of that kind."""
    return tiny(ALL[kind])
