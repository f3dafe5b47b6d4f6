"""A scene shows each tensor once, each layer once, and norms where the block computes them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tiny import DENSE, ENCODER, ENCODER_DECODER, HYBRID, KINDS, tiny

import llmcmp
from llmcmp.errors import UndisclosedError
from llmcmp.model import Model, walk
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.scene import Box, Column, Scene
from llmcmp.sources.presets import every_model
from llmcmp.units import show_bytes

TINY = {"encoder": ENCODER, "encoder-decoder": ENCODER_DECODER, **KINDS}
MODELS = [model for model in every_model() if model.disclosed] + [tiny(tables) for tables in TINY.values()]


def places(model: Model) -> Counter[tuple[str, str]]:
    """(address, tensor) of every weight, with addresses as scenes give them."""
    found: Counter[tuple[str, str]] = Counter()
    for tower in model.towers:
        parts = [(f"{tower.side}.{name}", part) for name, part in (*tower.entry, *tower.exit)]
        for number, layers in enumerate(tower.layers()):
            parts += [(f"{tower.side}.{number}.{name}", part) for name, part in layers.block.parts()]
        found.update((address, weight.name) for address, part in parts for weight in part.weights())
    return found


def tensors(scene: Scene) -> Counter[tuple[str, str]]:
    return Counter((box.address, name) for box in scene.boxes() for name in box.tensors)


def texts(box: Box) -> list[str]:
    return [line.text for inner in box.walk() for line in inner.lines]


def card(column: Column, address: str) -> Box:
    return next(box for box in column.boxes() if box.address == address)


def everything(scene: Scene) -> list[str]:
    lines = [line.text for column in scene.columns for frame in column.frames for line in frame.lines]
    return lines + [line.text for box in scene.boxes() for line in box.lines]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_tensor_stands_in_one_box_and_every_layer_in_one_frame(model: Model) -> None:
    scene = compose(model)
    assert tensors(scene) == places(model)
    assert sum(places(model).values()) == sum(1 for use in walk(model) for _ in use.component.weights())
    for column, tower in zip(scene.columns, model.towers, strict=True):
        layers = sorted(number for frame in column.frames for number in frame.numbers)
        assert layers == list(range(tower.depth))
        assert column.depth == tower.depth


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_card_opens_what_is_in_it_or_says_where_it_is_opened(model: Model) -> None:
    for column in compose(model).columns:
        opened: list[tuple[str, ...]] = []
        for frame in column.frames:
            for stage in frame.stages:
                for box in (box for branch in stage.branches for box in branch):
                    if not box.rows and any(line.size == "title" for line in box.lines):
                        assert any(text.startswith("as in ") for text in texts(box))
                    elif box.rows:
                        assert tuple(texts(box)) not in opened
                        opened.append(tuple(texts(box)))


def test_shares_add_up_to_the_whole() -> None:
    for model in MODELS:
        # A sum of quotients of exact counts.
        assert sum(share.share for share in compose(model).shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("placement", "branch", "lead", "trail"),
    [("pre", 2, 0, 0), ("post", 1, 0, 1), ("sandwich", 3, 0, 0), ("output", 2, 0, 0), ("deep", 1, 1, 0)],
)
def test_norms_stand_where_the_block_computes_them(placement: str, branch: int, lead: int, trail: int) -> None:
    model = tiny(DENSE, norm={"kind": "rms", "placement": placement})
    for stage in compose(model).columns[0].frames[0].stages:
        assert [len(boxes) for boxes in (stage.branches[0], stage.lead, stage.trail)] == [branch, lead, trail]
        (norm_first, mixer_first) = (texts(stage.branches[0][0]) == ["RMSNorm"], bool(stage.branches[0][0].rows))
        assert norm_first == (placement in ("pre", "sandwich"))
        assert mixer_first == (not norm_first)
        assert stage.scale == ("× √(2 · 3)" if placement == "deep" else "")


def test_parallel_branches_stand_side_by_side_below_their_shared_norm() -> None:
    model = tiny(DENSE, block={"parallel": True, "shared_norm": True})
    (stage,) = compose(model).columns[0].frames[0].stages
    assert len(stage.branches) == 2 and len(stage.shared) == 1


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"position": {"kind": "alibi"}}, "ALiBi: less slope × distance"),
        ({"position": {"kind": "none"}}, "NoPE"),
        ({"position": {"kind": "relative-bias", "buckets": 8, "max_distance": 16}}, "+ relative bias"),
        ({"position": {"kind": "rotary", "theta": 500.0}}, "θ = 500"),
        ({"position": {"kind": "rotary", "fraction": 0.4}}, "θ = 10,000, 2 of 5 rotated"),
        ({"attention": {**DENSE["attention"], "window": 5}}, "window of 5 tokens"),
        ({"attention": {**DENSE["attention"], "sinks": True}}, "sinks: 6 learned logits"),
        ({"attention": {**DENSE["attention"], "soft_cap": 30.0}}, "soft cap 30"),
        ({"attention": {**DENSE["attention"], "qk_norm": "whole"}}, "RMSNorm, all heads"),
        ({"attention": {**DENSE["attention"], "qk_norm": "l2"}}, "L2 norm"),
        ({"attention": {**DENSE["attention"], "output_gate": True}}, "× sigmoid of the gate"),
    ],
)
def test_what_sets_an_attention_apart_is_in_its_card(tables: dict[str, Any], expected: str) -> None:
    column = compose(tiny(DENSE, **tables)).columns[0]
    assert expected in texts(card(column, "decoder.0.attention"))


def test_positions_that_are_added_before_the_layers_leave_no_word_in_attention() -> None:
    column = compose(tiny(DENSE, position={"kind": "learned", "rows": 64})).columns[0]
    assert "NoPE" not in texts(card(column, "decoder.0.attention"))
    assert [texts(box)[0] for box in column.entry[0].summed] == ["Positions"]


def test_layers_that_share_weights_say_so() -> None:
    lines = everything(compose(llmcmp.load("albert-base")))
    assert "7.09 M in all: one set of weights" in lines


def test_tied_tables_are_marked_and_a_second_tower_names_the_first_ones() -> None:
    assert compose(llmcmp.load("gpt2")).columns[0].tied
    assert not compose(llmcmp.load("mixtral-8x7b")).columns[0].tied
    encoder, decoder = compose(tiny(ENCODER_DECODER)).columns
    assert texts(decoder.entry[0].main)[-1] == "the encoder's table"
    assert "the encoder's table" not in texts(encoder.entry[0].main)


def test_the_letters_of_blocks_go_on_from_tower_to_tower() -> None:
    letters = [[frame.letter for frame in column.frames] for column in compose(llmcmp.load("switch-base-8")).columns]
    assert letters == [["A", "B"], ["C", "D"]]
    assert [frame.letter for frame in compose(tiny(HYBRID)).columns[0].frames] == ["A", "B", "C"]


@pytest.mark.parametrize("name", ["llama2-7b", "deepseek-v3", "gemma3-27b", "jamba-v0.1"])
def test_cache_figures_are_those_of_the_fold(name: str) -> None:
    model = llmcmp.load(name)
    figures = dict((label, value) for value, label in compose(model).figures)
    assert figures["cache at 4k tokens"] == show_bytes(llmcmp.kvcache(model, 4096).bytes)
    assert figures["cache a token, bf16"] == show_bytes(llmcmp.kvcache(model, 0).bytes_per_token)


def test_a_bare_encoder_keeps_nothing() -> None:
    assert ("no cache", "nothing is kept between tokens") in compose(llmcmp.load("bert-base")).figures


def test_modules_apart_are_named_with_their_size() -> None:
    (box,) = compose(llmcmp.load("deepseek-v3")).apart
    assert texts(box)[0] == "Multi-token prediction: 11.6 B, in no total"
    assert "MoE 8/256 + shared, SwiGLU as in B" in texts(box)[1]


def test_sources_and_overrides_stand_in_small_print() -> None:
    first, second, _ = compose(llmcmp.load("llama3-8b:kv_heads=4")).print
    assert "https://arxiv.org/abs/2407.21783" in first
    assert second == "Changed from the published model: kv_heads=4"


def test_what_is_undisclosed_cannot_be_drawn() -> None:
    with pytest.raises(UndisclosedError, match="gpt-4: its architecture is undisclosed, so it cannot be drawn"):
        compose(llmcmp.load("gpt-4"))
