"""From 80 × 24 up nothing is cut off unreadably, whatever the size was before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from driving import lines, press, settled, tab, workbench

from llmcmp.workbench.bars import KeyBar, TabBar
from llmcmp.workbench.charts.curves import Chart
from llmcmp.workbench.model_list import ModelList
from llmcmp.workbench.run_bar import RunBar
from llmcmp.workbench.table_view import TableView

if TYPE_CHECKING:
    from pathlib import Path

SIZES = [(80, 24), (81, 25), (109, 33), (111, 37), (200, 60), (80, 24)]


def test_every_size_shows_whole_columns_every_tab_and_every_setting(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b", "gemma3-27b", "t5-small", size=(120, 40)) as (app, pilot):
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await settled(pilot)
                table = app.main.query_one("#comparison", TableView)
                heading = lines(table)[0]
                assert any(name in heading for name in ("gpt2", "llama3-8b"))
                shown = [row["model"] for row in app.main.view.table().rows if row["model"] in heading]
                assert len(shown) == 4 or f"{4 - len(shown)} ›" in heading
                assert all(tab.title in lines(app.main.query_one(TabBar))[0] for tab in app.main.tabs)
                assert lines(app.main.query_one(KeyBar))[0].endswith("q Quit")
                bar = app.main.query_one(RunBar)
                assert all(child.region.right <= size[0] and child.region.width > 0 for child in bar.children)

    asyncio.run(flow())


def test_arrows_bring_every_model_into_view(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b", "mixtral-8x7b", "t5-small", size=(80, 24)) as (app, pilot):
            table = app.main.query_one("#comparison", TableView)
            table.focus()
            await press(pilot, *["right"] * 3)
            assert "t5-small" in lines(table)[0] and "‹" in lines(table)[0]
            await press(pilot, *["left"] * 3)
            assert "gpt2" in lines(table)[0]

    asyncio.run(flow())


@pytest.mark.parametrize("module", ["compare", "parameters", "compute", "cache"])
def test_no_widget_of_a_tab_leaves_the_smallest_screen(tmp_path: Path, module: str) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b", size=(80, 24)) as (app, pilot):
            await press(pilot, tab(module))
            for widget in app.main.view.query("*"):
                if widget.display and widget.region.area:
                    assert widget.region.right <= 80 and widget.region.bottom <= 22, widget

    asyncio.run(flow())


def test_a_chart_shows_every_model_and_the_context(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b", size=(80, 24)) as (app, pilot):
            await press(pilot, tab("cache"))
            drawn = "\n".join(lines(app.main.view.query_one(Chart)))
            assert "● gpt2" in drawn and "■ llama3-8b" in drawn and "┊" in drawn and "MiB ┤" in drawn

    asyncio.run(flow())


def test_the_list_can_make_room_and_come_back(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", size=(80, 24)) as (app, pilot):
            await press(pilot, "l")
            assert app.main.view.region.width > 75 and not app.main.query_one(ModelList).region.area
            await press(pilot, "escape")
            assert app.main.query_one(ModelList).has_focus and app.main.view.region.width < 60

    asyncio.run(flow())
