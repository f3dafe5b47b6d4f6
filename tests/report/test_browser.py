"""The page in a real browser: it sorts, filters, turns dark, prints, fits a phone, and asks the network for nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reports import NAMES, hostile, made

import llmcmp

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome is installed")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    home = {"XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("config"))}
    with sync_playwright() as program:
        running = program.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=dict(os.environ) | home)
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("report")
    for name, text in (("report", made()[2]), ("hostile", hostile())):
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {path.stem: path.as_uri() for path in folder.iterdir()}


@pytest.fixture
def page(browser: Browser, files: dict[str, str]) -> Iterator[Page]:
    """The report; afterwards, that nothing was wrong with it and nothing asked for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    wrong: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(files["report"])
    yield opened
    opened.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [files["report"]]


def column(page: Page, label: str) -> list[str]:
    """The models of the first table from top to bottom, as sorted by a column."""
    page.locator("#overview th button", has_text=label).click()
    return page.locator("#overview tbody th").evaluate_all("cells => cells.map(cell => cell.dataset.v)")


def test_numbers_sort_by_value_largest_first_then_smallest(page: Page) -> None:
    sizes = {name: llmcmp.params(llmcmp.load(name)).total for name in NAMES if name != "gpt-4"}
    largest = sorted(sizes, key=lambda name: -sizes[name])
    assert column(page, "Parameters") == [*largest, "gpt-4"]  # 8.03 B above 60.5 M: by value, not by letters
    assert page.locator("#overview th[aria-sort=descending]").inner_text().startswith("Parameters")
    assert column(page, "Parameters") == [*largest[::-1], "gpt-4"]  # what is unknown stays last
    assert page.locator("#overview th[aria-sort=ascending]").count() == 1


def test_texts_sort_from_a_to_z_and_another_column_lets_go_of_the_first(page: Page) -> None:
    assert column(page, "Model") == sorted(NAMES)
    assert column(page, "Released")[0] == "bert-base"
    assert page.locator("#overview thead th:not([aria-sort=none])").count() == 1


def test_sorting_works_with_the_keyboard_alone(page: Page) -> None:
    page.locator("#overview th button", has_text="Context").focus()
    page.keyboard.press("Enter")
    first = page.locator("#overview tbody tr").first
    assert first.get_attribute("data-model") == "deepseek-v3"
    page.keyboard.press("Space")
    assert first.get_attribute("data-model") in ("bert-base", "t5-small")


def test_filtering_hides_rows_cards_and_chips_and_fades_lines(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("moe")
    assert page.locator("#count").inner_text() == "1 of 6"
    left = page.locator("[data-model]:visible").evaluate_all("all => [...new Set(all.map(e => e.dataset.model))]")
    assert left == ["deepseek-v3"]
    faded = page.locator("[data-series].off").evaluate_all("all => [...new Set(all.map(e => e.dataset.series))]")
    assert set(faded) == set(NAMES) - {"deepseek-v3", "gpt-4"}  # what is secret has no line
    page.locator("#filter").fill("t5, google+2018")
    assert page.locator("#count").inner_text() == "2 of 6"
    page.keyboard.press("Escape")
    assert page.locator("#count").inner_text() == ""
    assert page.locator("#overview tbody tr:visible").count() == 6


def luminance(page: Page, what: str, style: str) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    text = page.locator(what).first.evaluate(f"e => getComputedStyle(e)['{style}']")
    channels = [int(part) / 255 for part in text[text.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page: Page, what: str, ground: str) -> float:
    dark, light = sorted((luminance(page, what, "color"), luminance(page, ground, "backgroundColor")))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_decides_on_light_or_dark_and_the_button_decides_otherwise(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType] - one of the two
    bright = luminance(page, "body", "backgroundColor") > 0.5
    assert bright == (scheme == "light")
    for text, ground in (
        ("h1", "body"),
        (".lead", "body"),
        ("#overview td", "#overview .scroll"),
        ("nav a", "header"),
        ("summary", "figure"),
        ("dt", "article"),
        (".sources a", "article"),
    ):
        assert contrast(page, text, ground) >= 4.5, text
    ink = page.locator("figure svg text").first.evaluate("e => getComputedStyle(e).fill")
    page.locator("#theme").click()
    assert (luminance(page, "body", "backgroundColor") > 0.5) != bright
    assert page.locator("figure svg text").first.evaluate("e => getComputedStyle(e).fill") != ink
    assert page.locator("#theme").get_attribute("aria-pressed") == str(bright).lower()


def test_on_paper_it_is_light_whole_and_without_controls(page: Page) -> None:
    page.locator("#theme").click()
    page.set_viewport_size({"width": 1032, "height": 700})  # A4 landscape between its margins
    page.emulate_media(media="print")
    assert luminance(page, "body", "backgroundColor") > 0.9
    assert not page.locator("header").is_visible() and not page.locator("#theme").is_visible()
    wide = "all => all.filter(e => e.getBoundingClientRect().right > 1033 && e.offsetParent !== null).length"
    assert page.locator("table, td, svg, dl, pre").evaluate_all(wide) == 0
    folded = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded > 0 and page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_the_page_never_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for details in page.locator("details").all()[:3]:
        details.evaluate("e => e.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_links_of_the_navigation_lead_to_sections(page: Page) -> None:
    for number in range(page.locator("nav a").count()):
        target = page.locator("nav a").nth(number).get_attribute("href")
        assert target is not None and page.locator(target).count() == 1
    page.locator("nav a", has_text="Roofline").click()
    assert page.evaluate("location.hash") == "#roofline"


def test_a_hostile_preset_runs_nothing(browser: Browser, files: dict[str, str]) -> None:
    opened = browser.new_page()
    alarms: list[str] = []
    opened.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    opened.on("console", lambda message: alarms.append(message.text))
    opened.on("pageerror", lambda error: alarms.append(str(error)))
    opened.goto(files["hostile"])
    opened.locator("#filter").fill("alert")
    opened.locator("#overview th button").first.click()
    assert opened.locator("#overview tbody tr:visible").count() == 1
    assert opened.locator("#overview tbody th").inner_text().startswith("$x$ $\\frac{ </script>")
    assert alarms == []
    opened.close()
