"""Visible pairs are the entries that the masks of transformers let through, counted one by one."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmcmp
from llmcmp.sources.huggingface.anatomy import Anatomy

from .oracle import PART_OF_MODULE, forward, reference_model
from .references import preset_references
from .shrink import shrunken

if TYPE_CHECKING:
    from collections.abc import Iterator

# Causal, windowed in every layer, alternating, five to one, chunked, latent.
PRESETS = ("gpt2", "llama3-8b", "mistral-7b", "gemma2-2b", "gemma3-1b", "gpt-oss-20b", "llama4-scout", "deepseek-v3")


@contextmanager
def masks_of(reference: Any) -> Iterator[list[Any]]:
    """The masks that the attention of each layer is given, in the order of layers."""
    seen: list[Any] = []
    hooks = [
        module.register_forward_pre_hook(
            lambda module, positional, named: seen.append(named["attention_mask"]), with_kwargs=True
        )
        for path, module in reference.named_modules()
        if PART_OF_MODULE.get(path.rpartition(".")[2]) == "attention"
    ]
    yield seen
    for hook in hooks:
        hook.remove()


@cache
def pair_with_values(preset: str) -> tuple[llmcmp.Model, Any]:
    """Masks can be counted where tensors have values."""
    model = shrunken(preset)
    return model, reference_model(preset_references()[preset], model, device="cpu")


@pytest.mark.parametrize(("past", "new"), [(0, 1), (0, 4), (0, 5), (0, 13), (3, 1), (9, 1), (9, 4), (2, 11)])
@pytest.mark.parametrize("preset", PRESETS)
def test_visible_pairs_are_those_that_the_masks_let_through(preset: str, past: int, new: int) -> None:
    model, reference = pair_with_values(preset)
    before = forward(reference, 1, past) if past else None
    with masks_of(reference) as masks:
        forward(reference, 1, new, before=before)
    costs = [flops_a_pair(layer["attention"]) for layer in Anatomy(model).layers]
    # Masks are added to the scores: zero lets a pair through.
    visible = sum(cost * int((mask == 0).sum()) for cost, mask in zip(costs, masks, strict=True))
    full = sum(cost * mask.numel() for cost, mask in zip(costs, masks, strict=True))
    flops = llmcmp.flops(model, new=new, past=past, causal=True, plan=llmcmp.Plan(latent="expanded"))
    assert flops.components["attention scores"] == visible
    assert flops.full - flops.visible == full - visible


def flops_a_pair(attention: Any) -> int:
    """A score and a weighted value for every head; multiply-add = 2."""
    latent = attention.kind == "latent"
    widths = attention.nope_dim + attention.rope_dim + attention.value_dim if latent else 2 * attention.head_dim
    return 2 * attention.heads * widths
