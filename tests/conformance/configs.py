"""Every causal-LM model type of transformers: what its class holds, and what llmcmp reads from the same config.

    PYTHONPATH=.:tests python -m conformance.configs [TYPE...]      prints each type's outcome and how many there are

A type is *exact* where every parameter of every layer and those outside of the layers are equal in number, *refused*
where llmcmp says what is missing, and WRONG where neither is true. Sizes and switches of a config are changed by seed.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import sys
import warnings
from dataclasses import dataclass, fields
from functools import cache
from math import prod
from typing import Any

import pytest

import llmcmp
from llmcmp.errors import LlmcmpError
from llmcmp.ops import Plan
from llmcmp.sources.build import build
from llmcmp.sources.huggingface.anatomy import Anatomy
from llmcmp.sources.huggingface.reading.read import document
from llmcmp.sources.huggingface.reading.types import TYPES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
flop_counter = pytest.importorskip("torch.utils.flop_counter")
initialization = pytest.importorskip("transformers.initialization")
auto = pytest.importorskip("transformers.models.auto.modeling_auto")

CAUSAL: dict[str, str] = {
    name: cls if isinstance(cls, str) else cls[0] for name, cls in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items()
}
# Text models that are read as parts of models with other towers, and have no head of their own.
TEXT_MODELS: dict[str, str] = {
    name: cls
    for name, cls in auto.MODEL_MAPPING_NAMES.items()
    if isinstance(cls, str) and name in TYPES and name not in CAUSAL
}
CORRECTION = re.compile(r"e_score_correction_bias|expert_bias$|score_bias$|correction_bias$")


@dataclass(frozen=True)
class Outcome:
    """What became of one config: "exact", "refused", "WRONG", or "none" where the class itself cannot be built."""

    kind: str
    why: str = ""


@contextlib.contextmanager
def silence() -> Any:
    """transformers tells on stderr what it thinks of small vocabularies."""
    transformers.logging.set_verbosity_error()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def reference(model_type: str, seed: int | None = None) -> tuple[dict[str, Any], Any] | str:
    """(config, model on the meta device) of a type, its sizes changed by `seed`; or why there is none."""
    with silence():
        try:
            config = transformers.CONFIG_MAPPING[model_type](**(changes(model_type, seed) if seed is not None else {}))
            written = json.loads(config.to_json_string(use_diff=False))
            with torch.device("meta"), initialization.no_init_weights():
                model = getattr(transformers, CAUSAL.get(model_type) or TEXT_MODELS[model_type])(config)
            model.tie_weights()
            return written, model
        except Exception as error:  # whatever a class makes of its own config
            return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"


def layer_sums(named: Any) -> tuple[dict[int, int], int]:
    """(parameters of each layer, all others)."""
    sums: dict[int, int] = {}
    outside = 0
    for name, shape in named:
        number = re.search(r"(?:^|[._])(?:layers?|h|blocks?|block|resblocks|layer_list)\.(\d+)\.", name)
        if number:
            sums[int(number[1])] = sums.get(int(number[1]), 0) + prod(shape)
        else:
            outside += prod(shape)
    return sums, outside


def compare(config: dict[str, Any], model: Any) -> Outcome:
    """What llmcmp reads from a config against the model that transformers makes of it."""
    config = config | {"architectures": [type(model).__name__]}
    # Sinusoids are fixed: some classes hold them as if they were learned.
    fixed = [name for name, module in model.named_modules() if "Sinusoidal" in type(module).__name__]
    named = [(name, p) for name, p in model.named_parameters() if name.rpartition(".")[0] not in fixed]
    if "text_config" in config:  # of a model with other towers, its text model
        named = [(name, p) for name, p in named if "language_model" in name or "lm_head" in name]
    shapes = [(name, tuple(p.shape)) for name, p in named]
    try:
        params = llmcmp.params(build(document(config, "read"), "config.json"))
    except LlmcmpError as error:
        return Outcome("refused", str(error))
    # What steers the choice of experts and no gradient trains is stored, and in no total (DESIGN.md, Truth). Some
    # classes hold it as a parameter, some as a buffer.
    stored = [prod(shape) for name, shape in shapes if CORRECTION.search(name)]
    shapes = [(name, shape) for name, shape in shapes if not CORRECTION.search(name)]
    stored += [buffer.numel() for name, buffer in model.named_buffers() if CORRECTION.search(name)]
    if params.buffers != sum(stored):
        return Outcome("WRONG", f"{params.buffers} stored buffers, not {sum(stored)}")
    total = sum(prod(shape) for _, shape in shapes)
    if params.total != total:
        return Outcome("WRONG", f"{params.total:,} parameters, not {total:,} ({params.total - total:+,})")
    sums, _ = layer_sums(shapes)
    theirs = tuple(sums[number] for number in sorted(sums))
    if theirs and params.layers != theirs:
        return Outcome("WRONG", f"layers hold {params.layers[:6]}, not {theirs[:6]}")
    return Outcome("exact", f"{total:,}")


def outcome(model_type: str, seed: int | None = None) -> Outcome:
    """What becomes of a type's default config, or of one whose sizes `seed` changes."""
    found = reference(model_type, seed)
    return Outcome("none", found) if isinstance(found, str) else compare(*found)


def flops_outcome(model_type: str, seed: int) -> Outcome:
    """FLOPs of a forward pass that torch counts in the class, against those of what llmcmp reads."""
    found = reference(model_type, seed)
    if isinstance(found, str):
        return Outcome("none", found)
    config, model = found
    try:
        read = build(document(config | {"architectures": [CAUSAL[model_type]]}, "read"), "config.json")
    except LlmcmpError as error:
        return Outcome("refused", str(error))
    with silence():
        try:
            counted = _counted(model)
        except Exception as error:  # whatever a class cannot do without values
            return Outcome("none", f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}")
    flops = llmcmp.flops(read, BATCH, new=NEW, plan=Plan(latent="expanded"))
    # What a class computes in the place of a scan or convolution is its own affair (scans.py).
    own = flops.full - flops.components.get("scan", 0) - flops.components.get("convolution", 0)
    counted -= idle_experts(model_type, read)
    if own == flops.full and counted != own:
        return Outcome("WRONG", f"{own:,} FLOPs, not {counted:,} ({own - counted:+,})")
    return Outcome("exact" if counted == own else "scan", f"{counted:,}")


BATCH, NEW = 2, 7
RUNS_ALL_EXPERTS = ("llama4_text",)  # those not chosen are given zeros


def idle_experts(model_type: str, model: llmcmp.Model) -> int:
    """FLOPs of experts that no token was sent to, and that the class multiplies all the same."""
    if model_type not in RUNS_ALL_EXPERTS:
        return 0
    anatomy = Anatomy(model)
    one = 2 * 3 * anatomy.moe.hidden * anatomy.moe.expert.intermediate  # gate, up and down; multiply-add = 2
    return len(anatomy.moe_layers) * BATCH * NEW * (anatomy.moe.experts - anatomy.moe.per_token) * one


def _counted(model: Any) -> int:
    """What torch's counter sees in a forward pass without values, attention and experts as explicit products."""
    model.config.use_cache = True  # without a cache some classes look for where a packed sequence ends
    model.set_attn_implementation("eager")
    if model._can_set_experts_implementation():
        model.set_experts_implementation("batched_mm")
    tokens = torch.full((BATCH, NEW), 3, dtype=torch.long, device="meta")
    with torch.no_grad(), flop_counter.FlopCounterMode(display=False) as counter:
        model.eval()(input_ids=tokens)
    assert counter.get_total_flops() > 0, "the counter saw nothing"
    return counter.get_total_flops()


# How sizes change. Multiples are kept: heads of their groups, widths of their heads.


def changes(model_type: str, seed: int) -> dict[str, Any]:
    """Other sizes and switches for a config class, small and odd ones, the same for every run of a seed."""
    rng = random.Random(f"{model_type} {seed}")
    defaults = default_values(model_type)
    alias = transformers.CONFIG_MAPPING[model_type].attribute_map
    kv = rng.choice((1, 2, 3))
    heads = kv * rng.choice((1, 2, 4))
    size = 8 * rng.choice((1, 2, 3))
    sizes = {
        "vocab_size": rng.randrange(200, 400),
        "hidden_size": heads * size,
        "num_hidden_layers": rng.choice((4, 5, 7)),
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "head_dim": size + 8,
        "intermediate_size": 8 * rng.randrange(3, 12),
        "moe_intermediate_size": 8 * rng.randrange(3, 9),
        "shared_expert_intermediate_size": 8 * rng.randrange(3, 9),
        "kv_lora_rank": rng.choice((16, 24)),
        "q_lora_rank": rng.choice((None, 24, 40)),
        "qk_nope_head_dim": 16,
        "qk_rope_head_dim": 8,
        "v_head_dim": rng.choice((16, 24)),
        "max_position_embeddings": rng.randrange(70, 100),
        "rotary_dim": size // 2,
        "sliding_window": rng.choice((5, 9)),
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "decoder_ffn_dim": 8 * rng.randrange(3, 12),
        "decoder_layers": 3,
        "d_model": heads * size,
        # Within the smallest vocabulary. Padding is looked for among tokens, which have no values here.
        "pad_token_id": None if defaults.get("pad_token_id") is None else 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    found = {alias.get(name, name): value for name, value in sizes.items() if alias.get(name, name) in defaults}
    for name in sorted(SWITCHES & defaults.keys()):
        if rng.random() < 0.4:
            found[name] = not defaults[name]
    # Where the default is none at all, the class cannot be built or says nothing of its experts.
    experts = {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "n_shared_experts": 1}
    found |= {name: value for name, value in experts.items() if defaults.get(name, value) is None}
    if "kv_lora_rank" in defaults:  # latent attention has no groups
        found["num_key_value_heads"] = heads
    if "index_topk" in defaults:
        found["q_lora_rank"] = 24
    if "expand" in defaults:  # Mamba-2's heads make up the expanded width
        found |= {"expand": 2, "num_heads": 2 * heads, "head_dim": size} if "num_heads" in defaults else {}
    if "mamba_expand" in defaults:
        found |= {"mamba_n_heads": 2 * heads, "mamba_d_ssm": 2 * heads * size}
    found |= {"linear_num_key_heads": heads, "linear_num_value_heads": 2 * heads}
    for name in ("mamba_d_state", "state_size", "ssm_state_size", "linear_key_head_dim", "linear_value_head_dim"):
        found[name] = 8 * rng.choice((1, 2, 3))
    found |= {"mamba_num_heads": 2 * heads, "mamba_head_dim": size, "n_groups": heads, "mamba_n_groups": heads}
    found |= {"attn_layer_indices": [1, 3], "lru_width": 8 * rng.randrange(3, 9) * heads}
    return {name: value for name, value in found.items() if name in defaults} | NEEDED.get(model_type, {})


# What classes cannot be built without, and have no default of.
NEEDED: dict[str, dict[str, Any]] = {
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1000.0},
        "ffn_config": {"ffn_hidden_size": 40, "moe_num_experts": 5, "moe_top_k": 2},
        "d_model": 48,
        "n_heads": 6,
        "n_layers": 3,
        "tie_word_embeddings": False,
    },
    "lfm2_moe": {"num_hidden_layers": 4, "layer_types": ["conv", "conv", "full_attention", "conv"]},
}
SWITCHES = {
    "attention_bias",
    "mlp_bias",
    "tie_word_embeddings",
    "use_qk_norm",
    "norm_topk_prob",
    "use_bias",
    "qk_layernorm",
    "use_qkv_bias",
    "use_parallel_residual",
    "use_sliding_window",
    "bias",
    "lm_head_bias",
}


@cache
def default_values(model_type: str) -> dict[str, Any]:
    """The fields of a config class with their defaults."""
    return {field.name: field.default for field in fields(transformers.CONFIG_MAPPING[model_type])}


def main() -> None:
    """The outcome of each type: of its default config, and of a few changed ones."""
    counts: dict[str, int] = {}
    for name in sys.argv[1:] or sorted(CAUSAL):
        found = outcome(name)
        counts[found.kind] = counts.get(found.kind, 0) + 1
        print(f"{name:<26} {found.kind:<8} {found.why[:150]}", flush=True)
        if found.kind in ("exact", "none"):
            for seed in range(4):
                changed = outcome(name, seed)
                if changed.kind not in ("exact", "none"):
                    print(f"    {name} seed {seed} {changed.kind:<8} {changed.why[:200]}", flush=True)
                counts[f"changed {changed.kind}"] = counts.get(f"changed {changed.kind}", 0) + 1
    print(counts)


if __name__ == "__main__":
    main()
