"""The figures of `plot`: the numbers of their table, every model's own look, and no name on another."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

import llmcmp
from llmcmp.errors import OutputError
from llmcmp.frozen import replace
from llmcmp.plots import plot, style
from llmcmp.plots.growing import MOST_LINES
from llmcmp.sources.devices import load_device
from llmcmp.sources.presets import load, load_all
from llmcmp.tables.asked import Asked
from llmcmp.tables.drawn import KINDS, Kind, drawn_table

ASKED = Asked(device=load_device("h100-sxm"))
DOZEN = load_all(
    "llama2 llama3-8b mistral-7b mixtral deepseek-v3 qwen3-235b-a22b gemma3-27b gpt-oss-120b jamba-1.5-mini"
    " mamba2-2.7b t5-large bert-base".split()
)
SETS = {"one": DOZEN[:1], "three": (*DOZEN[:2], *load_all(["gpt-4"])), "dozen": DOZEN, "many": load_all(["*"])[::2]}


def figure(kind: Kind, models: tuple[llmcmp.Model, ...]) -> Figure:
    return plot.figure(drawn_table(kind, models, ASKED))


def names(drawn: Figure) -> list[Annotation]:
    """The names beside points."""
    found = [text for axes in drawn.axes for text in axes.texts if isinstance(text, Annotation)]
    return [text for text in found if str(text.get_gid()).startswith("model=")]


@pytest.mark.parametrize("models", SETS.values(), ids=SETS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "parameters"])
def test_names_overlap_neither_each_other_nor_the_edge(kind: Kind, models: tuple[llmcmp.Model, ...]) -> None:
    drawn = figure(kind, models)
    drawn.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in names(drawn)]
    for (one, box), (other, second) in combinations(boxes, 2):
        across = min(box.x1, second.x1) - max(box.x0, second.x0)
        along = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert across <= 0 or along <= 0, f"{one} lies on {other}"
    width, height = drawn.bbox.width, drawn.bbox.height
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for _, box in boxes)


@pytest.mark.parametrize("kind", ["active", "kv-year", "bubble"])
def test_each_of_a_dozen_points_has_its_name(kind: Kind) -> None:
    table = drawn_table(kind, DOZEN, ASKED)
    assert {text.get_text() for text in names(plot.figure(table))} == {row["model"] for row in table.rows}


def test_names_that_do_not_fit_are_counted_not_hidden() -> None:
    table = drawn_table("active", SETS["many"], ASKED)
    drawn = plot.figure(table)
    missing = len(table.rows) - len(names(drawn))
    assert missing > 0
    assert f"{missing} of {len(table.rows)} models have no room for a name" in drawn.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        ("active", "parameters", "active_parameters"),
        ("bubble", "parameters", "kv_bytes"),
        ("roofline", "flops_per_byte", "flops_per_second"),
    ],
)
def test_points_stand_at_the_numbers_of_their_rows(kind: Kind, x: str, y: str) -> None:
    table = drawn_table(kind, DOZEN, ASKED)
    lines = plot.figure(table).axes[0].get_lines()
    points = {
        (str(line.get_gid()), *line.get_xdata(), *line.get_ydata()) for line in lines if "model=" in str(line.get_gid())
    }
    assert points == {(f"model={row['model']}", row[x], row[y]) for row in table.rows}


def test_a_bubbles_area_is_its_active_parameters() -> None:
    table = drawn_table("bubble", load_all(["llama2-7b", "deepseek-v3"]), ASKED)
    sizes = {str(line.get_gid()): line.get_markersize() for line in plot.figure(table).axes[0].get_lines()}
    small, large = (row["active_parameters"] for row in table.rows)
    assert (sizes["model=llama2-7b"] / sizes["model=deepseek-v3"]) ** 2 == pytest.approx(small / large)


@pytest.mark.parametrize(("kind", "key"), [("kv", "kv_bytes"), ("flops", "flops"), ("attention", "score_share")])
def test_lines_pass_through_the_rows_of_the_table(kind: Kind, key: str) -> None:
    table = drawn_table(kind, DOZEN, ASKED)
    for line in plot.figure(table).axes[0].get_lines():
        rows = [row for row in table.rows if row["model"] == line.get_label()]
        assert list(line.get_xdata()) == [row["context"] for row in rows]
        assert list(line.get_ydata()) == [float(row[key]) for row in rows]


def test_a_model_has_one_colour_in_every_figure() -> None:
    colours: dict[str, set[str]] = {}
    for kind in ("active", "kv", "kv-year", "flops", "attention", "bubble", "roofline"):
        for line in figure(kind, DOZEN).axes[0].get_lines():
            if str(line.get_gid()).startswith("model="):
                colours.setdefault(str(line.get_gid()), set()).add(str(line.get_color()))
    assert len(colours) == 12 and all(len(found) == 1 for found in colours.values())
    assert len({found.pop() for found in colours.values()}) == 12


def test_lines_that_coincide_stay_in_sight() -> None:
    lines = {line.get_label(): line for line in figure("kv", DOZEN).axes[0].get_lines()}
    under, between, over = (lines[name].get_linewidth() for name in ("llama3-8b", "mistral-7b", "mixtral-8x7b"))
    assert under > between > over


def test_more_lines_than_can_be_told_apart_are_named_at_their_ends() -> None:
    drawn = figure("kv", SETS["many"])
    assert len(drawn.axes[0].get_lines()) > MOST_LINES
    assert drawn.axes[0].get_legend() is None and len(names(drawn)) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_title_unit_and_source_stand_in_the_figure(kind: Kind) -> None:
    drawn = figure(kind, DOZEN)
    assert len(drawn.get_suptitle()) > 10
    assert drawn.get_supxlabel().startswith("llmcmp: ")
    axes = drawn.axes[0]
    drawn.draw_without_rendering()
    ticks = [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    assert axes.get_xlabel() or any("%" in tick for tick in ticks)


def test_many_that_are_left_out_are_cut_at_a_whole_name() -> None:
    secret = tuple(replace(load("gpt-4"), card=replace(load("gpt-4").card, name=f"gpt-{i}")) for i in range(40, 60))
    said = figure("kv", (*DOZEN[:2], *secret)).get_supxlabel().replace("\n", " ")
    told = said.partition("left out, undisclosed: ")[2].partition(" …")[0]
    assert "gpt-40" in told and set(told.split(", ")) < {model.name for model in secret}


def test_what_is_left_out_is_told_in_the_figure() -> None:
    assert "left out, undisclosed: gpt-4" in figure("kv", SETS["three"]).get_supxlabel().replace("\n", " ")
    with pytest.raises(OutputError, match="nothing to draw: left out, undisclosed: gpt-4"):
        figure("bubble", load_all(["gpt-4"]))


def test_colours_of_data_are_none_of_the_papers() -> None:
    assert not set(style.COLOURS) & {style.PAPER, style.INK, style.MUTED, style.FAINT, style.GRID}
