"""Twins of recurrent mixers give the logits of transformers: at once, in chunks, and step by step with the state.

Weights are carried over from a small reference with random values, everything in fp32.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from llmcmp.nn.build import build, names

from .anatomy import Anatomy
from .oracle import cache_name, left, reference_model
from .oracle import torch as torch_module
from .references import preset_references
from .shrink import shrunken

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin

torch: Any = torch_module

PRESETS = ("mamba2-130m", "jamba-v0.1", "qwen3-next-80b-a3b", "glm-4-0414-9b", "glm-4-0414-32b")

# fp32 keeps 24 bits. Other orders of summing lose a few; where a head reads out almost nothing, the norm behind it
# magnifies what was lost, so that a dozen may be gone in single logits. Against fp64 both sides are equally far off.
CLOSE = {"rtol": 5e-4, "atol": 5e-4}

OUTSIDE = {
    "embedding": ("backbone.embeddings", "model.embed_tokens"),
    "norm": ("backbone.norm_f", "model.final_layernorm", "model.norm"),
    "head": ("lm_head",),
}
INSIDE = {
    "mixer_norm": ("norm", "input_layernorm"),
    "mixer.norm": ("mixer.norm", "linear_attn.norm"),
    "mixer.output": ("mixer.out_proj", "mamba.out_proj", "linear_attn.out_proj"),
    "mixer.step_bias": ("mixer.dt_bias",),
    "mixer.decay_bias": ("linear_attn.dt_bias",),
    "mixer.decay_log": ("mixer.A_log", "mamba.A_log", "linear_attn.A_log"),
    "mixer.skip": ("mixer.D", "mamba.D"),
    "mixer.conv": ("mamba.conv1d",),
    "mixer.step_up": ("mamba.dt_proj",),
    "mixer.step_norm": ("mamba.dt_layernorm",),
    "mixer.key_norm": ("mamba.b_layernorm",),
    "mixer.query_norm": ("mamba.c_layernorm",),
    "attention_norm": ("input_layernorm",),
    "attention_output_norm": ("post_self_attn_layernorm",),
    "attention.query": ("self_attn.q_proj",),
    "attention.key": ("self_attn.k_proj",),
    "attention.value": ("self_attn.v_proj",),
    "attention.output": ("self_attn.o_proj",),
    "attention.query_norm": ("self_attn.q_norm",),
    "attention.key_norm": ("self_attn.k_norm",),
    "feed_forward_norm": ("pre_ff_layernorm", "post_attention_layernorm"),
    "feed_forward_output_norm": ("post_mlp_layernorm",),
    "feed_forward.gate": ("feed_forward.gate_proj",),
    "feed_forward.up": ("feed_forward.up_proj",),
    "feed_forward.down": ("feed_forward.down_proj", "mlp.down_proj"),
    "feed_forward.router": ("feed_forward.router", "mlp.gate"),
    "feed_forward.experts.down.weight": ("feed_forward.experts.down_proj", "mlp.experts.down_proj"),
    "feed_forward.shared.gate": ("mlp.shared_expert.gate_proj",),
    "feed_forward.shared.up": ("mlp.shared_expert.up_proj",),
    "feed_forward.shared.down": ("mlp.shared_expert.down_proj",),
    "feed_forward.shared_gate": ("mlp.shared_expert_gate",),
}


def parts_of(model: Model, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What transformers fuses, taken apart: name of ours, with the prefix of the reference's layer."""
    a, found = Anatomy(model), {}
    for name, tensor in state.items():
        layer, _, rest = name.partition("layers.")[2].partition(".")
        found |= {f"{layer}:{ours}": part for ours, part in _parts(a, rest, tensor)}
    return found


def _parts(a: Anatomy, name: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    leaf = name.rpartition(".")[2]
    match name.removesuffix(f".{leaf}"):
        case "mixer.in_proj":
            shared = a.mixer.groups * a.mixer.state_size
            sizes = {
                "gate": a.mixer.inner,
                "value": a.mixer.inner,
                "key": shared,
                "query": shared,
                "step": a.mixer.heads,
            }
        case "mixer.conv1d":
            shared = a.mixer.groups * a.mixer.state_size
            sizes = {"value_conv": a.mixer.inner, "key_conv": shared, "query_conv": shared}
        case "mamba.in_proj":
            sizes = {"value": a.mixer.inner, "gate": a.mixer.inner}
        case "mamba.x_proj":
            sizes = {"step_down": a.mixer.step_rank, "key": a.mixer.state_size, "query": a.mixer.state_size}
        case "linear_attn.conv1d":
            keys, values = a.mixer.key_heads * a.mixer.key_dim, a.mixer.value_heads * a.mixer.value_dim
            sizes = {"query_conv": keys, "key_conv": keys, "value_conv": values}
        case "linear_attn.in_proj_qkvz":
            of_a_key = a.mixer.value_heads // a.mixer.key_heads * a.mixer.value_dim
            sizes = {"query": a.mixer.key_dim, "key": a.mixer.key_dim, "value": of_a_key, "gate": of_a_key}
        case "linear_attn.in_proj_ba":
            of_a_key = a.mixer.value_heads // a.mixer.key_heads
            sizes = {"beta": of_a_key, "decay": of_a_key}
        case "self_attn.q_proj" if a.attention.output_gate:
            sizes = {"query": a.attention.head_dim, "gate": a.attention.head_dim}
            return _turns("attention", sizes, tensor, leaf)
        case "mlp.gate_up_proj":
            gate, up = tensor.chunk(2)
            return [(f"feed_forward.gate.{leaf}", gate), (f"feed_forward.up.{leaf}", up)]
        case _ if leaf == "gate_up_proj":
            gate, up = tensor.chunk(2, dim=1)
            return [("feed_forward.experts.gate.weight", gate), ("feed_forward.experts.up.weight", up)]
        case _:
            return []
    return _turns("mixer", sizes, tensor, leaf)


def _turns(module: str, sizes: dict[str, int], tensor: Tensor, leaf: str) -> list[tuple[str, Tensor]]:
    """Parts that take turns along the outputs, as often as fit: once, or for every head."""
    split = tensor.unflatten(0, (-1, sum(sizes.values()))).split(list(sizes.values()), dim=1)
    return [(f"{module}.{name}.{leaf}", part.flatten(0, 1)) for name, part in zip(sizes, split, strict=True)]


def carried(model: Model, twin: Twin, reference: Any) -> None:
    """Give the twin the weights of the reference; every one must be found, and of the same shape."""
    state = dict(reference.named_parameters())
    parts = parts_of(model, state)
    own = dict(twin.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, _, _ in names(model):
            own[name].copy_(_found(name, state, parts))


def _found(name: str, state: dict[str, Tensor], parts: dict[str, Tensor]) -> Tensor:
    if not name.startswith("layers."):
        module, _, leaf = name.rpartition(".")
        candidates = [f"{theirs}.{leaf}" for theirs in OUTSIDE[module]]
        tied = [f"{theirs}.{leaf}" for theirs in OUTSIDE["embedding"]] if module == "head" else []
        return next(state[each] for each in (*candidates, *tied) if each in state)
    _, layer, rest = name.split(".", 2)
    if f"{layer}:{rest}" in parts:
        return parts[f"{layer}:{rest}"]
    module, _, leaf = rest.rpartition(".")
    theirs = [*INSIDE.get(rest, ()), *(f"{each}.{leaf}" for each in INSIDE.get(module, ()))]
    return next(
        state[full]
        for each in theirs
        for root in ("backbone", "model")
        if (full := f"{root}.layers.{layer}.{each}") in state
    )


@cache
def twins(preset: str, seed: int) -> tuple[Twin, Any]:
    """A twin and its reference with the same random weights."""
    model = shrunken(preset, seed)
    reference = reference_model(preset_references()[preset], model, device="cpu")
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, parameter.shape[-1] ** -0.5, generator=random)
            else:
                parameter.uniform_(0.5, 1.5, generator=random)
            if name.endswith("A_log"):
                parameter.sub_(3)  # slow decay: what happened chunks ago still shows
    twin = build(model)
    carried(model, twin, reference)
    return twin, reference


def token_ids(count: int, batch: int = 2) -> Tensor:
    return torch.randint(100, (batch, count), generator=torch.Generator().manual_seed(count))


@pytest.fixture(autouse=True)
def _without_gradients() -> Any:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("new", "seed"), [(1, 0), (2, 1), (7, 0), (64, 0), (70, 1), (150, 0)])
def test_a_prefill_gives_the_logits_of_transformers(preset: str, seed: int, new: int) -> None:
    twin, reference = twins(preset, seed)
    tokens = token_ids(new)
    expected = reference(input_ids=tokens, use_cache=False).logits
    assert expected.std() > 0.1  # logits that are all alike would agree with anything
    torch.testing.assert_close(twin(tokens), expected, **CLOSE)
    torch.testing.assert_close(twin(tokens, twin.new_cache(2, 200)), expected, **CLOSE)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("packed", [False, True])
def test_decode_steps_give_the_logits_of_transformers(preset: str, packed: bool) -> None:
    twin, reference = twins(preset, 0)
    if packed:
        twin = build(twin.model)
        carried(twin.model, twin, reference)
        twin.pack()
    tokens = token_ids(16)
    outputs = reference(input_ids=tokens[:, :9], use_cache=True)
    held = twin.new_cache(2, 20)
    torch.testing.assert_close(twin(tokens[:, :9], held), outputs.logits, **CLOSE)
    for position in range(9, 16):
        step = tokens[:, position : position + 1]
        outputs = reference(input_ids=step, use_cache=True, **{cache_name(reference): left(outputs)})
        torch.testing.assert_close(twin(step, held), outputs.logits, **CLOSE)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cuts", [(1, 1, 1), (3, 5), (2, 1, 70, 1, 7), (64, 65)])
def test_a_prefill_in_chunks_and_the_steps_after_it_are_one_prefill(preset: str, cuts: tuple[int, ...]) -> None:
    twin, reference = twins(preset, 0)
    tokens = token_ids(sum(cuts) + 2)
    expected = reference(input_ids=tokens, use_cache=False).logits
    held, start = twin.new_cache(2, None), 0
    for count in (*cuts, 1, 1):
        part = twin(tokens[:, start : start + count], held)
        torch.testing.assert_close(part, expected[:, start : start + count], **CLOSE)
        start += count
