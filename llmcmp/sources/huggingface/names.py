"""Where the tensors of each transformers class stand among ours.

A class that is not listed, or a tensor that its table does not name, is an error: nothing is carried by likeness.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmcmp.errors import ModelError
from llmcmp.frozen import replace
from llmcmp.sources.huggingface import decoder_names as d
from llmcmp.sources.huggingface import encoder_names as e
from llmcmp.sources.huggingface import recurrent_names as r
from llmcmp.sources.huggingface.targets import Fused, OneOf, Reshaped, Zero

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.targets import Names, Target

NAMES: dict[str, Names] = {
    "OpenAIGPTLMHeadModel": d.OPENAI_GPT,
    "GPT2LMHeadModel": d.GPT2,
    "OPTForCausalLM": d.OPT,
    "GPTJForCausalLM": d.GPT_J,
    "GPTNeoXForCausalLM": d.GPT_NEOX,
    "BloomForCausalLM": d.BLOOM,
    "MptForCausalLM": d.MPT,
    "FalconForCausalLM": d.FALCON,
    "LlamaForCausalLM": d.llama(),
    "MistralForCausalLM": d.llama(),
    "Qwen2ForCausalLM": d.llama(),
    "Qwen3ForCausalLM": d.llama(),
    "GlmForCausalLM": d.llama(d.PHI3),
    "Glm4ForCausalLM": d.llama(d.GLM4),
    "GemmaForCausalLM": d.llama(),
    "Gemma2ForCausalLM": d.llama(d.SANDWICH),
    "Gemma3ForCausalLM": d.llama(d.SANDWICH),
    "PhiForCausalLM": d.llama(d.PHI),
    "Phi3ForCausalLM": d.llama(d.PHI3),
    "Olmo2ForCausalLM": d.llama(d.SANDWICH),
    "MixtralForCausalLM": d.llama(d.EXPERTS),
    "Qwen2MoeForCausalLM": d.llama(d.EXPERTS),
    "Qwen3MoeForCausalLM": d.llama(d.EXPERTS),
    "DeepseekV2ForCausalLM": d.llama(d.LATENT, d.EXPERTS),
    "DeepseekV3ForCausalLM": d.llama(d.LATENT, d.EXPERTS),
    "Glm4MoeForCausalLM": d.llama(d.EXPERTS),
    "GptOssForCausalLM": d.llama(d.GPT_OSS),
    "Llama4ForCausalLM": d.llama(d.LLAMA4),
    "Mamba2ForCausalLM": r.MAMBA2,
    "JambaForCausalLM": d.llama(r.JAMBA),
    "Qwen3NextForCausalLM": d.llama(d.EXPERTS, r.QWEN3_NEXT),
    "BertModel": e.BERT,
    "RobertaModel": e.BERT,
    "AlbertModel": e.ALBERT,
    "BartForConditionalGeneration": e.BART,
    "T5ForConditionalGeneration": e.T5,
    "SwitchTransformersForConditionalGeneration": e.T5,
}


def target_of(name: str, cls: str) -> tuple[Target, int | None]:
    """What the tensor `name` of a transformers class holds of ours, and which expert's it is, where that is in it.

    >>> target_of("model.layers.3.self_attn.q_proj.bias", "Qwen2ForCausalLM")
    ('layers.3.attention.query.bias', None)
    """
    if cls not in NAMES:
        raise ModelError(f"the tensors of the transformers class {cls} are not known; known: {', '.join(NAMES)}")
    found = find(name, NAMES[cls])
    if found is None:
        raise ModelError(f"the tensor {name} of {cls} has no name among ours; add it to sources/huggingface")
    return found


def find(name: str, table: Names) -> tuple[Target, int | None] | None:
    """What a tensor holds of ours by a table of names, and which expert's it is; None where the table has it not."""
    pattern, layer, expert = _numbered(name)
    module, _, leaf = pattern.rpartition(".")
    if pattern in table:
        return _at(table[pattern], "", layer), expert
    if module in table:
        return _at(table[module], f".{leaf}", layer), expert
    return None


def _numbered(name: str) -> tuple[str, str, int | None]:
    """A name with "*" for its layer and "#" for its expert, and both numbers."""
    expert = re.search(r"(?<=\.expert_)\d+|(?<=\.experts\.)\d+", name)
    if expert is not None:
        name = f"{name[: expert.start()]}#{name[expert.end() :]}"
    layer = re.search(r"(?<=\.)\d+(?=\.)", name)
    if layer is not None:
        name = f"{name[: layer.start()]}*{name[layer.end() :]}"
    return name, "" if layer is None else layer[0], None if expert is None else int(expert[0])


def _at(target: Target, leaf: str, layer: str) -> Target:
    """A target with its layer's number, and behind a module's name what of it is meant."""
    match target:
        case str():
            return target.replace("*", layer) + leaf
        case Fused() | OneOf():
            return replace(target, names=tuple(name.replace("*", layer) + leaf for name in target.names))
        case Reshaped():
            return Reshaped(name=target.name.replace("*", layer) + leaf)
        case Zero():
            return target
