"""A term of this field as data: what readers are told, read from texts/*.toml, a file a group.

Prose holds no computed number: what a mechanism costs is computed where it is shown (figures.py, computed/), and who
uses it is read off the components (users.py). A term is found by its name, an alias, or another spelling of one.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, cast

from llmcmp.errors import UnknownTermError
from llmcmp.frozen import frozen

TEXTS = Path(__file__).parent / "texts"
# Groups in the order of reading.
GROUPS = (
    "architecture",
    "attention",
    "positions",
    "recurrence",
    "feed-forward",
    "experts",
    "norms",
    "objectives",
    "alignment",
    "numbers",
    "serving",
    "scaling",
)


@frozen
class Source:
    """Where a mechanism was published, and where in it."""

    what: str
    url: str
    year: int


@frozen
class Example:
    """What to compute: `models` as they are and after each of the `changes`, at `contexts`, in the columns `show`.

    `against`: the column whose values are also shown as a ratio to the first row of the same model. `compute` names a
    table of computed/ instead.
    """

    models: tuple[str, ...]
    changes: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ("8k",)
    against: str | None = None
    compute: str | None = None


@frozen
class Term:
    """A mechanism and what is said of it; `see` names other terms, `commands` is what to run next."""

    name: str
    group: str
    title: str
    aliases: tuple[str, ...]
    what: tuple[str, ...]
    formula: str
    costs: str
    example: Example
    advantages: tuple[str, ...]
    limits: tuple[str, ...]
    sources: tuple[Source, ...]
    see: tuple[str, ...]
    commands: tuple[str, ...]


@cache
def terms() -> tuple[Term, ...]:
    """All terms, group by group."""
    return tuple(term for group in GROUPS for term in _read(group))


def _read(group: str) -> tuple[Term, ...]:
    tables = cast("dict[str, dict[str, Any]]", tomllib.loads((TEXTS / f"{group}.toml").read_text("utf-8")))
    return tuple(_term(name, group, table) for name, table in tables.items())


def _term(name: str, group: str, table: dict[str, Any]) -> Term:
    lists = {key: tuple(_line(text) for text in table.pop(key)) for key in ("aliases", "advantages", "limits")}
    return Term(
        name=name,
        group=group,
        title=table.pop("title"),
        what=tuple(_line(paragraph) for paragraph in table.pop("what").strip().split("\n\n")),
        formula=table.pop("formula").strip("\n").rstrip(),
        costs=_line(table.pop("costs")),
        example=Example(**_without_lists(table.pop("example"))),
        sources=tuple(Source(**source) for source in table.pop("sources")),
        see=tuple(table.pop("see")),
        commands=tuple(table.pop("commands")),
        **lists,
        **table,  # an unknown key is refused by the record
    )


def _without_lists(table: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples: a record is hashable."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _line(text: str) -> str:
    """A paragraph without the line breaks of its file."""
    return " ".join(text.split())


def normal_form(text: str) -> str:
    """Letters and digits alone, of any script: "Grouped-query attention" is "groupedqueryattention"."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


@cache
def spellings() -> dict[str, Term]:
    """Every name, title and alias in its normal form."""
    return {normal_form(text): term for term in terms() for text in names(term)}


def names(term: Term) -> tuple[str, ...]:
    """What a term answers to: its title also in parts, before the bracket and in it."""
    title, _, short = term.title.partition(" (")
    return tuple(dict.fromkeys(text for text in (term.name, term.title, title, short, *term.aliases) if text))


def find(text: str) -> Term:
    """The term that `text` names. Raises UnknownTermError with the closest names."""
    found = spellings().get(normal_form(text))
    if found is None:
        raise UnknownTermError(f"unknown term '{text[:100]}'{_suggestion(text)} list them: llmcmp explain")
    return found


def _suggestion(text: str) -> str:
    import difflib

    form, known = normal_form(text), spellings()
    # A part of a name is meant more often than a name that merely looks alike.
    close = [spelling for spelling in known if len(form) > 2 and (form in spelling)]
    close += difflib.get_close_matches(form, list(known), n=3, cutoff=0.6)
    meant = list(dict.fromkeys(known[spelling].name for spelling in close))[:3]
    return f"; did you mean {' or '.join(repr(name) for name in meant)}?" if meant else ";"
