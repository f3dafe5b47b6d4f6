"""What is read of a config is what transformers makes of it, or it is refused: for every type, at any size."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmcmp
from llmcmp.errors import ConfigError
from llmcmp.sources.build import build
from llmcmp.sources.huggingface.reading import legacy
from llmcmp.sources.huggingface.reading.keys import defaults
from llmcmp.sources.huggingface.reading.read import document
from llmcmp.sources.huggingface.reading.types import REFUSED, TYPES

from .architectures import FILE as PAGE
from .architectures import page
from .config_defaults import FILE, config_defaults, text
from .configs import CAUSAL, TEXT_MODELS, flops_outcome, layer_sums, outcome, reference

transformers = pytest.importorskip("transformers")

QUICK = (
    "llama",
    "gpt2",
    "falcon",
    "cohere",
    "qwen3_moe",
    "deepseek_v3",
    "gpt_oss",
    "nemotron_h",
    "bart",
    "bert",
    "lfm2",
)
SEEDS = range(6)
READ = [name for name in CAUSAL if name in TYPES]


def cases(names: list[str], seeds: Any) -> list[Any]:
    """Types and seeds, of which the first of a few run always."""
    return [
        pytest.param(name, seed, marks=() if name in QUICK and seed in (None, 0) else pytest.mark.full)
        for name in names
        for seed in seeds
    ]


@pytest.mark.parametrize(("model_type", "seed"), cases(list(CAUSAL), (None, *SEEDS)))
def test_parameters_are_those_of_the_class_or_the_config_is_refused(model_type: str, seed: int | None) -> None:
    found = outcome(model_type, seed)
    assert found.kind != "WRONG", found.why
    if model_type in QUICK and seed is None:
        assert found.kind == "exact"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("model_type", TEXT_MODELS)
def test_a_text_model_without_a_head_has_the_parameters_of_its_class(model_type: str, seed: int) -> None:
    config, model = reference(model_type, seed)
    tied = seed % 2 == 0  # the model around it says so
    around = {"model_type": "around", "tie_word_embeddings": tied, "text_config": config}
    read = llmcmp.params(build(document(around, "read"), "config.json"))
    layers, outside = layer_sums((name, tuple(p.shape)) for name, p in model.named_parameters())
    head = 0 if tied else config["vocab_size"] * config["hidden_size"]
    assert read.total == sum(layers.values()) + outside + head
    assert read.layers == tuple(layers[number] for number in sorted(layers))


def test_every_type_that_is_read_is_held_to_something() -> None:
    assert TYPES.keys() == set(READ) | TEXT_MODELS.keys() | legacy.TYPES.keys()


@pytest.mark.full
def test_nearly_every_type_that_can_be_read_is_exact_by_its_defaults() -> None:
    kinds = {name: outcome(name) for name in READ}
    # Of those the class itself has defaults that it cannot run with.
    assert [name for name, found in kinds.items() if found.kind == "refused"] == ["deepseek_v2"]
    assert sum(found.kind == "exact" for found in kinds.values()) >= 110
    others = [name for name, found in kinds.items() if found.kind != "exact"]
    assert [name for name in others if all(outcome(name, seed).kind != "exact" for seed in SEEDS)] == []


@pytest.mark.parametrize(("model_type", "seed"), cases(READ, range(3)))
def test_flops_are_what_torch_counts_in_the_class(model_type: str, seed: int) -> None:
    found = flops_outcome(model_type, seed)
    assert found.kind != "WRONG", found.why


@pytest.mark.parametrize("model_type", [name for name in READ if name in QUICK])
def test_a_key_that_is_left_out_has_the_default_of_its_type(model_type: str) -> None:
    """The config that transformers writes of its defaults, and one that says nothing, are the same model."""
    assert_defaults(model_type)


@pytest.mark.full
@pytest.mark.parametrize("model_type", READ)
def test_a_key_that_is_left_out_has_the_default_of_its_type_in_all_of_them(model_type: str) -> None:
    assert_defaults(model_type)


def assert_defaults(model_type: str) -> None:
    found = reference(model_type)
    if isinstance(found, str):
        return
    name = {"architectures": [CAUSAL[model_type]]}
    try:
        written = document(found[0] | name, "same")
    except ConfigError:
        return
    silent = document({"model_type": model_type} | name, "same")
    about = ("notes", "sources", "family", "changed")  # the file itself, not the model
    assert {k: v for k, v in silent.items() if k not in about} == {k: v for k, v in written.items() if k not in about}


def test_defaults_are_those_of_transformers() -> None:
    assert FILE.read_text("utf-8") == text(config_defaults()), "run python -m conformance.config_defaults"
    assert set(defaults()) <= set(TYPES)


def test_a_type_is_read_or_refused_and_not_both() -> None:
    assert not TYPES.keys() & REFUSED.keys()
    assert all(why for why in REFUSED.values())


def test_a_config_written_by_transformers_costs_what_its_preset_costs() -> None:
    config = transformers.LlamaConfig(
        vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=500000.0,
    )  # fmt: skip
    read = build(document(json.loads(config.to_json_string()), "read"), "config.json")
    preset = llmcmp.load("llama3-8b")
    assert read.towers == preset.towers


def test_the_page_of_architectures_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m conformance.architectures"
