"""Charts in characters: a place on an axis, a share of a bar, a dot on a line."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style

from llmcmp.tables.table import Curve
from llmcmp.units import show_bytes
from llmcmp.workbench.charts.axes import Axis, around
from llmcmp.workbench.charts.bars import bar, crossed, stacked
from llmcmp.workbench.charts.canvas import Canvas
from llmcmp.workbench.charts.curves import Drawing, Look, at, chart

LOOK = Look(ground=Style(), axis=Style(dim=True), budget=Style(bold=True), dark=True)


def text(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize(
    ("low", "high", "base"), [(3, 700, 2), (1, 1, 2), (5, 9, 10), (2**20, 2**40, 2), (1e9, 3e15, 10)]
)
def test_an_axis_holds_its_values_and_its_ticks_are_powers(low: float, high: float, base: int) -> None:
    axis = around(low, high, base)
    assert 0 <= axis.place(low) <= axis.place(high) <= 1
    for most in (2, 3, 7):
        ticks = axis.ticks(most)
        assert 1 <= len(ticks) <= most
        assert all(base ** round(len(bin(t)) - 3 if base == 2 else len(str(t)) - 1) == t for t in ticks)


@pytest.mark.parametrize("width", [1, 3, 5, 24])
@pytest.mark.parametrize("amounts", [(1,), (1, 1), (3, 0, 5, 24), (1, 1000), (5, 5, 5, 5, 5, 5, 5)])
def test_a_stacked_bar_fills_its_width(width: int, amounts: tuple[int, ...]) -> None:
    drawn = stacked([(amount, f"#{number:06d}") for number, amount in enumerate(amounts)], width, Style())
    assert len(text(drawn)) == width and text(drawn).strip() == text(drawn)


def test_shares_of_a_bar_are_in_proportion() -> None:
    drawn = stacked([(3, "red"), (5, "blue")], 24, Style())
    red = [segment for segment in drawn if segment.style is not None and segment.style.color.name == "red"]
    assert sum(len(segment.text) for segment in red) == 24 * 3 // 8


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 1.0])
def test_a_bar_is_as_long_as_its_share_and_never_nothing(share: float) -> None:
    drawn = text(bar(share, 24, Style(), Style()))
    assert len(drawn) == 24 and drawn.strip()
    assert abs(len(drawn.rstrip()) - 24 * share) <= 1


def test_a_line_crosses_a_bar_at_one_place() -> None:
    drawn = crossed(bar(0.5, 8, Style(), Style()), 5, "│", Style(color="red"))
    assert text(drawn) == "████ │  "


def test_dots_lie_where_they_are_put() -> None:
    canvas = Canvas(2, 1, Style())
    canvas.dot(0, 0, Style())
    canvas.dot(3, 3, Style())
    assert canvas.rows()[0].text == "⠁⢀"


def test_a_mark_stands_on_its_curve() -> None:
    curve = Curve(label="x", lengths=(128, 512, 2048), values=(8, 32, 32))
    assert [at(curve, length) for length in (64, 128, 256, 2048, 4096)] == [None, 8, 16, 32, None]


@pytest.mark.parametrize("size", [(30, 8), (49, 12), (71, 9), (72, 9), (125, 40)])
def test_a_chart_has_its_size_its_budget_and_every_name(size: tuple[int, int]) -> None:
    curves = tuple(Curve(label=name, lengths=(128, 1024), values=(n, 5 * n)) for n, name in ((3, "three"), (24, "two")))
    drawing = Drawing(curves=curves, show=show_bytes, base=2, context=500, budget=64)
    drawn = [strip.text for strip in chart(drawing, *size, LOOK)]
    assert len(drawn) == size[1] and {len(line) for line in drawn} == {size[0]}
    whole = "\n".join(drawn)
    assert "budget 64" in whole and "● three" in whole and "■ two" in whole


def test_a_place_on_a_logarithmic_axis_is_even_in_factors() -> None:
    axis = Axis(low=1, high=64, base=2)
    assert [axis.place(value) for value in (1, 8, 64)] == [0, 0.5, 1]
