"""Explanations as files: Markdown, HTML and JSON hold all of one, other formats its table; and the list of terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.exports import content, html_page
from llmcmp.learn.explanation import users
from llmcmp.learn.term import terms
from llmcmp.tables.table import Column, Table
from llmcmp.tables.text import html_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmcmp.learn.explanation import Explanation
    from llmcmp.tables.table import Row


def contents(explanation: Explanation, path: Path) -> bytes:
    """An explanation in the format of a file's suffix."""
    match path.suffix.lower():
        case ".md":
            return explanation.markdown().encode()
        case ".html":
            return html_text(explanation).encode()
        case ".json":
            return explanation_json(explanation).encode()
        case _:
            return content(explanation.table, path)


def explanation_json(explanation: Explanation) -> str:
    """One document: what `--json` prints."""
    import json

    return json.dumps(explanation.document(), indent=2, ensure_ascii=False) + "\n"


def html_text(explanation: Explanation) -> str:
    """A page that holds the explanation."""
    return html_page(explanation.term.title, "\n".join(_html(explanation)) + "\n")


def _html(shown: Explanation) -> Iterator[str]:
    from html import escape

    term = shown.term
    for paragraph in term.what:
        yield f"<p>{escape(paragraph)}</p>"
    yield f"<h2>Formula</h2>\n<pre>{escape(term.formula)}</pre>"
    yield f"<h2>What it costs and saves</h2>\n<p>{escape(term.costs)}</p>\n{html_table(shown.table)}"
    for note in shown.table.notes:
        yield f"<p>{escape(note)}</p>"
    yield f"<h2>Presets that use it</h2>\n<p>{escape(shown.used_by())}</p>"
    for title, points in (("Advantages", term.advantages), ("Limits", term.limits)):
        yield f"<h2>{title}</h2>\n<ul>{''.join(f'<li>{escape(point)}</li>' for point in points)}</ul>"
    links = "".join(f'<li><a href="{s.url}">{escape(s.what)}</a>, {s.year}</li>' for s in term.sources)
    yield f"<h2>Sources</h2>\n<ul>{links}</ul>"
    yield f"<p>See also: {escape(', '.join(term.see))}.</p>"
    commands = "\n".join(term.commands)
    yield f"<p>Try:</p>\n<pre>{escape(commands)}</pre>"


COLUMNS = (
    Column(key="group", label="Group"),
    Column(key="term", label="Term"),
    Column(key="title", label="What it is"),
    Column(key="presets", label="Presets", unit="number"),
)


def terms_table() -> Table:
    """All terms by group, with the number of presets that use each."""
    return Table(
        command="explain",
        columns=COLUMNS,
        rows=tuple(_term_rows()),
        settings={},
        title="llmcmp explain TERM",
    )


def _term_rows() -> Iterator[Row]:
    last = ""
    for term in terms():
        members = users(term.name)
        count = None if members is None else sum(len(names) for names in members.values())
        row: Row = {"group": term.group, "term": term.name, "title": term.title, "presets": count}
        yield row if term.group != last else row | {"group_shown": ""}
        last = term.group
