"""A model differs from itself in nothing, and from its changed self in exactly what was changed."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest
from tiny import DENSE, ENCODER_DECODER, EXPERTS, HYBRID, tiny

import llmcmp
from llmcmp.components.norms import RMSNorm
from llmcmp.differences import changed, differences, label, pair_blocks, shown
from llmcmp.errors import UndisclosedError
from llmcmp.model import Model
from llmcmp.sources.presets import every_model

MODELS = [model for model in every_model() if model.disclosed]


def told(one: Model, other: Model) -> list[tuple[str, str, Any, Any]]:
    """(address, field, before, after) of every difference in a field."""
    return [(each.left or "", each.field, each.before, each.after) for each in differences(one, other) if each.field]


def alone(one: Model, other: Model) -> list[tuple[str | None, str | None]]:
    return [(each.left, each.right) for each in differences(one, other) if not each.field]


def test_a_model_differs_from_itself_in_nothing() -> None:
    assert not any(differences(model, model) for model in MODELS)


def test_models_without_difference_are_equal_in_structure() -> None:
    """What is told once is told at all: no difference, no unequal tower."""
    for one, other in random.Random(7).sample(list(combinations(MODELS, 2)), 400):
        assert bool(differences(one, other)) == (one.towers != other.towers or one.apart != other.apart)


@pytest.mark.parametrize(
    ("ref", "change", "expected"),
    [
        ("llama3-8b", "kv_heads=4", [("decoder.0.attention", "kv_heads", 8, 4)]),
        ("llama3-8b", "head_dim=64", [("decoder.0.attention", "head_dim", 128, 64)]),
        ("mixtral-8x7b", "experts=16", [("decoder.0.feed_forward", "experts", 8, 16)]),
        ("llama3-8b", "position.theta=1e4", [("decoder.0.attention", "position.theta", 500000.0, 10000.0)]),
        ("llama3-8b", "vocabulary=1000", [("decoder.embedding", "vocabulary", 128256, 1000)]),
        ("llama3-8b", "norm.epsilon=1e-6", [("decoder.0.attention_norm", "epsilon", 1e-5, 1e-6)]),
        ("deepseek-v3", "kv_rank=256", [(f"decoder.{i}.attention", "kv_rank", 512, 256) for i in (0, 1)]),
        ("gpt2", "layers=6", [("decoder.0", "layers", tuple(range(12)), tuple(range(6)))]),
    ],
)
def test_an_override_differs_in_what_it_overrides(ref: str, change: str, expected: list[Any]) -> None:
    found = [each for each in told(llmcmp.load(ref), llmcmp.load(f"{ref}:{change}")) if not each[0].startswith("apart")]
    assert found == expected


def test_a_width_that_all_parts_share_is_told_once() -> None:
    wider = tiny(DENSE, embedding={**DENSE["embedding"], "hidden": 32})
    assert told(tiny(), wider) == [("decoder.embedding", "width", 24, 32)]


def test_lists_of_names_differ_name_by_name() -> None:
    biased = tiny(DENSE, attention={**DENSE["attention"], "bias": ["query", "value"]})
    assert [(field, after) for _, field, _, after in told(tiny(), biased)] == [
        ("bias.query", True),
        ("bias.value", True),
    ]


def test_another_mechanism_at_the_same_place_is_one_difference_of_kind() -> None:
    mixture = tiny(DENSE, feed_forward=EXPERTS)
    assert told(tiny(), mixture) == [("decoder.0.feed_forward", "kind", "Gated", "Experts")]


def test_what_has_no_partner_stands_alone() -> None:
    assert (None, "encoder") in alone(tiny(), tiny(ENCODER_DECODER))
    sandwich = tiny(DENSE, norm={"kind": "rms", "placement": "sandwich"})
    norms = [(None, f"decoder.0.{name}_output_norm") for name in ("attention", "feed_forward")]
    assert alone(tiny(), sandwich) == norms
    assert alone(sandwich, tiny()) == [(right, left) for left, right in norms]
    assert [field for _, field, _, _ in told(tiny(), sandwich)] == ["placement"]


def test_the_likest_blocks_pair() -> None:
    """Of Gemma 3's blocks it is the second, without a window, that stands for LLaMA 3's only one."""
    dense, mixed = llmcmp.load("llama3-8b").tower.layers(), llmcmp.load("gemma3-27b").tower.layers()
    assert [block.block.steps[0].branches[0].mixer.label for block in mixed] == ["GQA 32/16 window 1024", "GQA 32/16"]
    assert pair_blocks(dense, mixed) == {0: 1}
    hybrid = tiny(HYBRID).tower.layers()
    assert pair_blocks(hybrid, hybrid) == {0: 0, 1: 1, 2: 2}


def test_models_of_one_tower_are_held_together_whichever_side_it_is_on() -> None:
    found = differences(llmcmp.load("gpt2"), llmcmp.load("bert-base"))
    assert ("decoder.0.attention", "encoder.0.attention", "direction") in [
        (each.left, each.right, each.field) for each in found
    ]


def test_modules_apart_are_compared_too() -> None:
    one, other = llmcmp.load("deepseek-v3"), llmcmp.load("deepseek-v3:experts=64")
    apart = [(each.left, each.field) for each in differences(one, other) if (each.left or "").startswith("apart")]
    assert apart == [("apart.multi-token prediction", "0.feed_forward.experts")]
    assert (("apart.multi-token prediction", None)) in alone(one, llmcmp.load("kimi-k2"))


def test_swapped_models_differ_in_the_same_fields() -> None:
    for one, other in random.Random(3).sample(list(combinations(MODELS, 2)), 100):
        ways = (
            [(each.left, each.right, each.field) for each in differences(*pair)]
            for pair in ((one, other), (other, one))
        )
        there, back = ways
        assert len(there) == len(back)


def test_an_undisclosed_model_has_nothing_to_compare() -> None:
    with pytest.raises(UndisclosedError, match="gpt-4"):
        differences(llmcmp.load("gpt2"), llmcmp.load("gpt-4"))


def test_fields_and_values_are_named_for_people() -> None:
    assert [label(field) for field in ("kv_heads", "router.scale", "position.theta")] == [
        "KV heads",
        "router scale",
        "position theta",
    ]
    assert [shown(value) for value in (None, True, 14336, 500000.0, 1e-5, ("hidden", 24))] == [
        "none",
        "yes",
        "14,336",
        "500,000",
        "1e-05",
        "hidden, 24",
    ]


def test_fields_are_compared_and_never_texts() -> None:
    """Two components of one label: it is their fields that differ."""
    one, other = (RMSNorm(width=24, epsilon=epsilon) for epsilon in (1e-5, 1e-6))
    assert one.label == other.label
    assert list(changed(one, other)) == [("epsilon", 1e-5, 1e-6)]
