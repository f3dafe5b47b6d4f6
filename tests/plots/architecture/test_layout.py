"""Nothing overlaps, nothing leaves its box, and no text is wider than where it stands, in any drawing of any preset."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import combinations, groupby, pairwise

import pytest
from tiny import DENSE, ENCODER, ENCODER_DECODER, KINDS, tiny

import llmcmp
from llmcmp.model import Model
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.draw import spread_of
from llmcmp.plots.architecture.measure import FAMILY, width, wrapped
from llmcmp.plots.architecture.page import page
from llmcmp.plots.architecture.placed import Placed, Text
from llmcmp.sources.presets import every_model

PRESETS = [model for model in every_model() if model.disclosed]
TINY = [tiny(tables) for tables in (ENCODER, ENCODER_DECODER, *KINDS.values())]
# More distinct blocks than letters: every layer has a window of its own.
MANY = tiny(
    DENSE,
    attention={f"w{i}": {**DENSE["attention"], "window": i} for i in range(1, 29)},
    stack=[{"layers": 28, "blocks": [{"attention": f"w{i}"} for i in range(1, 29)]}],
)
SLACK = 0.01  # points
Pair = tuple[Model, Model]


@cache
def drawn(model: Model) -> Placed:
    return page(compose(model))


def overlap(one: Placed, other: Placed) -> bool:
    across = min(one.right, other.right) - max(one.x, other.x)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return across > SLACK and down > SLACK


def within(inner: Placed, outer: Placed) -> bool:
    return (
        inner.x >= outer.x - SLACK
        and inner.y >= outer.y - SLACK
        and inner.right <= outer.right + SLACK
        and inner.bottom <= outer.bottom + SLACK
    )


def ends(text: Text, wide: float) -> tuple[float, float]:
    left = {"left": text.x, "center": text.x - wide / 2, "right": text.x - wide}[text.align]
    return left, left + wide


def extent(text: Text) -> Placed:
    """The rectangle that a text covers."""
    left, right = ends(text, width(text.text, text.size, text.bold))
    return Placed(shape="bare", x=left, y=text.y - text.size / 2, width=right - left, height=text.size)


def check(whole: Placed) -> None:
    for placed in whole.walk():
        for child in placed.children:
            assert within(child, placed), (child, placed)
        for one, other in combinations(placed.children, 2):
            assert not overlap(one, other), (one, other)
        written = [extent(text) for text in placed.texts]
        for text in written:
            assert within(text, placed), (text, placed.texts)
            assert not any(overlap(text, child) for child in placed.children), (placed.shape, placed.texts)
        for one, other in combinations(written, 2):
            assert not overlap(one, other), placed.texts
    for outer in whole.walk():
        for x, top, bottom in uprights(outer):
            assert not any(
                child.x + SLACK < x < child.right - SLACK and cut(child, top, bottom) for child in outer.children
            )
            crossed = [t for t in map(extent, outer.texts) if t.x < x < t.right and cut(t, top, bottom)]
            assert not crossed, (outer.shape, x, outer.texts)


def uprights(placed: Placed) -> Iterator[tuple[float, float, float]]:
    """(x, top, bottom) of the upright lines between the boxes of a frame or card."""
    for wire in placed.wires:
        for (x, y), (end_x, end_y) in pairwise(wire.points):
            if x == end_x and wire.kind != "cross":
                yield x, min(y, end_y), max(y, end_y)


def cut(placed: Placed, top: float, bottom: float) -> bool:
    return min(placed.bottom, bottom) - max(placed.y, top) > SLACK


@pytest.mark.parametrize("model", [*PRESETS, *TINY, MANY], ids=lambda model: model.name)
def test_nothing_overlaps_and_everything_stays_in_its_box(model: Model) -> None:
    check(drawn(model))


def pairs() -> list[Pair]:
    """Some pairs of presets, the same in every run, and awkward ones: sides without partner, many marks."""
    chosen = random.Random(4).sample(list(combinations(PRESETS, 2)), 25)
    named = (
        ("deepseek-v3", "kimi-k2"),
        ("t5-base", "gpt2"),
        ("gemma3-27b", "llama3-8b"),
        ("jamba-v0.1", "mamba2-2.7b"),
    )
    return chosen + [(llmcmp.load(one), llmcmp.load(other)) for one, other in named]


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_nothing_overlaps_where_two_are_drawn(pair: Pair) -> None:
    check(spread_of(*pair))


def test_texts_are_as_wide_as_the_renderer_draws_them() -> None:
    """Measured without a canvas, and within a hundredth of what both kinds of canvas make of them."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    fonts = {
        (size, bold): FontProperties(family=FAMILY, size=size, weight="bold" if bold else "normal")
        for size, bold in {(text.size, text.bold) for text in texts()}
    }
    screen, dots = RendererAgg(10, 10, 160), 160 / 72
    with rc_context({"text.hinting": "no_hinting"}):
        for text in sorted(texts(), key=lambda text: text.text)[::3]:
            font = fonts[text.size, text.bold]
            measured = width(text.text, text.size, text.bold)
            pixels = screen.get_text_width_height_descent(text.text, font, False)[0] / dots
            path = TextToPath().get_text_width_height_descent(text.text, font, False)[0]
            assert max(pixels, path) <= measured + 0.6, text  # points; boxes leave 6 on each side
            assert min(pixels, path) >= 0.97 * measured - 0.6, text


@cache
def texts() -> frozenset[Text]:
    """Every distinct text of every preset."""
    found: dict[tuple[str, float, bool], Text] = {}
    for model in PRESETS:
        for placed in drawn(model).walk():
            for text in placed.texts:
                found.setdefault((text.text, text.size, text.bold), text)
    return frozenset(found.values())


def test_the_strip_has_a_cell_a_layer_shaded_as_its_block() -> None:
    model = llmcmp.load("gemma3-27b")
    (tower,) = (child for child in drawn(model).children if child.shape == "tower")
    cells = [child.number for child in tower.children if child.shape == "cell"]
    blocks = {number: kind for kind, layers in enumerate(model.tower.layers()) for number in layers.numbers}
    assert cells == [blocks[layer] for layer in range(62)]


def test_frames_that_do_not_fit_beside_one_another_stand_in_even_rows() -> None:
    blocks = [{"attention": f"w{i}"} for i in range(1, 5)]
    attention = {f"w{i}": {**DENSE["attention"], "window": i} for i in range(1, 5)}
    whole = page(compose(tiny(DENSE, attention=attention, stack=[{"layers": 4, "blocks": blocks}])))
    assert [len(list(row)) for _, row in groupby(sorted(p.y for p in whole.walk() if p.shape == "frame"))] == [2, 2]


def test_a_model_of_one_block_has_no_strip() -> None:
    assert not any(placed.shape == "cell" for placed in drawn(llmcmp.load("gpt2")).walk())


def test_an_arrow_goes_from_the_encoder_to_the_cross_attention() -> None:
    whole = drawn(llmcmp.load("t5-base"))
    (wire,) = (wire for wire in whole.wires if wire.kind == "cross")
    encoder, decoder = (child for child in whole.children if child.shape == "tower")
    target = next(placed for placed in decoder.walk() if placed.address == "decoder.0.cross_attention")
    assert encoder.x < wire.points[0][0] < encoder.right
    assert wire.points[-1][0] == target.x and target.y < wire.points[-1][1] < target.bottom


def test_words_wrap_at_blanks_and_nothing_is_lost() -> None:
    text = "one two three averyveryverylongword four"
    lines = list(wrapped(text, 10, 60))
    assert all(width(line, 10) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "one two"


def test_a_latent_goes_up_to_keys_and_values_and_nowhere_else() -> None:
    """No line slips through the gap between two boxes to a row further down."""
    card = next(
        placed for placed in drawn(llmcmp.load("deepseek-v3")).walk() if placed.address == "decoder.0.attention"
    )
    boxes = {placed.texts[0].text: placed for placed in card.children if placed.texts}
    norms = [placed for placed in card.children if [text.text for text in placed.texts] == ["RMSNorm"]]
    latent = max(norms, key=lambda placed: placed.width)
    leaving = [
        wire
        for wire in card.wires
        if wire.points[0][1] == latent.bottom and latent.x < wire.points[0][0] < latent.right
    ]
    assert sorted(wire.points[-1] for wire in leaving) == sorted(
        (boxes[name].middle, boxes[name].y) for name in ("key up", "value up")
    )
