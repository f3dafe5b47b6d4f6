"""Editing: the fields are those that overrides know, and an edit is the override that one would have typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import ENCODER_DECODER, HYBRID, KINDS, tiny

from llmcmp.errors import PresetError
from llmcmp.folds.params import params
from llmcmp.model import Model
from llmcmp.sources.editing import edited, fields
from llmcmp.sources.presets import every_model, load
from llmcmp.sources.write import original_name, preset_text, renamed

DISCLOSED = [model for model in every_model() if model.disclosed]


@pytest.mark.parametrize("model", DISCLOSED, ids=lambda model: model.name)
def test_every_field_is_one_that_an_override_can_name(model: Model) -> None:
    found = fields(model)
    assert len({field.key for field in found}) == len(found)
    stated = {field.key: field.value for field in found if field.stated}
    for key, value in stated.items():
        same = load(f"{model.name}:{key}={value}")
        assert same.towers == model.towers, key


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("llama3-8b", {"kv_heads", "window", "layers", "vocabulary", "hidden", "intermediate", "context", "theta"}),
        ("deepseek-v3", {"kv_rank", "experts", "per_token", "feed_forward.moe.expert.intermediate", "stack.1.layers"}),
        ("gemma3-4b", {"attention.local.window", "attention.global.kv_heads"}),
        ("mamba2-370m", {"state_size", "layers"}),
        ("t5-base", {"stack.0.layers", "attention.kv_heads", "cross_attention.kv_heads", "buckets"}),
    ],
)
def test_what_people_ask_about_can_be_edited(name: str, keys: set[str]) -> None:
    assert keys <= {field.key for field in fields(load(name))}


def test_a_field_has_its_value_and_the_values_that_it_can_have() -> None:
    found = {field.key: field for field in fields(load("llama3-8b"))}
    assert found["kv_heads"].value == "8" and found["kv_heads"].stated
    assert found["window"].value == "" and not found["window"].stated
    assert found["attention.bias"].value == "[]"
    assert found["tied"].choices == ("true", "false") and {"head", "whole", "l2"} <= set(found["qk_norm"].choices)
    assert found["axes"].choices == ("1", "2") and found["theta"].value == "500000.0"


def test_an_edit_is_the_override_that_one_would_have_typed() -> None:
    made = edited(load("llama3-8b"), {"kv_heads": "16", "window": "4k"})
    assert made == load("llama3-8b:kv_heads=16,window=4k")
    assert edited(load("llama3-8b"), {}) is load("llama3-8b")


def test_an_edit_of_an_edit_is_one_edit_of_the_original() -> None:
    first = load("llama3-8b:attention.kv_heads=16,intermediate=99")
    second = edited(first, {"layers": "3", "kv_heads": "4"})
    assert second.name == "llama3-8b:kv_heads=4,intermediate=99,layers=3"
    assert second == load(second.name)
    assert original_name(second) == original_name(first) == "llama3-8b"


def test_an_edit_that_makes_a_short_name_ambiguous_can_still_be_opened_and_edited() -> None:
    first = edited(load("gpt2"), {"feed_forward.bias": "false"})
    second = edited(first, {"norm.bias": "false", "attention.bias": '["query", "key"]'})
    third = edited(second, {"layers": "2"})
    assert load(third.name) == third


@pytest.mark.parametrize("document", [*KINDS.values(), ENCODER_DECODER], ids=str)
def test_models_that_are_no_presets_can_be_edited(document: dict) -> None:
    model = tiny(document)
    layers = next(field for field in fields(model) if field.name == "layers")
    made = edited(model, {layers.key: str(int(layers.value) + 2)})
    assert sum(tower.depth for tower in made.towers) == sum(tower.depth for tower in model.towers) + 2
    assert made.name == f"tiny:{layers.key}={int(layers.value) + 2}"
    assert edited(made, {"vocabulary": "7"}).name == f"{made.name},vocabulary=7"
    assert preset_text(renamed(made, "mine"))


def test_a_file_called_like_a_preset_is_edited_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "gpt2.toml"
    path.write_text(preset_text(renamed(load("llama3-8b:kv_heads=1"), "gpt2")))
    made = edited(load(path), {"layers": "2"})
    assert made.towers == load("llama3-8b:kv_heads=1,layers=2").towers


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kv_heads": "5"}, r"heads \(32\) must be a multiple of kv_heads \(5\)"),
        ({"kv_heads": "many"}, "must be a whole number, not 'many'"),
        ({"kv_heads": "0"}, "must be greater than 0"),
        ({"kv_heads": " "}, "kv_heads cannot be taken away"),
        ({"kv_heads": "4,layers=2"}, "a number, a word or a list"),
        ({"qk_norm": "every"}, "must be one of head, whole"),
        ({"colour": "red"}, "nothing to override is called 'colour'"),
    ],
)
def test_a_value_that_will_not_do_is_refused_in_the_words_of_the_override(changes: dict, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        edited(load("llama3-8b"), changes)


def test_an_undisclosed_model_has_no_fields() -> None:
    with pytest.raises(PresetError, match="undisclosed"):
        fields(load("gpt-4"))


def test_an_edit_costs_what_its_structure_costs() -> None:
    hybrid = tiny(HYBRID)
    made = edited(hybrid, {"vocabulary": "102"})
    assert params(made).total - params(hybrid).total == 2 * 24
