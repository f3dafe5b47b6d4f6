"""What the left pane lists: presets by family, as `llmcmp list` knows them, and which of them a search leaves.

Names come from the files' names alone, so the first paint waits for nothing; what `llmcmp list` says of each model
follows from a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp.frozen import field_defaults, frozen
from llmcmp.sources.names import preset_files
from llmcmp.sources.user import paths as user_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llmcmp.model import Model
    from llmcmp.tables.table import Row

OPENED = "opened here"  # the group of models that are no presets: files, overrides, edits
OWN = "yours"  # the group of the user's own presets


@frozen
class Filter:
    """What `llmcmp list` filters by; sizes in parameters."""

    architecture: str | None = None
    mixture: bool | None = None
    attention: str | None = None
    task: str | None = None
    language: str | None = None
    smallest: int | None = None
    largest: int | None = None

    def asked(self) -> dict[str, Any]:
        """The filters that are set."""
        return {name: getattr(self, name) for name in field_defaults(Filter) if getattr(self, name) is not None}


def presets() -> tuple[tuple[str, str], ...]:
    """(name, family) of every preset, the user's own first, then family by family. Raises PresetError."""
    own = user_paths()
    known = ((name, OWN if name in own else path.parent.name) for name, path in preset_files().items())
    return tuple(sorted(known, key=lambda entry: entry[1] != OWN))


@frozen
class Choices:
    """What the filters can be set to."""

    architectures: tuple[str, ...]
    attention: tuple[str, ...]
    tasks: tuple[str, ...]
    languages: tuple[str, ...]


def choices() -> Choices:
    """What presets can be filtered by. Raises PresetError."""
    from llmcmp.card import Architecture, Task
    from llmcmp.tables.listing import attention_words

    rows = facts(Filter()).values()
    languages = {code for row in rows for code in row["languages"].split(", ") if code}
    return Choices(
        architectures=get_args(Architecture),
        attention=attention_words(),
        tasks=get_args(Task),
        languages=tuple(sorted(languages)),
    )


def facts(filters: Filter) -> dict[str, Row]:
    """The rows of `llmcmp list` under these filters, by name."""
    from llmcmp.tables.listing import list_table

    return {row["model"]: row for row in list_table(**filters.asked()).rows}


def told(models: Iterable[Model]) -> dict[str, Row]:
    """What `llmcmp list` would say of models that are no presets."""
    from llmcmp.tables.listing import list_row

    return {model.name: list_row(model) for model in models}


def in_order(entries: Iterable[tuple[str, str]], facts: Mapping[str, Row]) -> tuple[tuple[str, str], ...]:
    """The entries group by group as before, in each of them as `llmcmp list` has them; what it does not know last."""
    if not facts:
        return tuple(entries)
    from llmcmp.tables.listing import order

    listed, groups = list(entries), dict[str, int]()
    place = {name: number for number, name in enumerate(sorted(facts, key=lambda name: order(facts[name])))}
    for _, family in listed:
        groups.setdefault(family, len(groups))
    return tuple(sorted(listed, key=lambda entry: (groups[entry[1]], place.get(entry[0], len(place)))))


def found(entries: Iterable[tuple[str, str]], text: str) -> Iterator[tuple[str, str]]:
    """The entries whose name or family holds every word of a search.

    >>> list(found([("llama3-8b", "llama"), ("qwen3-8b", "qwen")], "8b lla"))
    [('llama3-8b', 'llama')]
    """
    words = text.lower().split()
    return (entry for entry in entries if all(word in f"{entry[0]} {entry[1]}".lower() for word in words))
