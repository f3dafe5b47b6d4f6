"""Every difference is marked on the side that has it, nothing else is, and marks are more than a colour."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from tiny import DENSE, tiny

import llmcmp
from llmcmp.differences import differences
from llmcmp.model import Model
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.draw import spread_of
from llmcmp.plots.architecture.marks import left, marked, right
from llmcmp.plots.architecture.place import MARK
from llmcmp.plots.architecture.scene import Line, Scene
from llmcmp.sources.presets import every_model

MODELS = [model for model in every_model() if model.disclosed]
PAIRS = random.Random(5).sample(list(combinations(MODELS, 2)), 60)


def both(one: Model, other: Model) -> tuple[Scene, Scene]:
    found = differences(one, other)
    return marked(compose(one), left(found)), marked(compose(other), right(found))


def lines(scene: Scene) -> list[tuple[str, Line]]:
    """(address, line) of all lines of a scene."""
    frames = [(frame.address, line) for column in scene.columns for frame in column.frames for line in frame.lines]
    return frames + [(box.address, line) for box in scene.boxes() for line in box.lines]


def marks(scene: Scene) -> list[str]:
    return [line.text for _, line in lines(scene) if line.marked]


def standing(scene: Scene) -> dict[str, str]:
    """The mark of every outermost box and frame that has one, by address."""
    frames = {frame.address: frame.mark for column in scene.columns for frame in column.frames if frame.mark}
    return {box.address: box.mark for box in scene.boxes() if box.mark} | frames


@pytest.mark.parametrize("model", MODELS[::7], ids=lambda model: model.name)
def test_a_model_beside_itself_has_no_mark(model: Model) -> None:
    for scene in both(model, model):
        assert scene == compose(model)
        assert not marks(scene) and not standing(scene)
    assert [text.text for child in spread_of(model, model).children[:1] for text in child.texts] == [
        "No component differs."
    ]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_every_difference_has_a_mark_where_it_is(pair: tuple[Model, Model]) -> None:
    first, second = both(*pair)
    for each in differences(*pair):
        for mine, theirs, scene in ((each.left, each.right, first), (each.right, each.left, second)):
            if mine is None:
                continue
            found = standing(scene)
            if theirs is None:
                assert any(found[address] == "alone" for address in found if f"{address}.".startswith(f"{mine}."))
            else:
                assert any(address == mine and line.marked for address, line in lines(scene)), each


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_no_mark_is_without_a_difference(pair: tuple[Model, Model]) -> None:
    found = differences(*pair)
    for scene, sides in zip(both(*pair), ((left(found)), right(found)), strict=True):
        for address, line in lines(scene):
            assert not line.marked or address in sides.fields
        for address, mark in standing(scene).items():
            assert mark == "alone" or address in sides.fields


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("kv_heads=4", ["Attention: GQA 32/4", "4,096 → 4 × 128", "4,096 → 4 × 128"]),
        ("intermediate=1000", ["4,096 → 1,000", "4,096 → 1,000", "1,000 → 4,096"]),
        ("position.theta=1e4", ["θ = 10,000"]),
        ("norm.epsilon=1e-6", ["epsilon: 1e-06"]),
        ("layers=8", ["8 × layers 0–7"]),
        ("embedding.tied=true", ["tied to the embedding"]),
        ("norm.placement=output", ["norms after sub-layers"]),
    ],
)
def test_an_override_marks_the_lines_that_tell_it(change: str, expected: list[str]) -> None:
    _, second = both(llmcmp.load("llama3-8b"), llmcmp.load(f"llama3-8b:{change}"))
    assert marks(second) == expected


def test_a_field_that_no_line_tells_is_added_on_both_sides() -> None:
    normed = tiny(DENSE, attention={**DENSE["attention"], "qk_norm": "head"})
    first, second = both(tiny(), normed)
    assert marks(first) == ["qk norm: none"]
    assert marks(second) == ["RMSNorm per head", "RMSNorm per head"]


def test_what_stands_alone_has_one_mark_around_all_that_is_in_it() -> None:
    first, _ = both(llmcmp.load("gemma3-27b"), llmcmp.load("llama3-8b"))
    found = standing(first)
    (block,) = (address for address, mark in found.items() if mark == "alone" and address.count(".") == 1)
    assert not any(address.startswith(f"{block}.") for address in found)


def test_marks_are_a_sign_and_a_weight_beside_the_colour() -> None:
    whole = spread_of(llmcmp.load("llama3-8b"), llmcmp.load("qwen3-8b"))
    written = [text for placed in whole.walk() for text in placed.texts if text.marked]
    assert written and all(text.bold and text.text.startswith(MARK) for text in written)
    assert {placed.mark for placed in whole.children if placed.shape == "part"} == {"differs", "alone"}  # the legend's
