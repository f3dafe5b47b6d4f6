"""`frozen` behaves as the standard library's frozen, keyword-only dataclass."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from dataclasses import replace as standard_replace
from typing import Any, ClassVar

import pytest

from llmcmp.frozen import field_defaults, field_names, frozen, replace


@frozen
class Ours:
    """A record."""

    kind: ClassVar[str] = "ours"
    size: int
    name: str = "x"


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """A record."""

    kind: ClassVar[str] = "theirs"
    size: int
    name: str = "x"


@frozen(eq=False)
class ByIdentity:
    """A record that may hold arrays."""

    size: int


@pytest.mark.parametrize("values", [{"size": 3}, {"size": 3, "name": "y"}])
def test_fields_and_defaults_are_as_in_a_dataclass(values: dict[str, Any]) -> None:
    ours, theirs = Ours(**values), Theirs(**values)
    assert (ours.size, ours.name) == (theirs.size, theirs.name)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")


@pytest.mark.parametrize("values", [{}, {"name": "y"}, {"size": 1, "other": 2}, {"size": 1, "kind": "z"}])
def test_missing_and_unknown_fields_are_refused_as_in_a_dataclass(values: dict[str, Any]) -> None:
    for record in (Ours, Theirs):
        with pytest.raises(TypeError):
            record(**values)


def test_nothing_can_be_set_or_deleted() -> None:
    for record in (Ours(size=1), Theirs(size=1)):
        with pytest.raises(FrozenInstanceError):
            record.size = 2  # type: ignore[misc]
        with pytest.raises(FrozenInstanceError):
            del record.size


def test_equality_and_hash_follow_type_and_values() -> None:
    assert Ours(size=1) == Ours(size=1, name="x")
    assert hash(Ours(size=1)) == hash(Ours(name="x", size=1))
    assert Ours(size=1) != Ours(size=2)
    assert Ours(size=1) != Theirs(size=1)
    assert ByIdentity(size=1) != ByIdentity(size=1)


def test_replace_changes_only_what_it_names() -> None:
    assert replace(Ours(size=1, name="y"), size=5) == Ours(size=5, name="y")
    assert standard_replace(Theirs(size=1, name="y"), size=5) == Theirs(size=5, name="y")
    with pytest.raises(TypeError):
        replace(Ours(size=1), other=3)


def test_a_known_hash_is_not_a_field() -> None:
    record = Ours(size=1)
    hash(record)
    assert replace(record, size=2) == Ours(size=2)
    assert hash(replace(record, size=2)) == hash(Ours(size=2))
    assert field_names(Ours) == ("size", "name")
    assert field_defaults(Ours) == {"name": "x"}
