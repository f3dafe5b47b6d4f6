"""Which models use a mechanism: a question to their components for every term that an architecture can answer.

Never a list of names. A term that is missing here is no part of an architecture (an objective, a dtype, a law).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llmcmp.components.attention import Attention
from llmcmp.frozen import frozen
from llmcmp.resize import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmcmp.model import Model

Kinds: TypeAlias = "tuple[type[Any], ...]"


def _always(record: Any) -> bool:
    return True


@frozen
class Uses:
    """A model uses what this looks for if it holds a record of one of the `kinds` for which `test` is true."""

    kinds: Kinds
    test: Callable[[Any], bool] = _always
    apart: bool = False

    def __call__(self, model: Model) -> bool:
        return any(isinstance(record, self.kinds) and self.test(record) for record in records(model, self.apart))


@cache
def records(model: Model, apart: bool = False) -> tuple[Any, ...]:
    """Every distinct record of a model's structure, however deep it stands: blocks, components, positions, routers.

    `apart`: of the modules beside the model instead.
    """
    roots = model.apart if apart else model.towers
    return tuple(dict.fromkeys(_within(roots)))


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for part in cast("tuple[Any, ...]", value):
            yield from _within(part)
    elif fields_of(value):
        yield value
        for name in fields_of(value):
            yield from _within(getattr(value, name))


USERS: dict[str, Callable[[Model], bool]] = {
    "gqa": Uses(kinds=(Attention,), test=lambda a: 1 < a.kv_heads < a.heads),
}
