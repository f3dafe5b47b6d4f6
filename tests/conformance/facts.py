"""Values that presets do not hold yet, by preset; with them in the files this goes."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

INTERLEAVED = {"position": {"interleaved": True}}
GEMMA = {"norm": {"unit_offset": True, "epsilon": 1e-6}, "embedding": {"scaled": True}}
T5 = {"attention": {"scale": 1.0}, "cross_attention": {"scale": 1.0}, "norm": {"epsilon": 1e-6}}
OFFSET = {"position": {"offset": 2}}
BERT = {"norm": {"epsilon": 1e-12}}
ONE = {"norm": {"epsilon": 1e-6}}

V3 = [
    {"feed_forward": {"moe": {"router": {"normalize": True, "scale": 2.5, "group_score": "best-two"}}}},
    {"position": {"scaling": {"attention_factor": 1.0}}, "attention": {"scale": 0.5}},
]

FACTS: dict[str, list[dict[str, Any]]] = {
    "opt-*": [OFFSET],
    "bart-*": [OFFSET],
    "roberta-*": [OFFSET, {"norm": {"epsilon": 1e-5}}],
    "bert-*": [BERT],
    "albert-*": [BERT],
    "gpt-j-6b": [INTERLEAVED],
    "glm-4-9b": [INTERLEAVED, {"norm": {"epsilon": 1.5625e-7}}],
    "deepseek-v*": [INTERLEAVED, ONE],
    "deepseek-v2*": [{"position": {"scaling": {"attention_factor": 1.0}}, "attention": {"scale": 0.4}}],
    "deepseek-v2": [{"feed_forward": {"moe": {"router": {"scale": 16.0}}}}],
    "deepseek-r1": [INTERLEAVED, ONE, *V3],
    "kimi-k2": [INTERLEAVED, ONE, *V3],
    "deepseek-v3": V3,
    "mixtral-*": [{"feed_forward": {"router": {"normalize": True}}}],
    "qwen3-30b*": [{"feed_forward": {"router": {"normalize": True}}}],
    "glm-4.5*": [{"feed_forward": {"moe": {"router": {"normalize": True, "scale": 2.5}}}}],
    "gemma-*": [GEMMA],
    "gemma2-*": [GEMMA, {"attention": {"*": {"scale": 0.125}}}],
    "gemma3-*": [GEMMA, {"attention": {"*": {"scale": 0.125}}}],
    "gpt-oss-*": [
        {"feed_forward": {"router": {"normalize": True}}, "position": {"scaling": {"truncate": False}}},
    ],
    "llama4-*": [{"position": {"rotary": {"interleaved": True}}}],
    "llama4-scout": [{"feed_forward": {"router": {"weighted": "input"}}}],
    "llama4-maverick": [{"feed_forward": {"moe": {"router": {"weighted": "input"}}}}],
    "t5-*": [T5],
    "t5-[!v]*": [{"head": {"scaled": True}}],
    "flan-t5-*": [T5],
    "ul2-*": [T5],
    "chatglm[23]-*": [INTERLEAVED],
    "switch-*": [T5, {"head": {"scaled": True}}],
}


def with_facts(preset: str, document: dict[str, Any]) -> dict[str, Any]:
    for pattern, facts in FACTS.items():
        if fnmatch(preset, pattern):
            for fact in facts:
                _merge(document, fact)
    return document


def _merge(table: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if not isinstance(value, dict):
            table[key] = value
            continue
        if "*" in key:
            for name, inner in table.items():
                if isinstance(inner, dict) and fnmatch(name, key):
                    _merge(inner, value)
        else:
            _merge(table.setdefault(key, {}), value)
