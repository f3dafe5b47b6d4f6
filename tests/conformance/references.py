"""Which transformers class a preset is held to, and what that class does otherwise than the architecture asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

import llmcmp
from llmcmp.sources.huggingface.anatomy import Anatomy
from llmcmp.sources.huggingface.configs import config_keys
from llmcmp.sources.names import preset_files

from .scans import Scanned, delta_scan, mamba2_scan, mamba_scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model

transformers = pytest.importorskip("transformers")


@dataclass(frozen=True)
class Reference:
    """A transformers model class, and what it takes for granted of the sizes.

    Sizes: `square`: heads x head_dim = hidden. `fourfold`: the feed-forward is 4 x hidden wide. `shared_like_expert`:
    the shared expert is as wide as a routed one; `shared_multiple`: as a whole number of routed ones.
    `one_width`: dense feed-forwards are as wide as a routed expert.
    `least_layers`: a depth at which every kind of layer occurs, and another order would show in their numbers.

    What the class does otherwise than the architecture asks, each corrected exactly where it is compared:
    `caches`: it keeps keys and values; OpenAI's first GPT predates that, and bare encoders have no use for it.
    `caches_all_heads`: it repeats keys and values to all heads before it caches them.
    `runs_all_experts`: it multiplies every token with every expert, those not chosen scaled by zero.
    `scan`: what its torch code computes for one mixer where no kernels are installed (scans.py).
    `device`: "cpu" where which experts are hit decides what runs, which tensors without values cannot tell.
    """

    model: str
    square: bool = False
    fourfold: bool = False
    shared_like_expert: bool = False
    shared_multiple: bool = False
    one_width: bool = False
    least_layers: int = 2
    caches: bool = True
    caches_all_heads: bool = False
    runs_all_experts: bool = False
    scan: Callable[[Any, int, int, bool], Scanned] | None = None
    device: str = "meta"

    def config_of(self, model: Model) -> Any:
        """The transformers config of the same sizes."""
        return getattr(transformers, self.model).config_class(**config_keys(model, self.model))


REFERENCES: dict[str, Reference] = {
    reference.model: reference
    for reference in (
        Reference("OpenAIGPTLMHeadModel", square=True, fourfold=True, caches=False),
        Reference("GPT2LMHeadModel", square=True),
        Reference("OPTForCausalLM", square=True),
        Reference("GPTJForCausalLM", square=True),
        Reference("GPTNeoXForCausalLM", square=True),
        Reference("BloomForCausalLM", square=True, fourfold=True),
        Reference("MptForCausalLM", square=True, fourfold=True),
        Reference("FalconForCausalLM", square=True, caches_all_heads=True),
        Reference("LlamaForCausalLM"),
        Reference("MistralForCausalLM"),
        Reference("MixtralForCausalLM"),
        Reference("Qwen2ForCausalLM", square=True),
        Reference("Qwen2MoeForCausalLM", square=True),
        Reference("Qwen3ForCausalLM"),
        Reference("Qwen3MoeForCausalLM"),
        Reference("DeepseekV2ForCausalLM", shared_multiple=True),
        Reference("DeepseekV3ForCausalLM", shared_multiple=True),
        Reference("GlmForCausalLM"),
        Reference("Glm4ForCausalLM"),
        Reference("Mamba2ForCausalLM", scan=mamba2_scan),
        Reference("JambaForCausalLM", square=True, one_width=True, least_layers=9, scan=mamba_scan),
        Reference("Qwen3NextForCausalLM", least_layers=5, scan=delta_scan),
        Reference("Glm4MoeForCausalLM", shared_multiple=True),
        Reference("GemmaForCausalLM"),
        Reference("Gemma2ForCausalLM", least_layers=3),
        Reference("Gemma3ForCausalLM", least_layers=7),
        Reference("GptOssForCausalLM", least_layers=3),
        Reference("PhiForCausalLM", square=True),
        Reference("Phi3ForCausalLM", square=True),
        Reference("Olmo2ForCausalLM", square=True),
        Reference("Llama4ForCausalLM", shared_like_expert=True, least_layers=5, runs_all_experts=True),
        Reference("BertModel", square=True, caches=False),
        Reference("RobertaModel", square=True, caches=False),
        Reference("AlbertModel", square=True, caches=False),
        Reference("BartForConditionalGeneration", square=True),
        Reference("T5ForConditionalGeneration"),
        Reference("SwitchTransformersForConditionalGeneration", one_width=True, device="cpu"),
    )
}


def own_head(model: Model) -> tuple[int, int] | None:
    """The shape of a head that the released tensors have and the reference has not.

    transformers 5 ties the head of every T5 by force, T5 v1.1's and Flan-T5's too, and untying Switch's would part the
    token tables of its encoder and decoder, which are one.
    """
    head = Anatomy(model).outside.get("head")
    if model.encoder is None or head is None or head.tied:
        return None
    return head.vocabulary, head.width


# Presets whose count names no transformers class, and a class of the same mechanism.
SAME_MECHANISM = {
    "deepseek-moe-16b": "Glm4MoeForCausalLM",  # multi-head attention, dense layers first, shared experts
    "gpt3-*": "GPT2LMHeadModel",  # the paper's banded layers are costed as dense (the preset's note)
    "switch-large-128": "SwitchTransformersForConditionalGeneration",
    "switch-c-2048": "SwitchTransformersForConditionalGeneration",
}

# Presets that no class of transformers 5.23 can express.
NO_REFERENCE = {
    "chatglm-6b": "remote code: DeepNorm, two-axis rotary positions",
    "glm-130b": "never in transformers: DeepNorm",
    "palm-*": "never in transformers: parallel blocks with multi-query attention and gated feed-forwards",
    "switch-xxl-128": "SwitchTransformersExperts has no gated feed-forward",
    "transformer-xl": "left transformers with version 4.36",
}


def reference_name(preset: str) -> str | None:
    """The transformers class that a preset is held to: the one that its file says counted it."""
    published = llmcmp.load(preset).card.published
    said = re.search(r"transformers 5\.23(?:, (\w+))?", published.exact_from or "" if published else "")
    if said is None:
        return next((name for pattern, name in SAME_MECHANISM.items() if fnmatch(preset, pattern)), None)
    # The one count without a class name is that of T5 v1.1. BartModel has no logits; the model with them counts the
    # same parameters, because its head is tied.
    return {None: "T5ForConditionalGeneration", "BartModel": "BartForConditionalGeneration"}.get(said[1], said[1])


def preset_references() -> dict[str, Reference]:
    """Every preset that has a reference."""
    names = {preset: reference_name(preset) for preset in preset_files()}
    return {preset: REFERENCES[name] for preset, name in names.items() if name is not None}


# One preset for each way of building a class, smallest first: what the quick tests run on.
QUICK = (
    "gpt1",
    "gpt2",
    "opt-125m",
    "opt-350m",
    "gpt-j-6b",
    "gpt-neox-20b",
    "bloom-560m",
    "mpt-7b",
    "falcon-7b",
    "falcon-40b",
    "llama2-7b",
    "llama3-8b",
    "llama3.2-1b",
    "mistral-7b",
    "mixtral-8x7b",
    "qwen2-0.5b",
    "qwen2-7b",
    "qwen1.5-moe-a2.7b",
    "qwen3-8b",
    "qwen3-30b-a3b",
    "deepseek-moe-16b",
    "deepseek-v2-lite",
    "deepseek-v2",
    "deepseek-v3",
    "glm-4-9b",
    "glm-4-0414-9b",
    "glm-4-0414-32b",
    "mamba2-130m",
    "jamba-v0.1",
    "qwen3-next-80b-a3b",
    "glm-4.5",
    "glm-4.5-air",
    "gemma-2b",
    "gemma2-2b",
    "gemma3-1b",
    "gpt-oss-20b",
    "phi-2",
    "phi-3-mini",
    "phi-4-mini",
    "olmo2-1b",
    "llama4-scout",
    "llama4-maverick",
    "bert-base",
    "roberta-base",
    "albert-base",
    "bart-base",
    "t5-small",
    "t5-v1.1-small",
    "switch-base-8",
)
