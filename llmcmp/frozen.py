"""`frozen`: this project's records, immutable and with keyword arguments only.

They behave as `@dataclass(frozen=True, kw_only=True)`, and type checkers take them for such. The standard decorator
compiles six methods for every class, though, and with some seventy classes that was a third of a whole command's time:
here the methods are written once and shared. tests/test_frozen.py holds them to the standard library's behaviour.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[T] | None = None, /, *, eq: bool = True) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a record of its annotated names; ClassVars are none of them.

    With `eq=False` instances are equal to themselves alone: for fields that may hold arrays. Annotations must be
    strings (`from __future__ import annotations`), and a class that is made frozen inherits no fields.
    """

    def decorate(made: Any) -> Any:
        kinds: dict[str, str] = get_annotations(made)
        names = tuple(name for name, kind in kinds.items() if not kind.startswith("ClassVar"))
        made._names, made._defaults = names, {name: made.__dict__[name] for name in names if name in made.__dict__}
        made.__init__, made.__repr__, made.__getstate__ = _init, _repr, _state
        made.__setattr__, made.__delattr__ = _refuse, _refuse
        if eq:
            made.__eq__, made.__hash__ = _equal, _hash
        return made

    return decorate if cls is None else decorate(cls)


def replace(record: T, **changes: Any) -> T:
    """A copy of a record with some fields changed."""
    return type(record)(**dict(zip(field_names(type(record)), _values(record), strict=True)) | changes)


def field_names(cls: type[Any]) -> tuple[str, ...]:
    """The fields of a record in the order of their declaration; empty for any other class."""
    return cls.__dict__.get("_names", ())


def field_defaults(cls: type[Any]) -> dict[str, Any]:
    """The fields that have a default, with it."""
    return cls.__dict__.get("_defaults", {})


def _init(self: Any, **values: Any) -> None:
    state: dict[str, Any] = {**self._defaults, **values}
    names: tuple[str, ...] = self._names
    if len(state) != len(names) or not state.keys() <= set(names):
        unknown, missing = state.keys() - set(names), set(names) - state.keys()
        raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    self.__dict__.update(state)
    check = getattr(self, "__post_init__", None)
    if check is not None:
        check()


def _state(self: Any) -> dict[str, Any]:
    """What is pickled: the fields, not the hash, which differs from process to process."""
    return dict(zip(self._names, _values(self), strict=True))


def _values(self: Any) -> tuple[Any, ...]:
    state = self.__dict__
    return tuple([state[name] for name in self._names])


def _equal(self: Any, other: object) -> bool:
    if self is other:
        return True
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    # Kept beside the fields: models are deep, immutable, and looked up often.
    known: int | None = self.__dict__.get("_known_hash")
    if known is None:
        known = self.__dict__["_known_hash"] = hash((type(self).__name__, _values(self)))
    return known


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, _values(self), strict=True))
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: Any, name: str, *value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot change field {name!r}: use llmcmp.frozen.replace")
