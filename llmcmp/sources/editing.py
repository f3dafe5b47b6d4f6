"""A model's fields to edit, and the model that an edit makes: what overrides can change, field by field.

Which fields there are, of which type, and whether a value will do is known to overrides.py and the schema alone.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from llmcmp.errors import PresetError
from llmcmp.frozen import field_defaults, frozen
from llmcmp.sources.binding import Place, Table, field_types
from llmcmp.sources.build import build
from llmcmp.sources.names import preset_paths
from llmcmp.sources.overrides import find, override, spots
from llmcmp.sources.toml import value_text
from llmcmp.sources.write import document, original_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmcmp.model import Model
    from llmcmp.sources.overrides import Spot

# What people ask about comes first; "" is the card.
SECTIONS = [*"attention mixer cross_attention feed_forward stack embedding position norm block head".split(), ""]


@frozen
class Field:
    """One thing that can be changed. `key` is what an override calls it; `name` the key in its table `section`.

    `value` is what holds now, as one would type it; empty where nothing is stated and nothing holds. `choices` are all
    values that a field of few can have.
    """

    key: str
    section: str
    name: str
    value: str
    choices: tuple[str, ...] = ()
    stated: bool = False


def fields(model: Model) -> tuple[Field, ...]:
    """Everything that can be changed in a model, table by table, in each what its preset states first.

    Raises PresetError where nothing can, ModelError for a model that no preset can say.
    """
    name, tables, _ = _origin(model)
    place = Place(file=name)
    ordered = sorted(spots(tables, place), key=lambda spot: SECTIONS.index(spot.path.partition(".")[0]))
    return tuple(
        _field(spot, key, tables, place)
        for spot in ordered
        for key in sorted(spot.keys, key=lambda key: key not in spot.table)
    )


def edited(model: Model, changes: Mapping[str, str]) -> Model:
    """The model with some fields changed, under a name that says so. Raises PresetError for a value that will not do.

    An edit of an edited model is one edit of the original: its name lists every change once.
    """
    if not changes:
        return model
    name, tables, before = _origin(model)
    for key, text in changes.items():
        if not text.strip():
            raise PresetError(f"{name}: {key} cannot be taken away; what a preset states may only be changed")
    changed, applied = override(tables, _joined(changes), name)
    if len(applied) != len(changes):
        raise PresetError(f"{name}: a value is a number, a word or a list in brackets; not '{_joined(changes)}'")
    together = {**before, **changes}
    changed["name"] = f"{name}:{_joined(together)}"
    return build(changed, name, tuple(f"{key}={text}" for key, text in together.items()))


def _joined(changes: Mapping[str, str]) -> str:
    return ",".join(f"{key}={text}" for key, text in changes.items())


def _origin(model: Model) -> tuple[str, Table, dict[str, str]]:
    """The name before any change, the tables as they are now, and what was changed by the keys of fields."""
    name = original_name(model)
    tables = _preset(name, model) or document(model) | {"name": name}
    place = Place(file=name)
    changed: dict[str, str] = {}
    for each in model.card.overrides:
        key, _, text = (part.strip() for part in each.partition("="))
        changed[_key(*find(tables, key, place), tables, place)] = text
    return name, tables, changed


def _preset(name: str, model: Model) -> Table | None:
    """The tables of the preset of that name, changed as the model is, if they do make the model."""
    path = preset_paths().get(name)
    if path is None:
        return None
    tables = cast("Table", tomllib.loads(Path(path).read_text("utf-8")))
    overrides = model.card.overrides
    if overrides:
        tables, _ = override(tables, ",".join(overrides), name)
    return tables if build(tables, name, overrides) == model else None


def _field(spot: Spot, key: str, tables: Table, place: Place) -> Field:
    held = spot.table[key] if key in spot.table else field_defaults(spot.record).get(key)
    held = list(cast("tuple[object, ...]", held)) if isinstance(held, tuple) else held
    return Field(
        key=_key(spot, key, tables, place),
        section=spot.path,
        name=key,
        value="" if held is None else held if isinstance(held, str) else value_text(held),
        choices=_choices(field_types(spot.record)[key]),
        stated=key in spot.table,
    )


def _key(spot: Spot, name: str, tables: Table, place: Place) -> str:
    """A name of a field that stays its name whatever else is changed: its key where no other table knows it."""
    knowing = [other for other in spots(tables, place) if name in other.keys]
    return name if len(knowing) == 1 or not spot.path else f"{spot.path}.{name}"


def _choices(wanted: Any) -> tuple[str, ...]:
    """All values of a type that has few."""
    if wanted is bool:
        return ("true", "false")
    if get_origin(wanted) is Literal:
        return tuple(str(value) for value in get_args(wanted))
    inner = [one for one in get_args(wanted) if one is not NoneType]
    return _choices(inner[0]) if len(inner) == 1 and NoneType in get_args(wanted) else ()
