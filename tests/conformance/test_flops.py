"""Forward and training FLOPs are what torch's counter sees in transformers: in total and part by part."""

from __future__ import annotations

import random

import pytest

import llmcmp
from llmcmp.ops import Plan
from llmcmp.sources.huggingface.anatomy import Anatomy

from .cases import each_preset, each_shrunken, pair
from .oracle import Counted, count, forward, reference_model, training_flops
from .references import preset_references
from .scans import Scanned
from .shrink import shrunken

# transformers caches the latent and expands keys and values from it again in every step, as this plan does.
PLAN = Plan(latent="expanded")

# The parts of `Flops.components` that one module of transformers computes.
MODULES = {
    "attention": ("attention", "attention scores"),
    "cross-attention": ("cross-attention", "cross-attention scores"),
    "linear mixer": ("linear mixer",),
    "feed-forward": ("feed-forward", "router", "routed experts", "shared experts"),
    "projection": ("projection",),
    "pooler": ("pooler",),
    "head": ("head",),
}


def by_module(flops: llmcmp.Flops) -> dict[str, int]:
    """FLOPs by the module that computes them."""
    sums = {module: sum(flops.components.get(part, 0) for part in parts) for module, parts in MODULES.items()}
    return {module: amount for module, amount in sums.items() if amount}


def idle_experts(preset: str, model: llmcmp.Model, rows: int) -> int:
    """What transformers computes and the architecture does not ask for: experts that a token was not sent to.

    Llama4TextExperts multiplies every token with all experts, those not chosen after scaling it by zero.
    """
    if not preset_references()[preset].runs_all_experts:
        return 0
    anatomy = Anatomy(model)
    moe = anatomy.moe
    one = 2 * 3 * moe.hidden * moe.expert.intermediate  # gate, up and down; multiply-add = 2
    return len(anatomy.moe_layers) * rows * (moe.experts - moe.per_token) * one


def scanned(preset: str, model: llmcmp.Model, batch: int, new: int, past: int = 0) -> Scanned:
    """What transformers computes in convolutions and scans in the place of the recurrence (scans.py)."""
    scan = preset_references()[preset].scan
    mixers = Anatomy(model).mixers
    assert bool(mixers) == (scan is not None)
    return sum((scan(mixer, batch, new, past > 0) for mixer in mixers), Scanned(0, 0)) if scan else Scanned(0, 0)


def recurrences(flops: llmcmp.Flops) -> int:
    """What llmcmp counts there."""
    return flops.components.get("convolution", 0) + flops.components.get("scan", 0)


def assert_equal(counted: Counted, flops: llmcmp.Flops, idle: int, scans: Scanned) -> None:
    """Both totals and each part agree."""
    parts = by_module(flops)
    if idle:
        parts["feed-forward"] += idle
    if scans.forward:
        parts["linear mixer"] += scans.forward
    assert counted.parts == parts
    assert counted.flops == flops.full - recurrences(flops) + scans.forward + idle


def source_of(model: llmcmp.Model, name: str, source: int) -> dict[str, int]:
    return {name: source} if model.encoder is not None else {}


@each_shrunken()
def test_prefill_flops_are_what_torch_counts_part_by_part(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    batch, new, source = (2, 7, 9) if seed == 0 else _sizes(preset, seed)
    counted = count(reference, batch, new, source)
    flops = llmcmp.flops(model, batch, new=new, plan=PLAN, **source_of(model, "source_new", source))
    assert_equal(counted, flops, idle_experts(preset, model, batch * new), scanned(preset, model, batch, new))


@each_shrunken(where=lambda reference: reference.caches)
@pytest.mark.parametrize(("past", "new"), [(9, 1), (3, 3), pytest.param(9, 3, marks=pytest.mark.full)])
def test_decode_flops_are_what_torch_counts_after_a_cached_prefill(preset: str, seed: int, past: int, new: int) -> None:
    model, reference = pair(preset, seed)
    counted = count(reference, 2, new, before=forward(reference, 2, past, source=8))
    flops = llmcmp.flops(model, 2, new=new, past=past, plan=PLAN, **source_of(model, "source_past", 8))
    assert_equal(counted, flops, idle_experts(preset, model, 2 * new), scanned(preset, model, 2, new, past))


@each_shrunken()
def test_training_flops_are_what_torch_counts_forward_and_backward(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    counted = training_flops(reference, 2, 7, source=9)
    flops = llmcmp.flops(model, 2, new=7, training=True, plan=PLAN, **source_of(model, "source_new", 9))
    products = flops.full - recurrences(flops) + scanned(preset, model, 2, 7).training
    assert counted == products + 3 * idle_experts(preset, model, 2 * 7)


@pytest.mark.parametrize("preset", ["gpt2", "llama3-8b", "gemma2-2b", "deepseek-v3", "glm-4.5"])
def test_logits_of_the_last_position_only_are_what_torch_counts_with_one_logit_kept(preset: str) -> None:
    model, reference = pair(preset, 0)
    counted = count(reference, 2, 7, logits_to_keep=1)
    assert_equal(counted, llmcmp.flops(model, 2, new=7, logits="last", plan=PLAN), idle=0, scans=Scanned(0, 0))


@pytest.mark.parametrize("preset", ["gpt2", "llama3-8b", "qwen2-7b", "mistral-7b", "deepseek-v3", "bert-base"])
def test_fused_attention_counts_as_explicit_attention_does(preset: str) -> None:
    model = shrunken(preset)
    reference = reference_model(preset_references()[preset], model, attention="sdpa")
    flops = llmcmp.flops(model, 2, new=7, plan=PLAN, **source_of(model, "source_new", 9))
    assert_equal(count(reference, 2, 7, 9), flops, idle=0, scans=Scanned(0, 0))


@pytest.mark.full
@each_preset(without=lambda reference: reference.device == "cpu")
def test_prefill_flops_of_the_preset_are_what_torch_counts(preset: str) -> None:
    model = llmcmp.load(preset)
    reference = reference_model(preset_references()[preset], model)
    flops = llmcmp.flops(model, 2, new=7, plan=PLAN, **source_of(model, "source_new", 9))
    idle, scans = idle_experts(preset, model, 2 * 7), scanned(preset, model, 2, 7)
    assert_equal(count(reference, 2, 7, 9), flops, idle, scans)


def _sizes(preset: str, seed: int) -> tuple[int, int, int]:
    rng = random.Random(f"sizes {preset} {seed}")
    return rng.choice((1, 3, 5)), rng.randrange(1, 20), rng.randrange(1, 20)
