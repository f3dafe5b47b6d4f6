"""The tensors of a Model one by one, under their full names, as a file of weights has to hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen
from llmcmp.model import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Model, Use
    from llmcmp.ops import Weight

Shape = tuple[int, ...]


@frozen
class Place:
    """One tensor of a Model. Those with the same `key` are one tensor; `experts` are stacked along the first axis."""

    key: str
    shape: Shape
    experts: int | None
    buffer: bool


def places(model: Model) -> dict[str, Place]:
    """Every tensor by its full name: `layers.3.attention.query.weight`.

    Raises UndisclosedError where the architecture is not public.
    """
    return {
        name: Place(
            key=weight.shared or name,
            shape=tuple(size for _, size in weight.axes),
            experts=weight.axes[0][1] if weight.visits is not None else None,
            buffer=weight.buffer,
        )
        for use in walk(model)
        for name, weight in _named(use)
    }


def _named(use: Use) -> Iterator[tuple[str, Weight]]:
    numbers = use.layers[: use.copies] if "*" in use.path else (0,)
    weights = tuple(use.component.weights())
    for number in numbers:
        path = use.path.replace("*", str(number))
        for weight in weights:
            yield f"{path}.{weight.name}", weight
