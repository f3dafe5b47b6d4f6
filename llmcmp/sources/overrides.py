"""What-if changes to a preset, as typed after a model's name: `kv_heads=32,layers=40`.

A key is looked for in every table whose schema knows it. Where several do, the one that already states it is meant;
where that is not one either, the change is refused and the dotted names (`attention.local.window`) are listed.
"""

from __future__ import annotations

import copy
import tomllib
from typing import TYPE_CHECKING, Any, cast

from llmcmp.card import Card
from llmcmp.components.cross import CrossAttention
from llmcmp.components.experts import Router
from llmcmp.components.positions import Scaling
from llmcmp.errors import PresetError
from llmcmp.frozen import frozen
from llmcmp.sources.binding import Place, Table, closest, field_types
from llmcmp.sources.build import (
    ATTENTIONS,
    EMBEDDINGS,
    FEED_FORWARDS,
    GIVEN,
    HEADS,
    MIXERS,
    POSITIONS,
    variants,
)
from llmcmp.sources.schema import ArrangementTable, NormTable, StackTable
from llmcmp.units import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

_CARD_KEYS = ("context", "position_limit")
_LENGTHS = ("context", "position_limit", "window", "memory", "original", "rows")


@frozen
class Spot:
    """A table of a preset, its dotted name, the record that it makes, and the keys of it that may be changed."""

    path: str
    table: Table
    record: type[Any]
    keys: tuple[str, ...]


def override(document: Table, changes: str, file: str) -> tuple[Table, tuple[str, ...]]:
    """The document with the changes applied, and the changes as a tuple.

    The result is no longer the published model: its name says so, and published totals are dropped.
    Raises PresetError for a change that cannot be read, placed, or that several tables could mean.
    """
    changed = copy.deepcopy(document)
    place = Place(file=file)
    applied = tuple(change.strip() for change in _split(changes))
    given: set[tuple[str, str]] = set()
    for change in applied:
        key, _, text = (part.strip() for part in change.partition("="))
        spot, name = find(changed, key, place)
        if not text or (spot.path, name) in given:
            raise place.error(f"an override is written once, as key=value; not '{change}'")
        given.add((spot.path, name))
        spot.table[name] = _value(name, text)
    changed["name"] = f"{document.get('name')}:{','.join(applied)}"
    changed.pop("published", None)
    return changed, applied


def _split(changes: str) -> list[str]:
    """Changes between commas, lists and tables in brackets kept whole."""
    parts: list[str] = []
    depth = 0
    for piece in changes.split(","):
        if depth:
            parts[-1] += "," + piece
        else:
            parts.append(piece)
        depth += sum(piece.count(sign) for sign in "[{") - sum(piece.count(sign) for sign in "]}")
    return parts


def _value(name: str, text: str) -> object:
    """A TOML value; lengths in tokens may end in k or M."""
    if name in _LENGTHS and text[-1:] in "kKmM":
        return tokens(text)
    try:
        read = cast("dict[str, object]", tomllib.loads(f"value = {text}"))
    except ValueError:
        return text
    return read["value"] if len(read) == 1 else text


def find(document: Table, key: str, place: Place) -> tuple[Spot, str]:
    """The table that a key stands in, and its name there."""
    table, _, name = key.rpartition(".")
    known_by = [spot for spot in spots(document, place) if name in spot.keys and (not table or spot.path == table)]
    if not known_by:
        known = sorted({known for spot in spots(document, place) for known in spot.keys})
        raise place.error(f"nothing to override is called '{key}'{closest(name, known)}")
    stated = [spot for spot in known_by if name in spot.table]
    chosen = stated or known_by
    if len(chosen) > 1:
        names = ", ".join(f"{spot.path}.{name}" for spot in chosen)
        raise place.error(f"'{key}' could mean {names}; write one of these, or change the preset's file")
    return chosen[0], name


def spots(document: Table, place: Place) -> Iterator[Spot]:
    """Every table of a preset that has something to change."""
    if document.get("undisclosed"):
        raise PresetError(f"{place.file}: an undisclosed model has nothing to override")
    yield Spot(path="", table=document, record=Card, keys=_CARD_KEYS)
    for section, classes in (
        ("embedding", EMBEDDINGS),
        ("position", POSITIONS),
        ("norm", (NormTable,)),
        ("block", (ArrangementTable,)),
        ("attention", ATTENTIONS),
        ("mixer", MIXERS),
        ("cross_attention", (CrossAttention,)),
        ("feed_forward", FEED_FORWARDS),
        ("head", HEADS),
    ):
        if section in document:
            for name, table in variants(section, document[section], place).items():
                yield from _nested(f"{section}.{name}" if name else section, table, classes)
    stacks = cast("list[Table]", document.get("stack", []))
    for number, table in enumerate(stacks):
        path = "stack" if len(stacks) == 1 else f"stack.{number}"
        yield Spot(path=path, table=table, record=StackTable, keys=("layers",))


def _nested(path: str, table: Table, classes: tuple[type, ...]) -> Iterator[Spot]:
    """A table and those within it: an expert, the shared expert, the router, a scaling."""
    by_kind = {getattr(cls, "kind", None): cls for cls in classes}
    cls = by_kind.get(table.get("kind"), classes[0])
    inner = {"expert": FEED_FORWARDS, "shared": FEED_FORWARDS, "router": (Router,), "scaling": (Scaling,)}
    given = GIVEN if cls not in (*EMBEDDINGS, NormTable) else frozenset[str]()
    keys = tuple(key for key in field_types(cls) if key not in given and key not in inner)
    yield Spot(path=path, table=table, record=cls, keys=keys)
    for name, nested in table.items():
        if isinstance(nested, dict) and name in inner:
            yield from _nested(f"{path}.{name}", cast("Table", nested), inner[name])
