"""Twins of the presets compute and hold what llmcmp says of them."""

from __future__ import annotations

import pytest

import llmcmp
from llmcmp.ops import Plan

from .cases import each_shrunken
from .shrink import shrunken

pytest.importorskip("torch")

# Recurrent mixers run in chunks, which count otherwise (tests/nn/test_mixers.py).
each_twin = each_shrunken(where=lambda reference: reference.scan is None)


@each_twin
def test_passes_of_a_twin_count_as_computed(preset: str, seed: int) -> None:
    from llmcmp.nn.build import build
    from llmcmp.nn.count import counted_flops

    model = shrunken(preset, seed)
    twin = build(model)
    passes = [{"new": 7}, {"new": 7, "training": True}]
    if model.card.architecture != "encoder-only":
        passes += [{"new": 1, "past": 9}, {"new": 3, "past": 9}, {"new": 7, "logits": "last"}]
    for sizes in passes:
        source = {} if model.encoder is None else {"source_past" if "past" in sizes else "source_new": 5}
        # A twin absorbs in steps of one token, and expands in longer passes.
        plan = Plan(latent="absorbed" if sizes["new"] == 1 else "expanded")
        computed = llmcmp.flops(model, 2, **sizes, **source, plan=plan).full
        assert counted_flops(twin, 2, **sizes, **source) == computed > 0, sizes


@each_shrunken(where=lambda reference: reference.scan is None and reference.caches)
def test_a_twin_holds_what_its_cache_is_computed_to_be(preset: str, seed: int) -> None:
    from llmcmp.nn.build import build
    from llmcmp.nn.count import cached_elements, tokens

    model = shrunken(preset, seed)
    twin = build(model)
    source = {} if model.encoder is None else {"source": 5}
    for context in (3, 13):
        cache = twin.new_cache(2)
        twin(tokens(twin, 2, context), cache, source_BR=tokens(twin, 2, 5) if source else None)
        assert cached_elements(cache) == llmcmp.kvcache(model, context, 2, **source).elements > 0
