"""A scene shows each tensor once, each layer once, and norms where the block computes them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tiny import DENSE, ENCODER, ENCODER_DECODER, HYBRID, KINDS, tiny

import llmcmp
from llmcmp.components.attention import Attention
from llmcmp.components.base import Component
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.experts import Experts, Router
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import Pooler
from llmcmp.components.latent import LatentAttention
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.positions import NO_POSITION, Rotary
from llmcmp.components.segment import SegmentAttention
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.errors import UndisclosedError
from llmcmp.frozen import replace
from llmcmp.model import Model, walk
from llmcmp.plots.architecture.attention import NORMS
from llmcmp.plots.architecture.boxes import unknown
from llmcmp.plots.architecture.cards import inside, sublayer
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.scene import Box, Column, Scene
from llmcmp.sources.build import ATTENTIONS, FEED_FORWARDS, MIXERS
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


HEADS = {"hidden": 24, "heads": 6, "kv_heads": 3, "head_dim": 5}
ATTENTION = Attention(**HEADS, direction="causal", position=NO_POSITION)
MAMBA = Mamba(hidden=24, inner=30, state_size=5, step_rank=3, kernel=4, norms=True)
MAMBA2 = Mamba2(hidden=24, heads=6, head_dim=5, groups=2, state_size=7, kernel=3)
NETWORK = Gated(hidden=24, intermediate=37, activation="silu")
LATENT = LatentAttention(
    hidden=24, heads=3, kv_rank=9, nope_dim=5, rope_dim=2, value_dim=4, direction="causal", position=Rotary()
)
# Each sub-layer there is, and each field of one that adds tensors or takes them away.
VARIANTS = [
    *(replace(ATTENTION, qk_norm=norm) for norm in (None, *NORMS)),
    replace(ATTENTION, value_dim=7, output_gate=True, head_gate="softplus", sinks=True, bias=("query", "output")),
    LATENT,
    replace(LATENT, query_rank=7, bias=("query_down", "kv_down", "output"), position=NO_POSITION),
    SegmentAttention(hidden=24, heads=3, head_dim=5, memory=7),
    *(CrossAttention(**HEADS, idle=idle) for idle in (False, True)),
    *(replace(MAMBA, norms=norms, norm_weights=weights) for norms in (False, True) for weights in (False, True)),
    *(replace(MAMBA2, norm=norm, norm_first=first) for norm in (False, True) for first in (False, True)),
    GatedDeltaNet(hidden=24, key_heads=2, value_heads=6, key_dim=5, value_dim=7, kernel=4),
    *(ShortConvolution(hidden=24, kernel=3, bias=bias) for bias in (False, True)),
    NETWORK,
    *(Plain(hidden=24, intermediate=37, activation=name, bias=True) for name in ("gelu", "xielu")),
    Experts(hidden=24, experts=5, per_token=2, expert=NETWORK, router=Router(bias=True, correction=True)),
    Experts(hidden=24, experts=5, per_token=2, expert=NETWORK, shared=NETWORK, shared_gate=True),
]


@pytest.mark.parametrize("component", VARIANTS, ids=lambda component: component.label)
def test_a_card_holds_each_tensor_of_its_component_once(component: Component) -> None:
    card = sublayer("sub_layer", component, "here", None, "NoPE")
    held = Counter(name for box in card.walk() for name in box.tensors)
    assert held == Counter(weight.name for weight in component.weights())
    assert not card.tensors  # each in a part of the inside
    assert {box.address for box in card.walk()} - {""} == {"here"}


def test_every_sub_layer_has_a_drawing_of_its_own() -> None:
    drawn = {type(component) for component in VARIANTS if inside(component) != unknown(component)}
    assert drawn == {*ATTENTIONS, *MIXERS, *FEED_FORWARDS, CrossAttention}


def test_a_component_without_a_drawing_shows_its_tensors() -> None:
    held = [name for row in unknown(Pooler(hidden=5)) for box in row for name in box.tensors]
    assert held == ["dense.weight", "dense.bias"]


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


def test_what_a_card_does_not_know_is_left_out() -> None:
    source = {"what": "config.json, model type tiny", "url": "config.json", "date": ""}
    scene = compose(tiny(DENSE, organization="unknown", released="unknown", sources=[source]))
    assert scene.subtitle == "decoder-only"
    assert scene.print[0] == "Sources: config.json, model type tiny"


def test_what_is_undisclosed_cannot_be_drawn() -> None:
    with pytest.raises(UndisclosedError, match="gpt-4: its architecture is undisclosed, so it cannot be drawn"):
        compose(llmcmp.load("gpt-4"))
