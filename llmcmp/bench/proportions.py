"""Hidden sizes that a transformers class can have.

Some classes derive one size from another: a head's from hidden and heads, the feed-forward's as four times hidden, a
mixer's width as twice hidden. A model shrunk to a budget keeps such proportions only nearly; these keep them exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.frozen import field_names, replace
from llmcmp.model import Model, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Fields and axes that hold the hidden size, if they are as large as it.
HIDDEN = ("hidden", "width", "pooled")


def candidates(model: Model, tiny: Model) -> Iterator[Model]:
    """The shrunk model `tiny`, then with other hidden sizes: in the proportion of `model`, a multiple of the heads."""
    yield tiny
    (was, inner), (hidden, small) = _widths(model), _widths(tiny)
    if small * was % inner == 0:
        yield _with_hidden(model, tiny, small * was // inner)
    heads = next(int(use.component.heads) for use in walk(tiny) if hasattr(use.component, "heads"))  # type: ignore[attr-defined]
    yield _with_hidden(model, tiny, 2 * heads * max(1, round(hidden / heads / 2)))


def _widths(model: Model) -> tuple[int, int]:
    """(hidden, width of all heads together) of the first mixer that has heads."""
    for use in walk(model):
        mixer = cast("Any", use.component)
        if hasattr(mixer, "heads") and hasattr(mixer, "hidden"):
            size = mixer.head_dim if hasattr(mixer, "head_dim") else mixer.value_dim
            return mixer.hidden, mixer.heads * size
    raise AssertionError("a model without heads")


def _with_hidden(model: Model, tiny: Model, hidden: int) -> Model:
    was, old = _widths(model)[0], _widths(tiny)[0]
    networks = [cast("Any", use.component) for use in walk(model) if hasattr(use.component, "intermediate")]
    fourfold = all(network.intermediate == 4 * was for network in networks)

    def change(name: str, size: int) -> int:
        if name == "intermediate" and fourfold:
            return 4 * hidden
        return hidden if name in HIDDEN and size == old else size

    return replace(tiny, towers=_changed(tiny.towers, change), apart=())


def _changed(value: Any, change: Callable[[str, int], int]) -> Any:
    """Records and tuples made anew, with `change` of every whole number that has a name."""
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        if len(items) == 2 and isinstance(items[0], str) and type(items[1]) is int:  # an axis
            return items[0], change(items[0], items[1])
        return tuple(_changed(item, change) for item in items)
    names = field_names(cast("type[Any]", type(value)))
    held = {name: getattr(value, name) for name in names}
    changed = {n: change(n, v) if type(v) is int else _changed(v, change) for n, v in held.items()}
    return replace(value, **changed) if names else value
