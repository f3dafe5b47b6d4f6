"""A preset that was written reads back as the model that was written, to the last field, and reads like the others."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny import DENSE, ENCODER, ENCODER_DECODER, KINDS, LATENT, tiny

from llmcmp.card import Card
from llmcmp.errors import LlmcmpError, ModelError
from llmcmp.frozen import field_names, replace
from llmcmp.model import Model
from llmcmp.sources.build import build
from llmcmp.sources.huggingface.reading.read import document
from llmcmp.sources.huggingface.reading.types import TYPES
from llmcmp.sources.names import preset_files
from llmcmp.sources.presets import every_model, load
from llmcmp.sources.toml import toml
from llmcmp.sources.write import CARD_ORDER, preset_text, renamed


def read(text: str) -> Model:
    return build(tomllib.loads(text), "written.toml")


@pytest.mark.parametrize("model", every_model(), ids=lambda model: model.name)
def test_every_preset_reads_back_equal(model: Model) -> None:
    assert read(preset_text(model)) == model


@pytest.mark.parametrize("tables", [*KINDS.values(), ENCODER, ENCODER_DECODER], ids=str)
def test_every_kind_of_structure_reads_back_equal(tables: dict) -> None:
    model = tiny(tables)
    assert read(preset_text(model)) == model


def of_type(model_type: str) -> Model | None:
    """The model of a config.json that says its type alone; None where a type needs more."""
    try:
        return build(document({"model_type": model_type}, "read"), "read.toml")
    except LlmcmpError:
        return None


READ = {name: model for name in TYPES if (model := of_type(name)) is not None}


@pytest.mark.parametrize("model", READ.values(), ids=READ)
def test_what_is_read_of_a_config_json_reads_back_equal(model: Model) -> None:
    assert read(preset_text(model)) == model


def test_most_types_are_among_them() -> None:
    assert len(READ) > 0.8 * len(TYPES)  # the others have sizes that no default stands for


def headings(text: str) -> list[str]:
    """The sections of a file, in order, each once."""
    return list(dict.fromkeys(re.findall(r"^\[\[?(\w+)", text, re.MULTILINE)))


@pytest.mark.parametrize("name", ["llama4-scout", "deepseek-v3", "jamba-v0.1", "gpt-j-6b", "flan-t5-base", "gpt-4"])
def test_sections_come_in_the_order_of_hand_written_files(name: str) -> None:
    assert headings(preset_text(load(name))) == headings(preset_files()[name].read_text("utf-8"))


def test_what_is_a_default_is_left_out() -> None:
    text = preset_text(tiny(attention={**DENSE["attention"], "sinks": False, "bias": []}, block={"parallel": False}))
    assert not re.search("sinks|bias|theta|block|router|side|epsilon", text)
    assert 'position = { kind = "rotary" }' not in text and '[position]\nkind = "rotary"\n' in text


def test_layers_that_differ_have_names_that_say_how() -> None:
    text = preset_text(load("gemma3-4b"))
    assert re.findall(r"^\[([\w.]+)\]", text, re.MULTILINE)[2:7] == [
        "position.local",
        "position.global",
        "norm",
        "attention.local",
        "attention.global",
    ]
    assert "[feed_forward.dense]" in preset_text(load("deepseek-v3"))


def test_variants_of_one_kind_are_numbered() -> None:
    wide, thin = {**DENSE["feed_forward"], "intermediate": 31}, DENSE["feed_forward"]
    blocks = [{"feed_forward": "a"}, {"feed_forward": "b"}]
    model = tiny(feed_forward={"a": wide, "b": thin}, stack=[{"layers": 4, "blocks": blocks}])
    text = preset_text(model)
    assert "[feed_forward.dense_1]" in text and "[feed_forward.dense_2]" in text
    assert read(text) == model


def test_a_changed_model_is_written_under_a_name_of_its_own_and_says_where_it_is_from() -> None:
    changed = load("llama3-8b:kv_heads=16,window=4k")
    with pytest.raises(ModelError, match="name of its own"):
        preset_text(changed)
    mine = renamed(changed, "mine")
    assert read(preset_text(mine)) == mine
    assert mine.towers == changed.towers
    assert mine.card.notes[-1] == "Of llama3-8b, with kv_heads=16, window=4k."
    assert mine.card.sources == changed.card.sources


def test_a_copy_says_of_what() -> None:
    assert renamed(load("gpt2"), "gpt2") is load("gpt2")
    assert renamed(load("gpt2"), "mine").card.notes[-1] == "Copy of gpt2."


def test_a_model_that_the_schema_cannot_say_is_refused_with_the_field() -> None:
    model = tiny()
    tower = model.tower
    block = tower.stacks[0].blocks[0]
    step = block.steps[0]
    branch = replace(step.branches[0], before=replace(step.branches[0].before, epsilon=0.5))
    odd = replace(block, steps=(replace(step, branches=(branch,)), *block.steps[1:]))
    tower = replace(tower, stacks=(replace(tower.stacks[0], blocks=(odd,)),))
    with pytest.raises(ModelError, match=r"cannot be written as a preset: towers.*epsilon"):
        preset_text(replace(model, towers=(tower,)))


def test_the_order_of_the_card_names_every_key() -> None:
    assert {*CARD_ORDER, "overrides"} == set(field_names(Card))


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
)
@example('\x7f\x00\t\n\r"\\', 1e-7, 0)
def test_any_text_and_number_reads_back(text: str, number: float, whole: int) -> None:
    made = {
        "text": text,
        "number": number,
        "whole": whole,
        "list": [text, text],
        "table": {"inner": {text: whole}},
    }
    assert tomllib.loads(toml(made)) == made


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ModelError, match="half a character"):
        toml({"name": "\ud800"})


def test_long_lists_have_an_item_a_line_and_short_ones_none() -> None:
    assert toml({"short": ["en", "fr"]}) == 'short = ["en", "fr"]\n'
    assert toml({"long": ["a" * 90, "b" * 60]}).splitlines()[1] == f'  "{"a" * 90}",'


def test_a_latent_attention_without_query_rank_has_no_such_key() -> None:
    latent = {key: value for key, value in LATENT.items() if key != "query_rank"}
    text = preset_text(tiny(attention=latent))
    assert "query_rank" not in text and "kv_rank = 9" in text
