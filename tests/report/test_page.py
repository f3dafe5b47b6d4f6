"""The page: complete, of one piece, and unmoved by whatever stands in a preset. The browser's part is test_browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from reports import ASKED, HOSTILE, NAMES, hostile, made, whole

import llmcmp
from llmcmp.errors import QuantityError
from llmcmp.frozen import replace
from llmcmp.report.about import command
from llmcmp.report.contents import report
from llmcmp.report.figures import draw
from llmcmp.report.html import Markup, join, link, tag
from llmcmp.report.page import page
from llmcmp.report.tables import table_element, wide
from llmcmp.sources.presets import load_all
from llmcmp.tables.caches import kvcache_table


class Reader(HTMLParser):
    """Tags with their attributes, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


PAGE = Reader(made()[2])


def test_every_element_is_closed_where_it_should_be() -> None:
    assert PAGE.open == []


def test_nothing_is_fetched() -> None:
    for _, attributes in PAGE.tags:
        for name, value in attributes.items():
            if name in ("src", "srcset", "data", "action", "poster", "background"):
                pytest.fail(f"{name}={value}")
            if name in ("href", "xlink:href") and value is not None:
                assert value.startswith(("#", "https://", "http://", "data:,"))
    assert [each["href"] for each in PAGE.named("link")] == ["data:,"]
    assert not re.search(r"@import|url\((?!#)", made()[2])


def test_the_policy_allows_the_pages_own_script_and_nothing_else() -> None:
    policy = next(each["content"] for each in PAGE.named("meta") if "http-equiv" in each)
    (script,) = re.findall(r"<script>(.*?)</script>", made()[2], re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"


def test_ids_are_unique_and_references_lead_somewhere() -> None:
    ids = Counter(attributes["id"] for _, attributes in PAGE.tags if attributes.get("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    for _, attributes in PAGE.tags:
        for name in ("href", "xlink:href"):
            target = attributes.get(name)
            if target and target.startswith("#"):
                assert target[1:] in ids
    assert set(re.findall(r"url\(#([^)]*)\)", made()[2])) <= set(ids)


def test_every_model_has_its_rows_its_card_its_sources_and_its_drawing() -> None:
    cards = [each["data-model"] for each in PAGE.named("article")]
    assert cards == NAMES
    rows = Counter(each["data-model"] for each in PAGE.named("tr") if "data-model" in each)
    assert all(rows[name] >= 5 for name in NAMES)
    links = {each["href"] for each in PAGE.named("a")}
    assert all(source.url in links for name in NAMES for source in llmcmp.load(name).card.sources)
    labels = [each.get("aria-label") or "" for each in PAGE.named("svg")]
    for name in NAMES:
        assert any(label.startswith(f"Architecture of {name}") for label in labels) == llmcmp.load(name).disclosed


def test_the_numbers_are_those_of_the_api() -> None:
    text = made()[2]
    assert f'data-v="{llmcmp.params(llmcmp.load("deepseek-v3")).total}"' in text
    assert f'data-v="{llmcmp.kvcache(llmcmp.load("llama3-8b"), 131072).bytes}"' in text


def test_tables_can_be_read_aloud_and_sorted_by_key() -> None:
    headings = PAGE.named("th")
    assert all(each.get("scope") in ("col", "row", "colgroup") for each in headings)
    sortable = [each for each in headings if each["scope"] == "col"]
    assert all(each["aria-sort"] == "none" and each["data-kind"] in ("number", "text") for each in sortable)
    assert len([each for each in PAGE.named("button") if each.get("class") == "sort"]) == len(sortable)
    assert len(PAGE.named("caption")) == len(PAGE.named("table"))
    assert all(each["aria-label"] and each["role"] == "img" for each in PAGE.named("svg"))
    assert PAGE.named("html") == [{"lang": "en"}]


def test_version_settings_and_command_stand_in_the_page() -> None:
    said = " ".join(PAGE.texts)
    assert f"llmcmp {llmcmp.__version__}" in said
    assert "4k tokens · batch 1 · weights bf16 · cache bf16 · NVIDIA H100 SXM, bf16" in said
    assert f"llmcmp report {' '.join(NAMES)} -o report.html" in said


def test_the_command_repeats_what_was_asked() -> None:
    contents = report(
        load_all(["t5-small"]), replace(ASKED, context=300, source=700, batch=3, weights="int4", compute="fp8")
    )
    asked = "--ctx 300 --source 700 --batch 3 --weights int4 --compute fp8"
    assert command(contents) == f"llmcmp report t5-small {asked} -o report.html"


def test_the_same_models_give_the_same_page() -> None:
    contents, _, first = made()
    same = page(contents, draw(contents)) == first
    assert same


def test_no_text_of_a_preset_becomes_html() -> None:
    found = Reader(hostile())
    assert len(found.named("script")) == 1 and not found.named("img") and not found.named("b")
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert [each["href"] for each in found.named("a") if "javascript" in str(each["href"])] == []
    assert found.open == []
    assert found.texts.count(HOSTILE) >= 5  # as text it is all there
    assert HOSTILE in {each.get("data-series") for each in found.named("g")}


def test_a_report_of_a_secret_model_says_so_and_draws_nothing() -> None:
    text = whole(load_all(["gpt-4"]))[2]
    assert "keeps the architecture secret" in text and "<svg" not in text


def test_a_setting_that_no_model_uses_is_refused() -> None:
    with pytest.raises(QuantityError, match="leave --source out"):
        whole(load_all(["llama3-8b"]), source=7)


def test_a_table_across_contexts_becomes_a_column_a_context() -> None:
    flat = wide(kvcache_table(load_all(["llama3-8b", "mamba2-130m"]), [512, 4096]))
    assert [column.label for column in flat.columns][-2:] == ["512", "4k"]
    llama = llmcmp.load("llama3-8b")
    assert [flat.rows[0][f"kv_bytes_at_{ctx}"] for ctx in (512, 4096)] == [
        llmcmp.kvcache(llama, ctx).bytes for ctx in (512, 4096)
    ]


def test_unknown_cells_carry_no_value_to_sort_by() -> None:
    cells = re.findall(r"<td[^>]*>undisclosed</td>", table_element(llmcmp.compare(["gpt-4", "gpt2"]), "x").html)
    assert cells and not any("data-v" in cell for cell in cells)


def test_elements_escape_texts_and_attributes() -> None:
    assert tag("p", "<&>\"'", title='"><').html == '<p title="&quot;&gt;&lt;">&lt;&amp;&gt;&quot;&#x27;</p>'
    assert tag("input", disabled=True, hidden=False, value=None).html == "<input disabled>"
    assert join(["<", tag("i", "x")], ", ").html == "&lt;, <i>x</i>"
    assert link("javascript:x", "y") == Markup(html="y (javascript:x)")
