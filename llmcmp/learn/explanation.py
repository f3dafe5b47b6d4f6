"""An explanation: a term, what it costs on real models, and which presets use it, put together when it is asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ModelError
from llmcmp.frozen import field_names, frozen
from llmcmp.learn.example import table_of
from llmcmp.learn.term import Term, find
from llmcmp.learn.users import APPLIES, USERS
from llmcmp.sources.presets import every_model
from llmcmp.tables.text import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Model
    from llmcmp.tables.table import Table


@frozen(eq=False)
class Explanation:
    """`users`: the presets that use it by family, None for what no architecture shows. `of`: presets looked at."""

    term: Term
    table: Table
    users: dict[str, tuple[str, ...]] | None
    of: int

    def markdown(self) -> str:
        """The whole explanation as a Markdown document."""
        return "\n\n".join(_markdown(self)) + "\n"

    def document(self) -> dict[str, Any]:
        """What `--json` prints: the document of its table, the term's own words, and the presets that use it."""
        return self.table.document() | {"term": plain(self.term), "users": self.users}

    def used_by(self) -> str:
        """Who uses it, in a line: whole families as family/*."""
        if self.users is None:
            return "An architecture does not show it: any model may be trained, stored or served so."
        count = sum(len(names) for names in self.users.values())
        if not count:
            return f"None of the {self.of} presets with a public architecture."
        shown = "; ".join(_members(family, names) for family, names in self.users.items())
        return f"{count} of {self.of} presets: {shown}."


def explain(name: str, model: Model | None = None) -> Explanation:
    """The explanation of the term that `name` means, computed on its own models or on `model`.

    Raises UnknownTermError for a term that is not known, ModelError where `model` does not use it.

    >>> explain("grouped-query attention").term.name
    'gqa'
    """
    term = find(name)
    _check_applies(term, model)
    members = users(term.name)
    return Explanation(
        term=term,
        table=table_of(term, () if model is None else (model,)),
        users=members,
        of=sum(family_sizes().values()),
    )


def _check_applies(term: Term, model: Model | None) -> None:
    if model is None:
        return
    model.disclosed_towers()
    applies = APPLIES.get(term.name) or USERS.get(term.name)
    if applies is not None and not applies(model):
        own = ", ".join(term.example.models)
        raise ModelError(f"{model.name} does not use {term.title}; without --model it is computed on {own}")


@cache
def users(name: str) -> dict[str, tuple[str, ...]] | None:
    """The presets that use a term, by family; None where no architecture shows it."""
    predicate = USERS.get(name)
    if predicate is None:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for model in _disclosed():
        if predicate(model):
            found[model.card.family] = (*found.get(model.card.family, ()), model.name)
    return found


def _members(family: str, names: tuple[str, ...]) -> str:
    """Some presets of a family in the fewest words: all of it, all but a few, or each by name."""
    others = [model.name for model in _disclosed() if model.card.family == family and model.name not in names]
    if not others:
        return f"{family}/*"
    return f"{family}/* but {', '.join(others)}" if len(others) < len(names) else ", ".join(names)


@cache
def _disclosed() -> tuple[Model, ...]:
    return tuple(model for model in every_model() if model.disclosed)


@cache
def family_sizes() -> dict[str, int]:
    """How many presets of each family have a public architecture."""
    families = [model.card.family for model in _disclosed()]
    return {family: families.count(family) for family in families}


def plain(record: Any) -> Any:
    """A record as JSON holds it."""
    if isinstance(record, tuple):
        return [plain(part) for part in cast("tuple[Any, ...]", record)]
    names = field_names(cast("type[Any]", type(record)))
    return {name: plain(getattr(record, name)) for name in names} if names else record


def _markdown(shown: Explanation) -> Iterator[str]:
    term = shown.term
    yield f"# {term.title}"
    yield from term.what
    yield f"## Formula\n\n```\n{term.formula}\n```"
    yield f"## What it costs and saves\n\n{term.costs}"
    yield markdown_table(shown.table).strip()
    yield f"## Presets that use it\n\n{_literal(shown.used_by())}"
    yield "## Advantages\n\n" + "\n".join(f"- {line}" for line in term.advantages)
    yield "## Limits\n\n" + "\n".join(f"- {line}" for line in term.limits)
    yield "## Sources\n\n" + "\n".join(f"- [{source.what}]({source.url}), {source.year}" for source in term.sources)
    if term.see:
        yield f"See also: {', '.join(term.see)}."
    if term.commands:
        yield "Try:\n\n```\n" + "\n".join(term.commands) + "\n```"


def _literal(text: str) -> str:
    """A text whose stars are stars in Markdown too: family/* is no emphasis."""
    return text.replace("*", "\\*")
