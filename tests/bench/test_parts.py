"""Block scale: single blocks, each as often as the model has it, are the whole model."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tiny import ENCODER, ENCODER_DECODER, KINDS, tiny

import llmcmp
from llmcmp.bench import computed, parts
from llmcmp.bench.figures import combined
from llmcmp.bench.settings import Settings
from llmcmp.folds.params import params
from llmcmp.model import Model
from llmcmp.sources.presets import load

BLOCK = Settings(scale="block", prompt=7, generate=3, batch=2)
MODELS = [
    *(tiny(document) for document in (*KINDS.values(), ENCODER, ENCODER_DECODER)),
    *map(load, ("gemma3-27b", "deepseek-v3", "albert-base", "t5-large", "llama3.1-405b", "gpt-oss-20b")),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_flops_of_parts_multiplied_out_are_those_of_the_model(model: Model) -> None:
    made, _ = parts.blocks(model, BLOCK)
    for phase in parts.phases_of(model, BLOCK):
        whole = sum(part.factor(phase) * computed.phase_flops(part.model, BLOCK, phase) for part in made)
        assert whole == computed.phase_flops(model, BLOCK, phase) > 0


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_layers_of_parts_are_all_layers_of_the_model(model: Model) -> None:
    _, multiplied = parts.blocks(model, BLOCK)
    assert sum(each.layers for each in multiplied) == sum(tower.depth for tower in model.towers)
    assert all(1 <= each.measured <= each.layers for each in multiplied)


def test_small_blocks_are_repeated_until_they_outgrow_a_cache() -> None:
    for name in ("llama3.1-405b", "llama2-7b", "gpt2", "llama3.2-1b"):
        model = load(name)
        (block,) = parts.blocks(model, BLOCK)[1]
        each = params(model).layers[0] * 4  # bytes of fp32
        assert block.measured == min(block.layers, -(-parts.BEYOND_CACHE // each))


def test_only_one_layer_of_a_giant_is_built() -> None:
    made, (block,) = parts.blocks(load("llama3.1-405b"), BLOCK)
    assert (block.layers, block.measured) == (126, 1)
    assert max(params(part.model).total for part in made) < 8e9


def test_seconds_and_counts_are_summed_with_the_factors_of_the_parts() -> None:
    model = tiny()
    three, minus = Fraction(3), Fraction(-2)
    made = [
        parts.Part(name="block", model=model, factors=(("decode", three), ("prefill", three))),
        parts.Part(name="entry", model=model, factors=(("decode", minus),)),
    ]
    found = [
        {"phases": {"decode": {"seconds": [5.0, 7.0], "counted_flops": 11}, "prefill": {"seconds": [1.0, 1.0]}}},
        {"phases": {"decode": {"seconds": [1.0, 2.0], "counted_flops": 4}}},
    ]
    assert combined(made, found, "decode") == ([13.0, 17.0], 25)


def test_an_encoder_has_no_decode_step() -> None:
    assert parts.phases_of(tiny(ENCODER), BLOCK) == ("prefill", "train")
    assert all("decode" not in part.phases for part in parts.blocks(tiny(ENCODER), BLOCK)[0])


def test_a_decode_repeat_is_all_its_steps() -> None:
    model = tiny()
    steps = [llmcmp.flops(model, 2, new=1, past=past, logits="last").total for past in (7, 8, 9)]
    assert computed.phase_flops(model, BLOCK, "decode") == sum(steps)
    assert computed.tokens(model, BLOCK, "decode") == 6
    assert computed.cache_bytes(model, BLOCK) == llmcmp.kvcache(model, ctx=10, batch=2, dtype="fp32").bytes
