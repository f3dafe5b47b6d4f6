"""Plots show the numbers of their table, and the same table gives the same file."""

from __future__ import annotations

import pytest

import llmcmp
from llmcmp.errors import DoesNotFitError, OutputError
from llmcmp.plots import plot
from llmcmp.sources.presets import every_model, load_all
from llmcmp.tables.budget import budget_table
from llmcmp.tables.caches import Question, kvcache_table
from llmcmp.tables.compute import flops_table
from llmcmp.tables.evolve import evolve_table
from llmcmp.tables.listing import list_table
from llmcmp.tables.pick import Wish, pick_table
from llmcmp.tables.show import show_table
from llmcmp.tables.sizes import params_table
from llmcmp.tables.table import Table

MODELS = load_all(["llama2", "mistral-7b", "deepseek-v3", "t5", "gpt-4"])
TABLES = [
    llmcmp.compare(MODELS),
    params_table(MODELS),
    kvcache_table(MODELS, [4096]),
    kvcache_table(MODELS, [4096], engine="llama.cpp", value_dtype="q8_0"),
    budget_table(MODELS, 24 * 2**30, Question(engine="vllm")),
    pick_table(every_model(), Wish(memory=24 * 2**30, overhead=2**30)),
    evolve_table("gpt"),
    flops_table(MODELS, "decode", 4096),
    list_table(family="llama"),
    show_table(MODELS[0]),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.command)
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_table_gives_the_same_picture(table: Table, kind: str) -> None:
    first = plot.image(table, kind)
    assert len(first) > 1000
    assert plot.image(table, kind) == first


def test_lines_carry_the_cache_of_each_model_up_to_its_window() -> None:
    axes = plot.figure(kvcache_table(MODELS, [4096])).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"llama2-7b", "mistral-7b", "deepseek-v3", "t5-base"}
    for name, line in lines.items():
        for length, size in zip(line.get_xdata(), line.get_ydata(), strict=True):
            assert size == llmcmp.kvcache(llmcmp.load(name), ctx=int(length)).bytes
    assert max(lines["llama2-7b"].get_xdata()) == 4096
    asked = plot.figure(kvcache_table(MODELS, [65536], source=512)).axes[0].get_lines()
    t5 = next(line for line in asked if line.get_label() == "t5-base")
    assert t5.get_ydata()[-1] == llmcmp.kvcache(llmcmp.load("t5"), ctx=65536, source=512).bytes
    assert max(lines["mistral-7b"].get_xdata()) == 32768


def test_stacked_bars_are_the_shares_of_each_component() -> None:
    axes = plot.figure(params_table(MODELS[:1])).axes[0]
    widths = {bars.get_label(): bars.patches[0].get_width() for bars in axes.containers}
    sizes = llmcmp.params(MODELS[0])
    # Shares are floats of exact counts; the pictures' own resolution is coarser by far.
    assert widths == pytest.approx({part.capitalize(): size / sizes.total for part, size in sizes.components.items()})


def test_an_engine_s_lines_carry_what_it_reserves() -> None:
    axes = plot.figure(kvcache_table(MODELS, [4096], engine="vllm")).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"llama2-7b", "mistral-7b", "deepseek-v3"}  # T5 is refused
    for name, line in lines.items():
        for length, size in zip(line.get_xdata(), line.get_ydata(), strict=True):
            assert size == llmcmp.kvcache(llmcmp.load(name), ctx=int(length), engine="vllm").bytes


def test_bars_of_a_pick_are_its_bytes_below_the_memory() -> None:
    table = pick_table(every_model(), Wish(memory=24 * 2**30, overhead=2**30))
    axes = plot.figure(table).axes[0]
    ends = [sum(bars.patches[spot].get_width() for bars in axes.containers) for spot in range(len(axes.containers[0]))]
    assert ends == [row["total_bytes"] for row in table.rows[: len(ends)]] and max(ends) <= 24 * 2**30


def test_nothing_that_fits_is_nothing_to_draw() -> None:
    for table in (
        pick_table(every_model(), Wish(memory=1)),
        budget_table(MODELS, 1, Question()),
    ):
        with pytest.raises(DoesNotFitError, match="nothing to draw"):
            plot.image(table, "png")


def test_nothing_disclosed_is_nothing_to_draw() -> None:
    with pytest.raises(OutputError, match="nothing to draw"):
        plot.image(llmcmp.compare(["gpt-4"]), "png")


def test_everything_drawn_stays_inside_the_picture() -> None:
    for table in TABLES:
        drawn = plot.figure(table)
        drawn.draw_without_rendering()
        box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
        # Inches; a hundredth of one is the width of a line.
        assert box.x0 >= -0.01 and box.x1 <= width + 0.01, table.command
        assert box.y0 >= -0.01 and box.y1 <= height + 0.01, table.command
