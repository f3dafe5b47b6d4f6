"""What torch counts in a twin that runs is what the fold says, on CPU as on the meta device."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch")

from twins import DECODERS, PLAIN, model_of

import llmcmp
from llmcmp.nn.build import build
from llmcmp.nn.count import counted_flops
from llmcmp.ops import Plan

FULL = partial(pytest.param, marks=pytest.mark.full)
DEVICES = pytest.mark.parametrize("device", ["cpu", "meta"])


def assert_counted(kind: str, device: str, new: int, past: int = 0, *, latent: Any = "expanded", **run: Any) -> None:
    """Equal, and not by both being nothing."""
    model = model_of(kind)
    twin = build(model, device)
    for module in twin.modules():
        if hasattr(module, "plan"):
            module.plan = latent
    if model.encoder is not None:
        run["source_past" if past else "source_new"] = 5
    counted = counted_flops(twin, 2, new, past, **run)
    assert counted == llmcmp.flops(model, 2, new=new, past=past, plan=Plan(latent=latent), **run).full > 0


@DEVICES
@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("new", [FULL(1), 7])
def test_a_prefill_counts_as_computed(kind: str, device: str, new: int) -> None:
    assert_counted(kind, device, new)


@DEVICES
@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize(("new", "past"), [FULL(1, 1), (1, 9), FULL(3, 2), (3, 9)])
def test_a_pass_after_others_counts_as_computed(kind: str, device: str, new: int, past: int) -> None:
    assert_counted(kind, device, new, past)


@DEVICES
@pytest.mark.parametrize("kind", ["latent", "latent queries"])
@pytest.mark.parametrize(("new", "past"), [(7, 0), (1, 9), (3, 9)])
def test_absorbed_latent_attention_counts_as_computed(kind: str, device: str, new: int, past: int) -> None:
    assert_counted(kind, device, new, past, latent="absorbed")


@DEVICES
@pytest.mark.parametrize("kind", DECODERS)
def test_logits_of_the_last_position_count_as_computed(kind: str, device: str) -> None:
    assert_counted(kind, device, 7, logits="last")


@DEVICES
@pytest.mark.parametrize("kind", PLAIN)
def test_a_training_step_counts_as_computed(kind: str, device: str) -> None:
    assert_counted(kind, device, 7, training=True)
