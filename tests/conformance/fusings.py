"""Which tensors the classes of transformers fuse, stack or store the other way round, and their shapes taken apart.

llmcmp's weights are unfused and have outputs first. Each rule below is a known difference in storage; a tensor that no
rule names must have the same shape on both sides.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmcmp.folds.params import stored
from llmcmp.model import walk
from llmcmp.sources.huggingface.anatomy import Anatomy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llmcmp.model import Model

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Fused:
    """Tensors named `pattern` hold several along `axis`, of these sizes."""

    pattern: str
    sizes: Callable[[Anatomy, int], tuple[int, ...]]
    axis: int = 0


@dataclass(frozen=True)
class Swapped:
    """Tensors named `pattern` have inputs before outputs."""

    pattern: str


@dataclass(frozen=True)
class Stacked:
    """Tensors that differ in the number within `pattern` are one for each expert."""

    pattern: str


Rule = Fused | Swapped | Stacked


def _qkv(a: Anatomy, size: int) -> tuple[int, ...]:
    queries, keys = (heads * a.attention.head_dim for heads in (a.attention.heads, a.attention.kv_heads))
    return queries, keys, keys


def _halves(a: Anatomy, size: int) -> tuple[int, ...]:
    assert size % 2 == 0
    return size // 2, size // 2


def _latent_and_key(a: Anatomy, size: int) -> tuple[int, ...]:
    return a.attention.kv_rank, a.attention.rope_dim


def _keys_and_values(a: Anatomy, size: int) -> tuple[int, ...]:
    return a.attention.heads * a.attention.nope_dim, a.attention.heads * a.attention.value_dim


def _mamba_inputs(a: Anatomy, size: int) -> tuple[int, ...]:
    return a.mixer.inner, a.mixer.inner


def _mamba_selection(a: Anatomy, size: int) -> tuple[int, ...]:
    return a.mixer.step_rank, a.mixer.state_size, a.mixer.state_size


def _mamba2_streams(a: Anatomy, size: int) -> tuple[int, ...]:
    shared = a.mixer.groups * a.mixer.state_size
    return a.mixer.inner, shared, shared


def _mamba2_inputs(a: Anatomy, size: int) -> tuple[int, ...]:
    return a.mixer.inner, *_mamba2_streams(a, size), a.mixer.heads


def _delta_streams(a: Anatomy, size: int) -> tuple[int, ...]:
    keys = a.mixer.key_heads * a.mixer.key_dim
    return keys, keys, a.mixer.value_heads * a.mixer.value_dim


def _delta_inputs(a: Anatomy, size: int) -> tuple[int, ...]:
    return *_delta_streams(a, size), a.mixer.value_heads * a.mixer.value_dim


CONV1D = (Swapped(r"c_(attn|proj|fc)\.weight"), Fused(r"c_attn\.", _qkv))
EXPERTS = (Fused(r"experts\.gate_up_proj$", _halves, axis=1),)
LATENT = (Fused(r"kv_a_proj_with_mqa\.", _latent_and_key), Fused(r"kv_b_proj\.", _keys_and_values), *EXPERTS)
QKV = (Fused(r"\.query_key_value\.", _qkv),)
GATE_UP = (Fused(r"\.gate_up_proj\.", _halves),)

RULES: dict[str, tuple[Rule, ...]] = {
    "OpenAIGPTLMHeadModel": CONV1D,
    "GPT2LMHeadModel": CONV1D,
    "GPTNeoXForCausalLM": QKV,
    "BloomForCausalLM": QKV,
    "FalconForCausalLM": QKV,
    "MptForCausalLM": (Fused(r"\.Wqkv\.", _qkv),),
    "Phi3ForCausalLM": (Fused(r"\.qkv_proj\.", _qkv), *GATE_UP),
    "GlmForCausalLM": GATE_UP,
    "Glm4ForCausalLM": GATE_UP,
    "MixtralForCausalLM": EXPERTS,
    "Qwen2MoeForCausalLM": EXPERTS,
    "Qwen3MoeForCausalLM": EXPERTS,
    "Glm4MoeForCausalLM": EXPERTS,
    "DeepseekV2ForCausalLM": LATENT,
    "DeepseekV3ForCausalLM": LATENT,
    "Mamba2ForCausalLM": (Fused(r"\.in_proj\.", _mamba2_inputs), Fused(r"\.conv1d\.", _mamba2_streams)),
    "JambaForCausalLM": (Fused(r"\.in_proj\.", _mamba_inputs), Fused(r"\.x_proj\.", _mamba_selection), *EXPERTS),
    "Qwen3NextForCausalLM": (
        Fused(r"\.in_proj_qkvz\.", _delta_inputs),
        Fused(r"\.in_proj_ba\.", _halves),
        Fused(r"\.conv1d\.", _delta_streams),
        Fused(r"\.q_proj\.", _halves),
        *EXPERTS,
    ),
    "Llama4ForCausalLM": (Swapped(r"experts\.\w+_proj$"), *EXPERTS),
    "GptOssForCausalLM": (Swapped(r"experts\.\w+_proj$"), Fused(r"experts\.gate_up_proj(_bias)?$", _halves, axis=1)),
    "SwitchTransformersForConditionalGeneration": (Stacked(r"\.expert_\d+\."),),
}


def unfused(parameters: dict[str, Shape], rules: Iterable[Rule], anatomy: Anatomy) -> Counter[Shape]:
    """How many tensors of each shape there are after the rules, applied in their order."""
    groups = {name: [shape] for name, shape in parameters.items()}
    for rule in rules:
        match rule:
            case Stacked():
                groups = _stacked(groups, rule.pattern)
            case Swapped():
                for name in _named(groups, rule.pattern):
                    groups[name] = [(*shape[:-2], shape[-1], shape[-2]) for shape in groups[name]]
            case Fused():
                for name in _named(groups, rule.pattern):
                    groups[name] = [part for shape in groups[name] for part in _split(shape, rule, anatomy)]
    return Counter(shape for shapes in groups.values() for shape in shapes)


def _named(groups: dict[str, list[Shape]], pattern: str) -> list[str]:
    names = [name for name in groups if re.search(pattern, name)]
    assert names, f"the rule for {pattern} is about nothing"
    return names


def _split(shape: Shape, rule: Fused, anatomy: Anatomy) -> list[Shape]:
    sizes = rule.sizes(anatomy, shape[rule.axis])
    assert sum(sizes) == shape[rule.axis]
    return [(*shape[: rule.axis], size, *shape[rule.axis + 1 :]) for size in sizes]


def _stacked(groups: dict[str, list[Shape]], pattern: str) -> dict[str, list[Shape]]:
    """One tensor with a leading axis in the place of those that differ in the pattern's number."""
    together: dict[str, list[Shape]] = {}
    for name, shapes in groups.items():
        together.setdefault(re.sub(pattern, ".expert.", name), []).extend(shapes)
    return {name: [(len(shapes), *shapes[0])] if ".expert." in name else shapes for name, shapes in together.items()}


def weight_shapes(model: Model) -> Counter[Shape]:
    """How many trained tensors of each shape llmcmp says that a model stores."""
    shapes: Counter[Shape] = Counter()
    for use, weight in stored(walk(model)):
        if not weight.buffer:
            shapes[tuple(size for _, size in weight.axes)] += use.copies
    return shapes
