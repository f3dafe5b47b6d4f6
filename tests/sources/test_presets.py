"""Preset files: cards are complete, bad files are named with table and key, overrides change one thing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tiny import CARD, DENSE, ENCODER, ENCODER_DECODER, EXPERTS, SEGMENT, tiny

import llmcmp
from llmcmp.errors import PresetError, UnknownModelError
from llmcmp.model import Model
from llmcmp.sources.build import build
from llmcmp.sources.names import preset_files
from llmcmp.sources.presets import every_model, load

PRESETS = every_model()


@pytest.mark.parametrize("model", PRESETS, ids=lambda model: model.name)
def test_every_card_says_what_a_reader_needs(model: Model) -> None:
    card = model.card
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", card.released)
    assert card.tasks and card.languages and card.sources
    assert 10 < len(card.changed) <= 200
    assert all(re.fullmatch(r"[a-z]{2,3}|multi", code) for code in card.languages)
    for source in card.sources:
        assert source.url.startswith("https://") and re.fullmatch(r"20\d\d(-\d\d){0,2}", source.date)
    if card.position_limit is not None:
        assert card.position_limit != card.context


def test_every_estimate_of_an_undisclosed_model_names_its_source() -> None:
    for model in PRESETS:
        for estimate in model.card.estimates:
            assert not model.disclosed
            assert estimate.url.startswith("https://") and estimate.date


# Claims that comparison articles get wrong; the presets follow the primary evidence (docs/concepts/claims.md).
@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("llama2-7b", "attention", "MHA"),
        ("llama2-70b", "attention", "GQA 64/8"),
        ("chatglm3-6b", "norm", "RMSNorm, pre"),
        ("chatglm3-6b", "activation", "SwiGLU"),
        ("chatglm3-6b", "class", "decoder-only"),
        ("chatglm-6b", "class", "prefix-decoder"),
        ("chatglm-6b", "position", "RoPE 2-D"),
        ("glm-130b", "class", "prefix-decoder"),
        ("glm-130b", "position", "RoPE"),
        ("glm-130b", "norm", "LayerNorm, DeepNorm"),
        ("baichuan2-7b", "position", "RoPE"),
        ("baichuan2-13b", "position", "ALiBi"),
        ("t5-base", "norm", "RMSNorm, pre"),
        ("t5-base", "activation", "ReLU"),
        ("flan-t5-base", "activation", "GeGLU"),
        ("llama3-8b", "context", 8192),
        ("llama3.1-8b", "context", 131072),
        ("mixtral-8x7b", "attention", "GQA 32/8"),
        ("mistral-7b", "attention", "GQA 32/8 window 4096"),
        ("mistral-7b-v0.3", "attention", "GQA 32/8"),
        ("deepseek-v3", "organization", "DeepSeek"),
        ("gemma-2b", "attention", "MQA"),
        ("gemma-7b", "attention", "MHA"),
        ("gpt1", "norm", "LayerNorm, post"),
        ("gpt2", "norm", "LayerNorm, pre"),
        ("opt-350m", "norm", "LayerNorm, post"),
        ("olmo2-7b", "norm", "RMSNorm, after sub-layer"),
        ("palm-540b", "norm", "LayerNorm without bias, pre, parallel block"),
    ],
)
def test_presets_follow_the_evidence(name: str, fact: str, value: object) -> None:
    row = llmcmp.compare([name], ctx=16).rows[0]
    assert row[fact] == value


def test_gpt3_cards_say_that_the_bands_are_unpublished() -> None:
    for model in PRESETS:
        if model.name.startswith("gpt3-"):
            assert any("dense" in note and "band" in note for note in model.card.notes), model.name


ADAPTIVE = {"kind": "adaptive", "vocabulary": 101, "hidden": 24, "width": 24, "cutoffs": [20, 50], "divisor": 2}
LOCAL = {"attention": {"a": DENSE["attention"], "b": DENSE["attention"]}}


def broken(**changes: Any) -> Any:
    return {key: value for key, value in (DENSE | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (broken(attention=None), r"\[attention\] is missing"),
        (broken(stack=None), r"\[stack\] is missing"),
        (broken(position=None), r"\[attention\] position: is missing"),
        (broken(feed_forward=None), r"\[feed_forward\] is missing"),
        (broken(attention={**DENSE["attention"], "kvheads": 3}), r"\[attention\] kvheads: .*'kv_heads'"),
        (broken(attention={"kind": "multi-head", "heads": 6, "head_dim": 5}), r"\[attention\] kv_heads: is missing"),
        (broken(attention={**DENSE["attention"], "heads": "6"}), r"\[attention\] heads: must be a whole number"),
        (broken(attention={**DENSE["attention"], "heads": 0}), r"\[attention\] heads: must be greater than 0"),
        (broken(attention={**DENSE["attention"], "heads": True}), r"\[attention\] heads: must be a whole number"),
        (broken(attention={**DENSE["attention"], "heads": 7}), r"\[attention\] heads \(7\) must be a multiple"),
        (broken(attention={**DENSE["attention"], "bias": ["keys"]}), r"\[attention\] bias: must be one of"),
        (broken(attention={**DENSE["attention"], "kind": "magic"}), r"\[attention\] kind: must be one of"),
        (broken(attention={**DENSE["attention"], "position": "far"}), r"must name one of"),
        (broken(norm={"kind": "rms"}), r"\[norm\] placement: is missing"),
        (broken(feed_forward={**EXPERTS, "per_token": 9}), r"\[feed_forward\] per_token \(9\)"),
        (
            broken(feed_forward={**EXPERTS, "expert": {"kind": "gated"}}),
            r"\[feed_forward.expert\] intermediate: is missing",
        ),
        (broken(feed_forward={**EXPERTS, "router": {"topk": 1}}), r"\[feed_forward.router\] topk: unknown key"),
        (broken(stack=[{"layers": 2, "blocks": [{"attention": "local"}]}]), r"must name one of"),
        (broken(stack=[{"layers": 2, "side": "encoder"}]), r"stack: the sides"),
        (broken(stack=[]), r"stack: must be a list"),
        (broken(familly="x"), r"familly: unknown key or table; did you mean 'family'"),
        (broken(feedforward={}), r"feedforward: unknown key or table; did you mean 'feed_forward'"),
        (broken(released="yesterday"), r"released must be a year and month"),
        (broken(attention={"a": DENSE["attention"], "b": {"foo": 1}}), r"must name one of a, b"),
        (broken(cross_attention={"heads": 3}), r"\[cross_attention\] is used by no block"),
        (broken(attention={**DENSE["attention"], "chunked": True}), r"\[attention\] chunked attention needs a window"),
        ({**ENCODER, "attention": {**ENCODER["attention"], "window": 4}}, r"\[attention\] a window .* needs causal"),
        (broken(position={"kind": "rotary", "fraction": 2}), r"\[position\] fraction"),
        (broken(position={"kind": "rotary", "axes": 7}), r"\[position\] axes: must be one of 1, 2"),
        (broken(block={"shared_norm": True}), r"\[block\] shared_norm needs parallel"),
        ({**SEGMENT, "embedding": ADAPTIVE, "head": {"bias": True}}, r"head: an adaptive embedding"),
        (
            broken(**LOCAL, stack=[{"layers": 2, "blocks": [{"attention": "a"}]}]),
            r"\[attention.b\] is used by no block",
        ),
        (broken(released=None), r"released: is missing"),
        (broken(tasks=["cooking"]), r"tasks: must be one of"),
        (broken(undisclosed=True), r"an undisclosed model has a card only"),
        ({**ENCODER_DECODER, "stack": [{"layers": 2}]}, r"side: is missing"),
        (
            {key: value for key, value in ENCODER_DECODER.items() if key != "cross_attention"},
            r"\[cross_attention\] is missing",
        ),
    ],
)
def test_a_bad_preset_names_file_table_and_key(document: dict[str, Any], where: str) -> None:
    with pytest.raises(PresetError, match=r"bad\.toml:.*" + where):
        build(document, "bad.toml")


def test_a_file_that_is_no_toml_is_refused_in_one_line(tmp_path: Path) -> None:
    for content in (b"name = ", b"\xff\xfe"):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(PresetError, match=r"bad\.toml: not valid TOML") as caught:
            load(str(tmp_path / "bad.toml"))
        assert "\n" not in str(caught.value)
    with pytest.raises(UnknownModelError, match="no such file"):
        load(str(tmp_path / "absent.toml"))


def test_a_preset_file_loads_from_any_path(tmp_path: Path) -> None:
    source = preset_files()["qwen2-7b"]
    (tmp_path / "mine.toml").write_text(source.read_text())
    assert load(str(tmp_path / "mine.toml")) == load("qwen2-7b")
    changed = load(f"{tmp_path / 'mine.toml'}:layers=3")
    assert llmcmp.params(changed).layers == llmcmp.params(load("qwen2-7b")).layers[:3]


def test_overrides_change_the_shape_and_the_name() -> None:
    changed = load("llama3-8b:kv_heads=32,layers=40")
    assert changed.name == "llama3-8b:kv_heads=32,layers=40"
    assert changed.card.published is None
    assert changed.tower.depth == 40
    assert llmcmp.kvcache(changed, ctx=10).elements == 40 * 2 * 32 * 128 * 10


def test_layers_stretch_a_pattern() -> None:
    assert [len(layers.numbers) for layers in load("gemma3-12b:layers=14").tower.layers()] == [12, 2]


def test_overrides_reach_named_and_nested_tables() -> None:
    assert llmcmp.kvcache(load("gemma3-27b:window=2"), ctx=100).elements == 2 * 16 * 128 * (52 * 2 + 10 * 100)
    assert llmcmp.kvcache(load("gemma3-27b:attention.global.kv_heads=1"), ctx=1).elements == 2 * 128 * (52 * 16 + 10)
    wider = load("mixtral:intermediate=10,per_token=1")
    expert = 32 * 3 * 4096 * 10
    assert llmcmp.params(wider).components["routed experts"] == 8 * expert
    assert llmcmp.params(load("llama2:attention.bias=['query','key']")).total == 6738415616 + 32 * 2 * 4096
    assert load("llama2:context=32768").card.context == 32768


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("deepseek-v3:layers=40", "stack.0.layers, stack.1.layers"),
        ("t5:heads=4", "attention.heads, cross_attention.heads"),
        ("llama2:bias=['query']", "norm.bias, attention.bias, feed_forward.bias"),
        ("llama2:kvheads=8", "did you mean 'kv_heads'"),
        ("llama2:kv_heads=seven", "whole number"),
        ("llama2:kv_heads=7", "multiple"),
        ("llama2:layers=0", "greater than 0"),
        ("llama2:sources=3", "nothing to override"),
        ("gpt-4:layers=3", "undisclosed"),
    ],
)
def test_ambiguous_or_impossible_overrides_are_refused(ref: str, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        load(ref)


def test_an_override_leaves_the_preset_as_it_was() -> None:
    before = load("llama2")
    load("llama2:kv_heads=8")
    assert load("llama2") == before


def test_a_tiny_card_is_as_complete_as_a_real_one() -> None:
    assert tiny().card.name == CARD["name"]
