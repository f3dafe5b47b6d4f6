"""Every text stands out from what it is written on, and a figure is the page: its size, its texts, nothing beyond."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

import llmcmp
from llmcmp.ops import Part
from llmcmp.plots.architecture import architecture, difference
from llmcmp.plots.architecture.compose import compose
from llmcmp.plots.architecture.page import page
from llmcmp.plots.architecture.paint import INK, MARKED, PALE, SHADES, TINT, tinted
from llmcmp.plots.plot import saved

LEAST = 4.5  # WCAG 2.1, 1.4.3: contrast of text


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    names = {"white": "#ffffff"}
    channels = [int(names.get(colour, colour)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("part", get_args(Part))
@pytest.mark.parametrize("text", [INK, PALE, MARKED])
def test_texts_stand_out_on_the_tint_of_every_component(part: str, text: str) -> None:
    assert min(contrast(text, tinted(part, white)) for white in TINT.values()) >= LEAST


def test_letters_stand_out_on_the_cells_of_the_strip() -> None:
    assert min(contrast(*shade) for shade in SHADES) >= LEAST
    lights = sorted(luminance(fill) for fill, _ in SHADES)
    assert all(high - low > 0.15 for low, high in pairwise(lights))  # told apart without colour


@pytest.mark.parametrize("name", ["gpt2", "t5-base", "jamba-v0.1"])
def test_a_figure_has_the_size_and_the_texts_of_its_page(name: str) -> None:
    drawn, laid = architecture(llmcmp.load(name)), page(compose(llmcmp.load(name)))
    assert tuple(drawn.get_size_inches() * 72) == pytest.approx((laid.width, laid.height))
    written = sorted(text.text for placed in laid.walk() for text in placed.texts)
    assert sorted(text.get_text() for text in drawn.texts) == written


def test_everything_drawn_stays_inside_the_picture() -> None:
    for drawn in (architecture(llmcmp.load("jamba-v0.1")), difference(llmcmp.load("t5"), llmcmp.load("bert-base"))):
        drawn.draw_without_rendering()
        box, (wide, high) = drawn.get_tightbbox(), drawn.get_size_inches()
        assert box.x0 >= 0 and box.x1 <= wide and box.y0 >= 0 and box.y1 <= high


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_models_give_the_same_file(kind: str) -> None:
    one, other = (saved(difference(llmcmp.load("gpt2"), llmcmp.load("gpt2:layers=6")), kind) for _ in range(2))
    assert one == other
