"""The Learn tab, by keys and by mouse: terms are found and read; those that the selected models use are marked."""

from __future__ import annotations

from driven import Driver, drive
from textual.widgets import Markdown, Static

from llmcmp.learn import explain, terms
from llmcmp.sources.presets import load
from llmcmp.workbench.table_view import TableView
from llmcmp.workbench.views.learn import Find, LearnView, Page, Terms, matching, used


def read(driver: Driver) -> str:
    """The name of the term on the page."""
    view = driver.main.view
    assert isinstance(view, LearnView)
    return view._shown.term.name if view._shown else ""


def names(driver: Driver) -> list[str]:
    return [line.term.name for line in driver.one(Terms)._listed if line.term]


def test_all_terms_are_listed_group_by_group_and_the_first_is_open() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: names(driver) == [term.name for term in terms()])
        await driver.until(lambda: read(driver) == terms()[0].name)
        table = driver.main.view.table()
        assert table is not None and table.rows == explain(terms()[0].name).table.rows

    drive(script, size=(160, 48), tab="learn")


def test_a_search_leaves_the_terms_that_answer_to_it_and_opens_the_first() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("s")
        assert driver.app.focused is driver.one(Find)
        await driver.type("gqa")
        await driver.until(lambda: names(driver) == ["gqa"] and read(driver) == "gqa")
        page = driver.one(Page)
        await driver.until(lambda: "Grouped-query" in page.query_one("#before", Markdown).source)
        assert "## Advantages" in page.query_one("#after", Markdown).source
        shown = page.query_one(TableView)
        assert shown._laid is not None and len(shown._laid.lines) == len(explain("gqa").table.rows)
        await driver.press("escape")
        await driver.until(lambda: len(names(driver)) == len(terms()))
        assert driver.app.focused is driver.one(Terms) and driver.one(Terms).term.name == "gqa"
        await driver.press("s", *"no such", "down")
        assert names(driver) == []

    drive(script, size=(160, 48), tab="learn")


def test_terms_that_selected_models_use_are_marked_and_the_page_says_which() -> None:
    async def script(driver: Driver) -> None:
        view = driver.main.view
        await driver.until(lambda: "gqa" in view._used)
        listed = driver.one(Terms)
        lines = {
            line.term.name: listed.line(n, 40, listed.rich_style).text
            for n, line in enumerate(listed._listed)
            if line.term
        }
        assert "●" in lines["gqa"] and "●" in lines["moe"] and "●" not in lines["mla"] and "●" not in lines["dpo"]
        listed.point_at("gqa")
        await driver.until(lambda: read(driver) == "gqa")
        said = driver.one(".used", Static)
        await driver.until(lambda: str(said.content) == "used by llama3-8b, mixtral-8x7b")
        driver.main.chosen.toggle("llama3-8b")
        driver.main.choose(None)
        await driver.until(lambda: str(said.content) == "used by mixtral-8x7b")
        listed.point_at("mla")
        await driver.until(lambda: read(driver) == "mla" and not said.display)

    drive(script, ("llama3-8b", "mixtral-8x7b"), (160, 48), "learn")


def test_on_a_small_screen_the_page_takes_the_place_of_the_list_and_gives_it_back() -> None:
    async def script(driver: Driver) -> None:
        await driver.until(lambda: read(driver))
        listed, page = driver.one(Terms), driver.one(Page)
        assert listed.region.width > 40 and not page.region.width
        listed.focus()
        await driver.press("down", "enter")
        await driver.until(lambda: read(driver) == terms()[1].name and page.region.width > 40)
        assert driver.app.focused is page
        await driver.press("left")
        await driver.until(lambda: listed.region.width > 40 and driver.app.focused is listed)
        await driver.click(listed, (6, 4))
        await driver.until(lambda: read(driver) == terms()[3].name and page.region.width > 40)

    drive(script, size=(80, 24), tab="learn")


def test_words_are_looked_for_in_names_aliases_and_groups() -> None:
    assert [term.name for term in matching(terms(), "GROUPED query")] == ["gqa"]
    assert {"rope", "alibi"} <= {term.name for term in matching(terms(), "positions")}
    assert [term.name for term in matching(terms(), "分组查询")] == ["gqa"]
    assert matching(terms(), "") == terms()


def test_who_uses_a_term_is_asked_of_the_models_themselves() -> None:
    changed = load("llama3-8b:kv_heads=32")
    found = used(terms(), (load("llama3-8b"), changed))
    assert found["gqa"] == ("llama3-8b",) and found["mha"] == (changed.name,)
    assert found["rope"] == ("llama3-8b", changed.name)
