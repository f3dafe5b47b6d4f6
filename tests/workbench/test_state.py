"""What is remembered from one start to the next, and what a file that makes no sense does: nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from driving import press, settled, tab, workbench

from llmcmp.folds.cache import kvcache
from llmcmp.sources.presets import load as load_preset
from llmcmp.units import BLOCKS, DTYPE_BITS
from llmcmp.workbench.state import State, load, save

if TYPE_CHECKING:
    from pathlib import Path


def test_the_next_start_finds_models_settings_tab_and_theme_as_they_were(tmp_path: Path) -> None:
    async def first() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b:kv_heads=32") as (app, pilot):
            await press(
                pilot,
                "right_square_bracket",
                "p",
                "t",
                tab("cache"),
                "m",
                *"3GiB",
                "enter",
                tab("compare"),
                "d",
                tab("cache"),
            )
            app.theme = "llmcmp-light"
            app.main.base_on("gpt2")
            await settled(pilot)
            await pilot.press("q")

    async def second() -> None:
        async with workbench(tmp_path) as (app, _):
            chosen = app.main.selection
            assert chosen.models[0].name == chosen.baseline == "gpt2"
            assert chosen.models[1].card.overrides == ("kv_heads=32",)
            assert (chosen.context, chosen.phase, chosen.dtype) == (8192, "decode", "fp16")
            assert (app.theme, app.main.view.key, app.main.view.budget) == ("llmcmp-light", "cache", 3 * 2**30)
            assert app.main.now().only_differences

    asyncio.run(first())
    asyncio.run(second())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"models": "gpt2"}',
        '{"models": [3]}',
        '{"context": -1}',
        '{"context": "4k"}',
        '{"context": true}',
        '{"batch": 1e400}',
        '{"phase": "lunch"}',
        '{"dtype": "bf17"}',
        '{"weights": "q8_0"}',
        '{"colour": "red"}',
        "[" * 100_000,
        '"\\ud800"',
    ],
)
def test_a_file_that_makes_no_sense_is_said_and_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "workbench.json"
    path.write_text(text)
    state, problem = load(path)
    assert state == State() and problem is not None and "\n" not in problem


def test_a_corrupted_file_neither_stops_the_workbench_nor_stays(tmp_path: Path) -> None:
    (tmp_path / "workbench.json").write_bytes(b"\xff\x00{{{")

    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            assert any("starting afresh" in str(notice.message) for notice in app._notifications)
            await press(pilot, "down", "space", "q")

    asyncio.run(flow())
    assert json.loads((tmp_path / "workbench.json").read_text())["models"] == ["albert-base"]


@pytest.mark.parametrize("cache", ["q8_0", "int4-g64", "BF16"])
def test_a_cache_in_any_format_of_the_commands_comes_back_and_is_turned_on(tmp_path: Path, cache: str) -> None:
    save(State(models=("gpt2",), dtype=cache, tab="cache"), tmp_path / "workbench.json")

    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            held = kvcache(load_preset("gpt2"), 4096, dtype=cache).bytes
            assert [row["kv_bytes"] for row in app.main.view.table().rows] == [held]
            await press(pilot, "t")
            assert app.main.selection.dtype != cache.lower()

    asyncio.run(flow())


def test_turning_the_cache_comes_by_every_format_that_has_a_name(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            seen = set()
            for _ in range(len(DTYPE_BITS) + len(BLOCKS)):
                await press(pilot, "t")
                seen.add(app.main.selection.dtype)
            assert seen == DTYPE_BITS.keys() | BLOCKS.keys()

    asyncio.run(flow())


def test_a_model_that_is_gone_is_said_and_the_others_open(tmp_path: Path) -> None:
    save(State(models=("gpt2", "gpt-nowhere"), tab="nowhere", theme="nowhere"), tmp_path / "workbench.json")

    async def flow() -> None:
        async with workbench(tmp_path) as (app, _):
            assert [model.name for model in app.main.selection.models] == ["gpt2"]
            assert any("gpt-nowhere" in str(notice.message) for notice in app._notifications)

    asyncio.run(flow())


def test_a_state_survives_the_file(tmp_path: Path) -> None:
    state = State(models=("a", "b:c=3"), baseline="a", context=777, budget=5, only_differences=True, library=False)
    save(state, tmp_path / "deep" / "state.json")
    assert load(tmp_path / "deep" / "state.json") == (state, None)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["state.json"]
