"""Lines of descent: which families of presets are one history (presets/lineages.toml); any other family is its own."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, TypedDict, cast

from llmcmp.errors import UnknownModelError
from llmcmp.frozen import frozen
from llmcmp.sources.names import family, normal_form, presets_directory
from llmcmp.sources.presets import every_model

if TYPE_CHECKING:
    from llmcmp.model import Model


class _Entry(TypedDict):
    title: str
    families: list[str]


@frozen
class Lineage:
    """A history: what people call it, and the families that it spans."""

    title: str
    families: tuple[str, ...]

    def models(self) -> tuple[Model, ...]:
        """Its presets, each as it came out."""
        members = (model for model in every_model() if model.card.family in self.families)
        return tuple(sorted(members, key=lambda model: model.card.released))


@cache
def _entries() -> dict[str, _Entry]:
    return cast("dict[str, _Entry]", tomllib.loads((presets_directory() / "lineages.toml").read_text("utf-8")))


def lineage(name: str) -> Lineage:
    """The lineage of that name, else the family of that name. Raises UnknownModelError with close names.

    >>> lineage("BERT").families
    ('bert', 'roberta', 'albert')
    """
    form = normal_form(name)
    for known, entry in _entries().items():
        if normal_form(known) == form:
            return Lineage(title=entry["title"], families=tuple(entry["families"]))
    families = dict.fromkeys(model.card.family for model in every_model())
    found = next((each for each in families if normal_form(each) == form), None)
    if found is None:
        family(name)  # knows the names that come close
        raise UnknownModelError(f"no preset belongs to the family '{name}'; list them: llmcmp list")
    return Lineage(title=found, families=(found,))
