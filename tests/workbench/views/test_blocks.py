"""The Blocks tab, by keys and by mouse: trees down to the tensors, drawings, several models."""

from __future__ import annotations

import pytest
from driven import Driver, drive

from llmcmp.folds.params import params
from llmcmp.sources.presets import load
from llmcmp.tables.diagram import diagram
from llmcmp.workbench.anatomy import Anatomy
from llmcmp.workbench.views.blocks import BlocksView, Column, Name, Names


def trees(driver: Driver) -> list[Anatomy]:
    """The trees on the screen."""
    return [column.query_one(Anatomy) for column in driver.app.screen.query(Column) if column.display]


def text(tree: Anatomy) -> list[str]:
    """The lines of a tree as they are drawn."""
    return [tree.line(number, 90, tree.rich_style).text.rstrip() for number in range(tree.count())]


def roots(driver: Driver) -> list[str]:
    return [tree._root.label for tree in trees(driver) if tree._root is not None]


def test_models_stand_side_by_side_where_there_is_room_and_alone_where_there_is_none() -> None:
    async def wide(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["gpt2", "t5-small"])
        await driver.press("full_stop")
        await driver.until(lambda: roots(driver) == ["t5-small", "mixtral-8x7b"])
        await driver.press("comma")
        await driver.until(lambda: roots(driver) == ["gpt2", "t5-small"])

    async def narrow(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["gpt2"])
        assert str(driver.one(Names).query("Static").first().content) == "1 of 3"
        await driver.press("full_stop", "full_stop")
        await driver.until(lambda: roots(driver) == ["mixtral-8x7b"])
        await driver.press("full_stop")
        await driver.until(lambda: roots(driver) == ["gpt2"])

    models = ("gpt2", "t5-small", "mixtral-8x7b")
    drive(wide, models, (160, 48), "blocks")
    drive(narrow, models, (80, 24), "blocks")


def test_keys_unfold_a_component_to_its_tensors_and_fold_it_again() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["mixtral-8x7b"])
        [tree] = trees(driver)
        tree.focus()
        before = text(tree)
        assert any("32 × layers 0–31  norms: pre" in line for line in before)
        row = next(number for number, line in enumerate(before) if "MoE 2/8" in line)
        await driver.press(*["down"] * row, "right")
        shown = text(tree)
        assert any("experts.gate.weight  8 × 14,336 × 4,096, 32 times" in line and "15.0 B" in line for line in shown)
        assert any("router: softmax" in line for line in shown)
        await driver.press("right")
        assert tree.cursor == row + 1
        await driver.press("left")
        assert tree.cursor == row
        await driver.press("space")
        assert text(tree) == before
        await driver.press("plus")
        assert tree.count() > 2 * len(before)
        await driver.press("minus")
        assert text(tree) == before

    drive(script, ("mixtral-8x7b",), (100, 40), "blocks")


def test_a_click_unfolds_and_the_name_of_a_model_shows_it() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["gpt2"])
        [tree] = trees(driver)
        before = tree.count()
        await driver.click(tree, (8, 1))
        await driver.until(lambda: tree.count() == before + 1)
        assert "weight  50,257 × 768" in text(tree)[2]
        name = next(each for each in driver.app.screen.query(Name) if each.number == 1)
        await driver.click(name)
        await driver.until(lambda: roots(driver) == ["t5-small"])

    drive(script, ("gpt2", "t5-small"), (80, 24), "blocks")


def test_the_first_line_has_the_total_and_a_tree_says_what_the_table_says() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["gpt2"])
        assert text(trees(driver)[0])[0].split() == ["▾", "gpt2", "124", "M"]
        table = driver.main.view.table()
        assert table is not None and table.command == "params"
        assert sum(row["parameters"] for row in table.rows) == params(load("gpt2")).total

    drive(script, ("gpt2",), (100, 30), "blocks")


def test_a_drawing_takes_the_place_of_the_tree_and_gives_it_back() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: roots(driver) == ["gpt2"])
        await driver.press("d")
        drawing = driver.one(".drawing")
        await driver.until(lambda: all(line in str(drawing.content) for line in diagram(load("gpt2"))))
        assert not trees(driver)[0].display
        await driver.press("d")
        await driver.until(lambda: trees(driver)[0].display)

    drive(script, ("gpt2",), (100, 40), "blocks")


def test_what_the_baseline_has_otherwise_stands_out() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: len(roots(driver)) == 2)
        driver.main.base_on("llama3-8b")
        other = trees(driver)[1]
        await driver.until(lambda: other._same is not None)
        strong = other.style("strong")
        styled = {entry.node.label: other._look(entry) == strong for entry in other._entries}
        assert styled["attention"] and styled["feed forward"] and styled["32 × layers 0–31"]
        assert not styled["attention norm"] and not styled["embedding"] and not styled["head"]
        assert trees(driver)[0]._same is None

    drive(script, ("llama3-8b", "llama3-8b:kv_heads=4,intermediate=99"), (160, 48), "blocks")


def test_an_undisclosed_model_says_so() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: "has not published" in str(driver.one("Column .notes").content))

    drive(script, ("gpt-4",), (80, 24), "blocks")


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_nothing_is_cut_at_the_right_edge(size: tuple[int, int]) -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: roots(driver))
        await driver.press("tab")
        for tree in trees(driver):
            tree.action_unfold_all()
            assert all(tree.line(n, tree.room, tree.rich_style).cell_length == tree.room for n in range(tree.count()))

    drive(script, ("deepseek-v3", "t5-small"), size, "blocks")


def test_names_of_models_stand_whole_or_not_at_all() -> None:
    models = ("gpt2", "t5-small", "mixtral-8x7b", "llama3-8b", "deepseek-v3", "qwen3-8b", "gemma3-4b")

    async def script(driver: Driver) -> None:
        row = driver.one(Names)
        for first in range(len(models)):
            await driver.until(lambda first=first: roots(driver) == [models[first]])
            named = [each for each in row.query(Name) if each.display]
            await driver.until(lambda named=named: all(each.region.area for each in named))
            assert [str(each.content) for each in named] == list(models[first : first + len(named)])
            assert all(each.region.right <= row.region.right for each in named)
            assert len(named) >= min(3, len(models) - first)
            await driver.press("full_stop")

    drive(script, models, (80, 24), "blocks")


def test_the_tab_is_in_the_workbench() -> None:
    async def script(driver: Driver) -> None:
        assert isinstance(driver.main.view, BlocksView)
        await driver.until(lambda: driver.one("BlocksView Empty").display)

    drive(script, tab="blocks")
