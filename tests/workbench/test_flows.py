"""Each flow of the workbench, by keys and by mouse; what a view shows is what the command's table holds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from driving import lines, press, settled, tab, workbench
from textual.widgets import Input, Select

import llmcmp
from llmcmp.sources.names import preset_files
from llmcmp.tables.caches import kvcache_table
from llmcmp.tables.compare import compare
from llmcmp.tables.compute import flops_table
from llmcmp.tables.listing import list_table
from llmcmp.tables.sizes import params_table
from llmcmp.tables.text import markdown_table
from llmcmp.workbench.bars import KeyBar, TabBar
from llmcmp.workbench.dialogs.dialog import Dialog
from llmcmp.workbench.model_list import ModelList
from llmcmp.workbench.run_bar import Number
from llmcmp.workbench.table_view import TableView
from llmcmp.workbench.views.cache import CacheView

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any


def run(flow: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(flow())


def names(app: Any) -> list[str]:
    return [model.name for model in app.main.selection.models]


def test_space_selects_and_leaves_out_the_model_at_the_cursor(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            assert names(app) == []
            await press(pilot, "down", "space", "down", "down", "space")
            assert names(app) == ["albert-base", "albert-xlarge"]
            await press(pilot, "space")
            assert names(app) == ["albert-base"]
            await press(pilot, "x")
            assert names(app) == []

    run(flow)


def test_a_click_selects_a_model_and_folds_a_family(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await pilot.click(ModelList, offset=(6, 2))
            await settled(pilot)
            assert names(app) == ["albert-large"]
            shown = app.main.query_one(ModelList).count()
            await pilot.click(ModelList, offset=(4, 0))
            await settled(pilot)
            assert app.main.query_one(ModelList).count() == shown - 4

    run(flow)


def test_every_view_shows_the_table_of_its_command(tmp_path: Path) -> None:
    models = tuple(map(llmcmp.load, ("gpt2", "t5-small", "mixtral-8x7b")))
    expected = [
        compare(models, 8192, batch=3, weights="fp8", dtype="int8"),
        params_table(models),
        flops_table(models, "decode", 8192, batch=3, weights="fp8", dtype="int8"),
        kvcache_table(models, [8192], batch=3, dtype="int8"),
    ]

    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "t5-small", "mixtral-8x7b") as (app, pilot):
            await press(pilot, "right_square_bracket", "p", "n", "backspace", "3", "enter")
            await press(pilot, *"ww", *"ttt")
            for module, table in zip(("compare", "parameters", "compute", "cache"), expected, strict=True):
                await press(pilot, tab(module))
                assert app.main.view.table().document() == table.document()

    run(flow)


def test_tabs_open_by_number_by_arrow_and_by_click(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            tabs = app.main.query_one(TabBar)
            await press(pilot, tab("compute"))
            assert app.main.view.key == "compute"
            tabs.focus()
            await press(pilot, "right")
            assert app.main.view.key == "cache"
            start = next(start for key, start, _ in tabs.spans() if key == "parameters")
            await pilot.click(TabBar, offset=(start + 2, 0))
            await settled(pilot)
            assert app.main.view.key == "parameters"

    run(flow)


def test_a_search_leaves_the_models_that_hold_its_words(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "slash", *"8b", "space", *"lla")
            shown = [entry.model for entry in app.main.query_one(ModelList)._entries if entry.model]
            assert "llama3-8b" in shown and all("8b" in name and "lla" in name for name in shown)
            await press(pilot, "slash", "escape")
            assert app.main.query_one(ModelList).count() > 180

    run(flow)


@pytest.mark.parametrize("key", ["enter", "down"])
def test_a_search_leads_to_the_first_model_that_it_found(tmp_path: Path, key: str) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "slash", *"qwen3", "minus", *"8", key, "space")
            assert names(app) == ["qwen3-8b"]
            await press(pilot, "escape")
            listed = app.main.query_one(ModelList)
            assert listed.count() > 180 and listed.entry.model == "qwen3-8b"
            assert any("qwen3-8b" in text for text in lines(listed))

    run(flow)


def test_space_on_a_family_selects_what_is_listed_of_it_or_leaves_it_out(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "down", "space", "up", "space")
            assert names(app) == ["albert-base", "albert-large", "albert-xlarge", "albert-xxlarge"]
            await press(pilot, "space")
            assert names(app) == []
            await press(pilot, "slash", *"gpt2", "space", "x", "enter", "up", "space")
            assert names(app) == ["gpt2-xl"]

    run(flow)


def test_models_stand_as_list_has_them_by_release_and_size(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, _):
            shown = [entry.model for entry in app.main.query_one(ModelList)._entries if entry.model]
            assert shown == [row["model"] for row in list_table().rows]
            assert shown.index("bloom-560m") < shown.index("bloom-176b")
            assert shown.index("baichuan-13b") < shown.index("baichuan2-7b")

    run(flow)


def test_every_figure_stands_beside_the_baselines(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "llama3-8b", "llama3-8b:kv_heads=32") as (app, pilot):
            app.main.base_on("llama3-8b")
            await settled(pilot)
            for module, key in (("parameters", "parameters"), ("compute", "flops"), ("cache", "kv_bytes")):
                await press(pilot, tab(module))
                before, after = app.main.view.table().rows
                assert after[f"{key}_ratio"] == after[key] / before[key] > 1
            assert any("4.00×" in text for text in lines(app.main.view.query_one(TableView)))

    run(flow)


def test_a_model_from_a_file_can_be_the_baseline(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(preset_files()["gpt2"].read_text("utf-8").replace('name = "gpt2"', 'name = "mine"'), "utf-8")

    async def flow() -> None:
        async with workbench(tmp_path, str(path), "gpt2-xl") as (app, pilot):
            app.main.base_on("mine")
            await settled(pilot)
            assert app.main.view.table().settings["baseline"] == "mine"

    run(flow)


def test_filters_leave_what_list_leaves(tmp_path: Path) -> None:
    expected = {row["model"] for row in list_table(attention="MLA", mixture=True, largest=3 * 10**11).rows}

    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "f")
            app.screen.query_one("#attention", Select).value = "MLA"
            app.screen.query_one("#mixture", Select).value = "MoE"
            app.screen.query_one("#largest", Input).focus()
            await press(pilot, *"300B", "enter")
            shown = {entry.model for entry in app.main.query_one(ModelList)._entries if entry.model}
            assert shown == expected == {"deepseek-v2", "deepseek-v2-lite"}
            await press(pilot, "f", "ctrl+r")
            assert app.main.query_one(ModelList).count() > 180

    run(flow)


def test_a_size_that_means_nothing_is_said_in_the_filters(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "f")
            app.screen.query_one("#smallest", Input).focus()
            await press(pilot, *"7x", "enter")
            assert isinstance(app.screen, Dialog)
            assert "7x" in str(app.screen.query_one(".wrong").visual)
            await press(pilot, "escape")
            assert not isinstance(app.screen, Dialog)

    run(flow)


def test_whatever_load_reads_can_be_opened_and_what_it_does_not_is_one_line(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "o", *"gpt3000", "enter")
            wrong = str(app.screen.query_one(".wrong").visual)
            assert "unknown model 'gpt3000'" in wrong and "\n" not in wrong
            app.screen.query_one(Input).value = "llama3-8b:kv_heads=32"
            await press(pilot, "enter")
            assert names(app) == [llmcmp.load("llama3-8b:kv_heads=32").name]
            assert "8.84 B" in lines(app.main.query_one(ModelList))[1]
            assert app.main.query_one(ModelList).entry.model == names(app)[0]

    run(flow)


def test_what_is_typed_as_context_applies_at_once_and_nonsense_leaves_the_old_value(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            await press(pilot, "c", "backspace", "backspace", *"128k")
            assert app.main.selection.context == 131072
            await press(pilot, "x")
            field = app.main.query_one("#run-context", Number)
            assert field.has_class("-invalid") and app.main.selection.context == 131072
            await press(pilot, "escape")
            assert field.value == "128k" and not field.has_class("-invalid")
            await press(pilot, "left_square_bracket")
            assert app.main.selection.context == 65536

    run(flow)


def test_settings_turn_by_click(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            await pilot.click("#run-phase")
            await settled(pilot)
            assert app.main.selection.phase == "decode"

    run(flow)


def test_a_baseline_is_chosen_in_the_list_in_the_table_and_by_a_click_on_its_heading(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b") as (app, pilot):
            await press(pilot, "slash", *"gpt2", "enter", "home", "down", "b")
            assert app.main.selection.baseline == "gpt2"
            assert app.main.view.table().settings["baseline"] == "gpt2"
            table = app.main.query_one("#comparison", TableView)
            table.focus()
            await press(pilot, "right", "b")
            assert app.main.selection.baseline == "llama3-8b"
            spot = lines(table)[0].index("gpt2")
            await pilot.click("#comparison", offset=(spot + 1, 0))
            await settled(pilot)
            assert app.main.selection.baseline == "gpt2"
            await pilot.click("#comparison", offset=(lines(table)[0].index("gpt2"), 0))
            await settled(pilot)
            assert app.main.selection.baseline is None

    run(flow)


def test_only_what_differs_can_be_shown(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "gpt2-xl") as (app, pilot):
            table = app.main.query_one("#comparison", TableView)
            assert any(text.startswith("Activation") for text in lines(table))
            await press(pilot, "d")
            assert not any(text.startswith("Activation") for text in lines(table))
            assert "activation" not in {column.key for column in app.main.view.table().columns}

    run(flow)


def test_without_a_selection_the_cache_tab_ranks_every_decoder(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, size=(100, 40)) as (app, pilot):
            await press(pilot, tab("cache"))
            rows = app.main.view.table().rows
            known = [row["kv_bytes"] for row in rows if row["disclosed"]]
            assert len(rows) > 170 and known == sorted(known)
            shown = lines(app.main.query_one("#caches", TableView))
            assert shown[1].startswith(rows[0]["model"]) and shown[2].startswith(rows[1]["model"])

    run(flow)


def test_a_budget_is_a_line_and_marks_what_is_over_it(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "llama3-8b", "gpt2") as (app, pilot):
            await press(pilot, tab("cache"), "m", *"400MiB", "enter")
            view = app.main.query_one(CacheView)
            assert view.budget == 400 * 2**20
            assert any("budget 400 MiB" in text for text in lines(view.query_one("Chart")))
            table = view.query_one(TableView)
            held = [row["kv_bytes"] > view.budget for row in view.table().rows]
            assert held == [True, False]
            assert [table._emphasis(number, len(table._widths) - 1) for number in range(2)] == ["warning", ""]

    run(flow)


@pytest.mark.parametrize("suffix", ["csv", "json", "md", "tex", "html", "png", "svg", "pdf"])
def test_a_view_is_exported_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"

    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", "llama3-8b") as (app, pilot):
            await press(pilot, "e")
            app.screen.query_one(Input).value = str(path)
            await settled(pilot)
            assert app.screen.query_one(Select).value == suffix
            await press(pilot, "enter")
            assert not isinstance(app.screen, Dialog)

    run(flow)
    assert path.stat().st_size > 300
    if suffix == "json":
        table = compare(["gpt2", "llama3-8b"], 4096)
        assert json.loads(path.read_text()) == json.loads(json.dumps(table.document()))


def test_a_path_that_cannot_be_written_is_one_line_in_the_dialog(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            await press(pilot, "e")
            app.screen.query_one(Input).value = str(tmp_path / "nowhere" / "x.csv")
            await press(pilot, "enter")
            assert "there is no folder" in str(app.screen.query_one(".wrong").visual)

    run(flow)


def test_the_format_chosen_changes_the_suffix(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            await press(pilot, tab("parameters"), "e")
            app.screen.query_one(Select).value = "md"
            await settled(pilot)
            assert app.screen.query_one(Input).value == "llmcmp-parameters.md"

    run(flow)


def test_a_view_is_copied_as_markdown(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            await press(pilot, tab("parameters"), "y")
            assert app.clipboard == markdown_table(params_table([llmcmp.load("gpt2")]))

    run(flow)


def test_every_key_stands_on_the_page_of_keys(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            await press(pilot, "question_mark")
            told = str(app.screen.query_one("VerticalScroll Static").visual)
            for binding in (*app.main.BINDINGS, *ModelList.BINDINGS, *TableView.BINDINGS, *Number.BINDINGS):
                assert binding.id and binding.tooltip
                assert binding.action.startswith("tab(") or binding.tooltip in told
            await press(pilot, "escape")
            assert app.screen is app.main

    run(flow)


def test_a_click_on_a_key_presses_it(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path) as (app, pilot):
            bar = app.main.query_one(KeyBar)
            start = next(start for key, _, told, start, _ in bar.shown() if told == "Open")
            await pilot.click(KeyBar, offset=(start + 2, 0))
            await settled(pilot)
            assert isinstance(app.screen, Dialog)

    run(flow)


def test_the_bar_of_keys_follows_the_tab(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2", size=(160, 48)) as (app, pilot):
            bar = app.main.query_one(KeyBar)
            for module, told in (("compare", "Differences"), ("cache", "Budget"), ("measure", "Measure")):
                await press(pilot, tab(module))
                assert told in [what for _, _, what, _, _ in bar.shown()]
            assert "Budget" not in lines(bar)[0] and "Measure" in lines(bar)[0]

    run(flow)


def test_the_palette_holds_every_command_of_the_screen(tmp_path: Path) -> None:
    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            commands = {command.title: command.callback for command in app.get_system_commands(app.screen)}
            assert {"Search", "Filter", "Export", "Copy", "Baseline", "Tab Cache", "Theme"} - {"Baseline"} <= set(
                commands
            )
            commands["Tab Cache"]()
            await settled(pilot)
            assert app.main.view.key == "cache"

    run(flow)


def test_a_key_is_answered_while_a_view_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from llmcmp.workbench.views import cache

    gate, begun = threading.Event(), threading.Event()
    computed = cache._computed

    def slow(selection: Any) -> Any:
        begun.set()
        assert gate.wait(10)
        return computed(selection)

    async def flow() -> None:
        async with workbench(tmp_path, "gpt2") as (app, pilot):
            monkeypatch.setattr(cache, "_computed", slow)
            await pilot.press(tab("cache"))
            while not begun.is_set():
                await pilot.pause()
            await pilot.press("down", "down")
            assert app.main.query_one(ModelList).cursor == 2
            await pilot.press("right_square_bracket")
            gate.set()
            await settled(pilot)
            assert app.main.view.table().settings["contexts"] == [8192]

    run(flow)
