"""Names: what people type finds the preset that they mean, and never another."""

from __future__ import annotations

import re

import pytest

from llmcmp.errors import UnknownModelError
from llmcmp.sources.names import aliases, family, normal_form, preset_files, resolve, spellings
from llmcmp.sources.presets import every_model, load, load_all

# Names that must stay: scripts and readers rely on them.
PROMISED = """
gpt1 gpt2 gpt2-xl gpt3-175b gpt-3.5 gpt-4 llama-7b llama2-7b llama3.1-8b glm-130b chatglm3-6b glm-4-9b qwen-7b qwen2-7b
qwen3-30b-a3b deepseek-v3 deepseek-coder-6.7b baichuan2-13b baichuan3 mistral-7b mixtral-8x7b bert-base roberta-base
albert-base t5-11b flan-t5-xxl bart-large switch-base-8 transformer-xl palm-540b bloom-176b tinyllama-1.1b gemma3-27b
gpt-oss-120b kimi-k2
""".split()


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_a_preset_of_its_own(name: str) -> None:
    assert load(name).name == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Llama-2-7b-hf", "llama2-7b"),
        ("meta-llama/Llama-2-7b-hf", "llama2-7b"),
        ("gpt-2", "gpt2"),
        ("GPT2", "gpt2"),
        ("Mixtral-8x7B-v0.1", "mixtral-8x7b"),
        ("mistralai/Mistral-7B-v0.3", "mistral-7b-v0.3"),
        ("Qwen/Qwen2.5-7B", "qwen2.5-7b"),
        ("qwen2_5_7b", "qwen2.5-7b"),
        ("bert-base-uncased", "bert-base"),
        ("google/flan-t5-xxl", "flan-t5-xxl"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),
        ("gpt3", "gpt3-175b"),
        ("t5", "t5-base"),
        ("bert", "bert-base"),
        ("llama2", "llama2-7b"),
        ("qwen2", "qwen2-7b"),
        ("mixtral", "mixtral-8x7b"),
        ("chatglm3", "chatglm3-6b"),
        ("baichuan2", "baichuan2-7b"),
        ("glm4", "glm-4-9b"),
    ],
)
def test_other_spellings_resolve(spelling: str, name: str) -> None:
    assert resolve(spelling) == name


def test_no_two_presets_or_aliases_share_a_normal_form() -> None:
    found: dict[str, str] = {}
    for spelling, name in [*((name, name) for name in preset_files()), *aliases().items()]:
        assert found.setdefault(normal_form(spelling), name) == name, spelling
    assert found == spellings()


def test_a_point_is_not_a_size() -> None:
    assert normal_form("qwen2.5-7b") != normal_form("qwen2-57b")
    assert normal_form("llama3.1-8b") != normal_form("llama31-8b")


@pytest.mark.parametrize("typed", ["qwen2-57b", "llama-2", "gpt5", "", "hf", "mixtral-8x7b-instruct", "/"])
def test_what_could_be_another_model_is_not_guessed(typed: str) -> None:
    known = {"llama-2": "llama2-7b"}
    if typed in known:
        assert resolve(typed) == known[typed]
        return
    with pytest.raises(UnknownModelError):
        resolve(typed)


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(UnknownModelError, match="'llama3-8b'"):
        resolve("lama-8b")


def test_a_bare_family_name_means_its_newest_generation() -> None:
    newest = max((model.card.released, model.name) for model in load_all(["gemma/*"]))[0]
    assert load("gemma").card.released == newest


def test_every_family_has_a_usual_size() -> None:
    for name in {path.parent.name for path in preset_files().values()}:
        assert load(name).card.family == name


def test_a_star_means_all_of_a_family_as_it_came_out() -> None:
    models = load_all(["t5/*"])
    assert {model.name for model in models} == set(family("t5"))
    released = [model.card.released for model in models]
    assert released == sorted(released)
    with pytest.raises(UnknownModelError, match="families"):
        load_all(["nothing/*"])


def test_a_model_named_twice_is_loaded_once() -> None:
    assert len(load_all(["llama2", "llama2-7b", "llama/*"])) == len(family("llama"))


def test_names_say_family_then_size_in_lower_case() -> None:
    for model in every_model():
        assert re.fullmatch(r"[a-z0-9.-]+", model.name)
        path = preset_files()[model.name]
        assert (path.stem, path.parent.name) == (model.name, model.card.family)
