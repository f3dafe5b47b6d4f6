"""Caches hold as many elements as the tensors that a forward pass of transformers leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
import transformers

import llmcmp
from llmcmp.folds.engines.policy import Tuning
from llmcmp.sources.huggingface.anatomy import Anatomy, Layer

from .cases import each_shrunken, pair
from .oracle import cached_elements, forward, left
from .references import preset_references


def kept_beyond(preset: str, model: llmcmp.Model, context: int) -> int:
    """Elements of one sequence that transformers keeps more than the architecture asks for; negative where fewer."""
    repeats = preset_references()[preset].caches_all_heads
    anatomy = Anatomy(model)
    attended = sum(
        _layer(layer["attention"], context, repeats=repeats) for layer in anatomy.layers if "attention" in layer
    )
    return attended + sum(_column(mixer) for mixer in anatomy.mixers)


def _column(mixer: Any) -> int:
    """One more input of every convolved channel: transformers keeps `kernel` of them; the oldest is not read again."""
    return next(state.width for state in mixer.state() if state.name == "convolution tail")


def _layer(attention: Layer, context: int, *, repeats: bool) -> int:
    """FalconAttention repeats the keys and values of its new architecture to all heads, then caches them.

    A window of w keeps the w - 1 positions that the *next* token sees beside itself; llmcmp counts the w keys that a
    decode step attends, itself included (DESIGN.md, state).
    """
    if repeats and attention.kv_heads > 1:
        return 2 * (attention.heads - attention.kv_heads) * attention.head_dim * context
    window = getattr(attention, "window", None)
    return -attention.kv_width if window is not None and context >= window else 0


@each_shrunken(where=lambda reference: reference.caches)
def test_the_cache_holds_what_a_forward_pass_leaves(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    source = {"source": 8} if model.encoder is not None else {}
    for context in contexts(model):
        cache = left(forward(reference, 2, context, source=8))
        elements = llmcmp.kvcache(model, context, 2, **source).elements
        assert cached_elements(cache) == elements + 2 * kept_beyond(preset, model, context) > 0


@each_shrunken(where=lambda reference: reference.caches)
def test_the_cache_grows_by_what_a_decode_step_adds(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    for context in contexts(model):
        prefill = forward(reference, 1, context, source=8)
        before = cached_elements(left(prefill))
        after = cached_elements(left(forward(reference, 1, 1, before=prefill)))
        beyond = kept_beyond(preset, model, context + 1) - kept_beyond(preset, model, context)
        assert after - before == llmcmp.kvcache(model, context, dtype="int8").bytes_per_token + beyond  # a byte each


@each_shrunken(where=lambda reference: reference.caches and not reference.caches_all_heads)
def test_the_policy_of_transformers_reserves_what_a_forward_pass_leaves(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    source = {"source": 8} if model.encoder is not None else {}
    for context in contexts(model):
        cache = left(forward(reference, 2, context, source=8))
        reserved = llmcmp.kvcache(model, context, 2, dtype="fp32", engine="transformers", **source)
        assert reserved.bytes == 4 * cached_elements(cache) > 0


@pytest.mark.parametrize("preset", ["llama3-8b", "mistral-7b", "gemma3-4b", "gpt-oss-20b", "llama4-scout"])
@pytest.mark.parametrize("length", [7, 90])
def test_a_static_cache_is_allocated_as_its_policy_says(preset: str, length: int) -> None:
    model, reference = pair(preset, 0)
    cache = transformers.StaticCache(config=reference.config, max_cache_len=length)
    forward(reference, 2, 5, before=None, past_key_values=cache)
    told = Tuning(static=True)
    reserved = llmcmp.kvcache(model, length, 2, dtype="fp32", engine="transformers", tuning=told)
    assert reserved.bytes == 4 * cached_elements(cache) > 0


def contexts(model: llmcmp.Model) -> tuple[int, ...]:
    """Lengths around the window, where there is one."""
    window = Anatomy(model).window
    return (7,) if window is None else (window - 1, window, window + 5)
