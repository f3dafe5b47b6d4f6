"""The models of a report one by one: the drawn block, what the card says, notes and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.report.html import Markup, join, link, tag
from llmcmp.report.svg import inline
from llmcmp.tables import describe
from llmcmp.tables.diagram import diagram
from llmcmp.tables.show import show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.card import Source
    from llmcmp.model import Model
    from llmcmp.report.figures import Drawn

WIDE = 8.5  # inches of a drawing above which it takes the whole width of its card
# What stands in a card's heading, in lists of its own, or in no page.
_APART = {"model", "organization", "released", "class", "changed", "notes", "sources"}


def card(model: Model, number: int, block: Drawn | None) -> Markup:
    """One model."""
    about = f"{model.card.organization} · {model.card.released} · {describe.architecture_class(model)}"
    return tag(
        "article",
        tag("h3", model.name),
        tag("p", about, class_="about"),
        tag("p", model.card.changed),
        tag(
            "div",
            _drawing(model, number, block),
            tag("div", _facts(model), _notes(model), _sources(model.card.sources)),
            class_="two wide" if block is not None and block.figure.get_figwidth() > WIDE else "two",
        ),
        id=anchor(number),
        data_model=model.name,
    )


def anchor(number: int) -> str:
    """The id of the n-th model's card; a name may hold anything."""
    return f"model-{number}"


def _drawing(model: Model, number: int, block: Drawn | None) -> Markup:
    """The drawn architecture on a sheet that stays white, with the same in text for those who cannot see it."""
    if block is None:
        return tag("p", "Its vendor keeps the architecture secret, so there is nothing to draw or to count.")
    alt = f"Architecture of {model.name}, drawn; the same in text below."
    text = tag("pre", "\n".join(diagram(model)), tabindex="0", aria_label=f"Blocks of {model.name} in text")
    return tag(
        "div",
        tag(
            "div",
            inline(block.svg, anchor(number), alt, follows=False),
            class_="sheet",
            tabindex="0",
            role="group",
            aria_label=f"Architecture of {model.name}",
        ),
        tag("details", tag("summary", "In text"), text),
    )


def _facts(model: Model) -> Markup:
    table = show_table(model)
    row = table.rows[0]
    said = [
        column
        for column in table.columns
        if column.key not in _APART and (row.get(column.key) is not None or f"{column.key}_shown" in row)
    ]
    return tag("dl", *(tag("div", tag("dt", column.label), tag("dd", column.show(row))) for column in said))


def _notes(model: Model) -> Markup:
    notes = list(model.card.notes)
    notes += [f"Overridden: {override}." for override in model.card.overrides]
    if not notes:
        return Markup(html="")
    return join([tag("h4", "Notes"), tag("ul", *(tag("li", note) for note in notes))])


def _sources(sources: Sequence[Source]) -> Markup:
    lines = (tag("li", link(source.url, source.what), f", {source.date}") for source in sources)
    return join([tag("h4", "Sources"), tag("ul", *lines, class_="sources")])
