"""The config of a Model in the keys of a transformers class.

Sizes and values come from the Model, structure from the class: which linears have a bias, which layers of a pattern
have a window, where norms stand, what is activated how. So a Model that has structure wrong disagrees with its class.
Only what separates models of one class is read from the Model: OPT-350M's post-norm, GLM-4.5's QK norm, tied heads,
whether there is a window at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmcmp.errors import ModelError
from llmcmp.sources.huggingface import encoders, gpts, llamas, mixtures, recurrent
from llmcmp.sources.huggingface.anatomy import Anatomy

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model
    from llmcmp.sources.huggingface.anatomy import Keys

# By the class that computes the logits, or by the bare encoder.
CONFIGS: dict[str, Callable[[Anatomy], Keys]] = {
    "OpenAIGPTLMHeadModel": gpts.openai_gpt,
    "GPT2LMHeadModel": gpts.gpt2,
    "OPTForCausalLM": gpts.opt,
    "GPTJForCausalLM": gpts.gpt_j,
    "GPTNeoXForCausalLM": gpts.gpt_neox,
    "BloomForCausalLM": gpts.bloom,
    "MptForCausalLM": gpts.mpt,
    "FalconForCausalLM": gpts.falcon,
    "LlamaForCausalLM": llamas.headed,
    "MistralForCausalLM": llamas.mistral,
    "Qwen2ForCausalLM": llamas.dense,
    "Qwen3ForCausalLM": llamas.headed,
    "GlmForCausalLM": llamas.headed,
    "Glm4ForCausalLM": llamas.glm4,
    "GemmaForCausalLM": llamas.headed,
    "Gemma2ForCausalLM": llamas.gemma2,
    "Gemma3ForCausalLM": llamas.gemma3,
    "PhiForCausalLM": llamas.phi,
    "Phi3ForCausalLM": llamas.phi3,
    "Olmo2ForCausalLM": llamas.dense,
    "MixtralForCausalLM": mixtures.mixtral,
    "Qwen2MoeForCausalLM": mixtures.qwen2_moe,
    "Qwen3MoeForCausalLM": mixtures.qwen3_moe,
    "DeepseekV2ForCausalLM": mixtures.deepseek_v2,
    "DeepseekV3ForCausalLM": mixtures.latent,
    "Glm4MoeForCausalLM": mixtures.glm4_moe,
    "GptOssForCausalLM": mixtures.gpt_oss,
    "Llama4ForCausalLM": mixtures.llama4,
    "Mamba2ForCausalLM": recurrent.mamba2,
    "JambaForCausalLM": recurrent.jamba,
    "Qwen3NextForCausalLM": recurrent.qwen3_next,
    "BertModel": encoders.bert,
    "RobertaModel": encoders.bert,
    "AlbertModel": encoders.albert,
    "BartForConditionalGeneration": encoders.bart,
    "T5ForConditionalGeneration": encoders.t5,
    "SwitchTransformersForConditionalGeneration": encoders.switch,
}


def transformers_class(model: Model) -> str | None:
    """The transformers class that counted a preset's parameters, by what its file says; None where it names none."""
    published = model.card.published
    words = re.findall(r"\w+", published.exact_from or "" if published else "")
    # BartModel has no logits; the class with them counts the same, because its head is tied.
    named = {"BartModel": "BartForConditionalGeneration"} | {name: name for name in CONFIGS}
    return next((named[word] for word in words if word in named), None)


def config_keys(model: Model, name: str) -> Keys:
    """What to give the config of the transformers class `name`, so that it has the sizes and values of `model`.

    Raises ModelError for a class that llmcmp has no config of, UndisclosedError where there is no structure.
    """
    if name not in CONFIGS:
        raise ModelError(f"no config is known of the transformers class {name}; known: {', '.join(sorted(CONFIGS))}")
    model.disclosed_towers()
    return CONFIGS[name](Anatomy(model))
