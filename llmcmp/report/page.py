"""A report as one HTML page that works offline: style, script and figures are part of it, and nothing is fetched.

The page's own policy forbids whatever could be: no request, and no script but the one whose hash it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import llmcmp
from llmcmp.report.about import about, settings_line
from llmcmp.report.cards import anchor, card
from llmcmp.report.html import Markup, tag, trusted
from llmcmp.report.svg import inline
from llmcmp.report.tables import table_element
from llmcmp.tables import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmcmp.model import Model
    from llmcmp.report.contents import Part, Report, Section
    from llmcmp.report.figures import Drawn, Figures


def page(report: Report, figures: Figures, done: Callable[[], None] = lambda: None) -> str:
    """The page; `done` is told of each figure that became part of it."""
    script = _static("report.js")
    cards: list[Markup] = []
    for number, model in enumerate(report.models):
        cards.append(card(model, number, figures.blocks.get(model.name)))
        done()
    body = tag(
        "body",
        tag("a", "Skip to the report", href="#main", class_="skip"),
        _header(report),
        tag(
            "main",
            _opening(report),
            *(_section(section, figures.parts) for section in report.sections),
            tag("section", tag("h2", "Models"), *cards, id="models"),
            about(report),
            id="main",
        ),
        tag("script", trusted(script)),
    )
    head = _head(f"{_title(report)} · llmcmp", script)
    return f"<!doctype html>\n{tag('html', head, body, lang='en').html}\n"


def _head(title: str, script: str) -> Markup:
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="generator", content=f"llmcmp {llmcmp.__version__}"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", trusted(_static("report.css"))),
    )


def _static(name: str) -> str:
    from importlib.resources import files

    return (files("llmcmp.report") / "static" / name).read_text("utf-8")


def _title(report: Report) -> str:
    count = len(report.models)
    return report.models[0].name if count == 1 else f"{count} models compared"


def _header(report: Report) -> Markup:
    places = [(section.name, section.title) for section in report.sections]
    links = (tag("a", title, href=f"#{name}") for name, title in (*places, ("models", "Models"), ("about", "About")))
    find = tag(
        "input",
        type="search",
        id="filter",
        placeholder="Filter models (press /)",
        aria_label="Show only models that match: words apart mean either, joined by + mean both",
        autocomplete="off",
        spellcheck="false",
    )
    count = tag("output", "", id="count", for_="filter")
    theme = tag("button", "◐", type="button", id="theme", title="Light or dark", aria_label="Switch light and dark")
    return tag(
        "header",
        tag("a", "llmcmp", href="#main", class_="brand"),
        tag("nav", *links, aria_label="Sections"),
        tag("div", find, count, theme, class_="controls"),
    )


def _opening(report: Report) -> Markup:
    chips = (
        tag("a", model.name, href=f"#{anchor(number)}", data_model=model.name, data_find=_words(model))
        for number, model in enumerate(report.models)
    )
    return tag(
        "section",
        tag("h1", _title(report)),
        tag("p", settings_line(report.asked), class_="lead"),
        tag("p", *chips, class_="chips"),
        class_="opening",
    )


def _words(model: Model) -> str:
    """What the filter finds a model by."""
    card = model.card
    mixer = describe.attention(model) if model.disclosed else "undisclosed"
    said = (model.name, card.family, card.organization, card.released, describe.architecture_class(model), mixer)
    return " ".join(said).lower()


def _section(section: Section, figures: Mapping[str, Drawn]) -> Markup:
    drawn = [part for part in section.parts if part.name in figures]
    shown = [part for part in section.parts if part.name not in figures]
    return tag(
        "section",
        tag("h2", section.title),
        tag("p", section.lead, class_="lead"),
        tag("div", *(_drawn(part, figures[part.name]) for part in drawn), class_="figures") if drawn else "",
        *(_part(part, section) for part in shown),
        id=section.name,
    )


def _drawn(part: Part, drawn: Drawn) -> Markup:
    """A figure and, folded away, its numbers."""
    alt = f"{part.title}. {part.said} The numbers are in the table below the figure."
    numbers = tag("details", tag("summary", "Numbers"), table_element(part.table, part.title))
    return tag(
        "figure",
        tag(
            "div",
            inline(drawn.svg, part.name, alt),
            class_="drawing",
            tabindex="0",
            role="group",
            aria_label=part.title,
        ),
        tag("figcaption", numbers),
        id=f"figure-{part.name}",
    )


def _part(part: Part, section: Section) -> Markup:
    if not part.table.rows:
        return tag("p", f"{part.title}: nothing to show. {' '.join(part.table.notes)}", class_="note")
    heading = tag("h3", part.title) if part.title != section.title else ""
    return tag("div", heading, table_element(part.table, part.title), class_="part")
