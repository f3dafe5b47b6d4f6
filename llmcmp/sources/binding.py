"""From a table of a file to a frozen record: its keys are the fields, and nothing is guessed.

An unknown key, a missing one, a wrong type or a value out of range is a PresetError that names file, table and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from llmcmp.errors import ModelError, PresetError
from llmcmp.frozen import field_defaults, field_names, frozen

T = TypeVar("T")
Table = dict[str, object]

# Larger than any model's numbers by far; `not a number` fails the same comparison.
LARGEST = 10**15


@frozen
class Place:
    """Where in which file a value stands."""

    file: str
    table: str = ""

    def inside(self, name: str) -> Place:
        """The place of a table within this one."""
        return Place(file=self.file, table=f"{self.table}.{name}" if self.table else name)

    def error(self, message: str, key: str = "") -> PresetError:
        """A PresetError that names file, table and key."""
        spot = f" [{self.table}]" if self.table else ""
        return PresetError(f"{self.file}:{spot} {key + ': ' if key else ''}{message}")


@cache
def field_types(cls: type[Any]) -> dict[str, Any]:
    """The fields of a record with their evaluated types."""
    hints = get_type_hints(cls)
    return {name: hints[name] for name in field_names(cls)}


Given = Mapping[str, object]


def bind(cls: type[T], table: object, place: Place, given: Given = MappingProxyType({})) -> T:
    """An instance of `cls` from the keys of `table`; `given` fields are not keys and come from the caller."""
    if not isinstance(table, dict):
        raise place.error("must be a table")
    keys = cast("dict[str, object]", table)
    types = field_types(cls)
    values: dict[str, object] = {name: value for name, value in given.items() if name in types}
    allowed = [name for name in types if name not in values]
    for key, value in keys.items():
        if key == "kind" and hasattr(cls, "kind") and key not in types:
            continue
        if key not in allowed:
            raise place.error(f"unknown key{closest(key, allowed)}", key)
        values[key] = convert(value, types[key], place, key, given)
    _require(cls, values, place)
    try:
        return cls(**values)
    except PresetError:
        raise
    except ModelError as error:
        raise place.error(str(error)) from error


def bind_kind(
    classes: tuple[type[T], ...],
    table: object,
    place: Place,
    given: Given = MappingProxyType({}),
    default: str | None = None,
) -> T:
    """An instance of the class whose `kind` the table names."""
    if not isinstance(table, dict):
        raise place.error("must be a table")
    kinds = {str(getattr(cls, "kind")): cls for cls in classes}  # noqa: B009 - not every T has one, these do
    kind = cast("dict[str, object]", table).get("kind", default)
    if not isinstance(kind, str) or kind not in kinds:
        raise place.error(f"must be one of {', '.join(kinds)}{'' if kind is None else f', not {kind!r}'}", "kind")
    return bind(kinds[kind], cast("object", table), place, given)


def convert(value: object, wanted: Any, place: Place, key: str, given: Given) -> object:
    """`value` as the type that a field declares."""
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _convert_union(value, [arg for arg in args if arg is not NoneType], place, key, given)
    if origin is Literal:
        if not any(type(value) is type(arg) and value == arg for arg in args):
            raise place.error(f"must be one of {', '.join(map(str, args))}, not {value!r}", key)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise place.error("must be a list", key)
        items = tuple(convert(item, args[0], place, key, given) for item in cast("list[object]", value))
        if get_origin(args[0]) is Literal and len(set(items)) < len(items):
            raise place.error("names something twice", key)
        return items
    if _is_record(wanted):
        return bind(cast("type[object]", wanted), value, place.inside(key), given)
    return _plain(value, wanted, place, key)


def _convert_union(value: object, args: list[Any], place: Place, key: str, given: Given) -> object:
    classes = tuple(arg for arg in args if _is_record(arg))
    if len(classes) > 1:
        return bind_kind(cast("tuple[type[object], ...]", classes), value, place.inside(key), given)
    return convert(value, args[0], place, key, given)


def _plain(value: object, wanted: Any, place: Place, key: str) -> object:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not wanted:
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise place.error(f"must be {names.get(wanted, wanted)}, not {value!r}", key)
    if isinstance(value, int | float) and not isinstance(value, bool) and not 0 < value <= LARGEST:
        raise place.error(f"must be greater than 0 and at most {LARGEST:.0e}, not {value}", key)
    return value


def _require(cls: type[Any], values: dict[str, object], place: Place) -> None:
    for name in field_names(cls):
        if name not in values and name not in field_defaults(cls):
            raise place.error("is missing", name)


def _is_record(wanted: Any) -> bool:
    return isinstance(wanted, type) and bool(field_names(wanted))


def unbound(record: object, given: frozenset[str] = frozenset()) -> Table:
    """A record as the table that binds to it: defaults are left out, and so are the fields that builders give."""
    cls: type[Any] = type(record)
    table: Table = {} if not hasattr(cls, "kind") or "kind" in field_names(cls) else {"kind": cls.kind}
    for name in field_names(cls):
        value = getattr(record, name)
        if name in given or value is None or (name in field_defaults(cls) and value == field_defaults(cls)[name]):
            continue
        table[name] = _written(value, given)
    return table


def _written(value: Any, given: frozenset[str]) -> object:
    if isinstance(value, tuple):
        return [_written(item, given) for item in cast("tuple[object, ...]", value)]
    return unbound(value, given) if _is_record(cast("object", type(value))) else value


def closest(key: str, allowed: list[str]) -> str:
    """What an unknown key was probably meant to be, else all that are known."""
    import difflib

    close = difflib.get_close_matches(key, allowed, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(allowed)}"
