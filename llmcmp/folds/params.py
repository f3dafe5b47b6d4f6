"""Parameters: total, active, and where they sit. Every tensor counts once, however many components use it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmcmp.frozen import frozen
from llmcmp.model import expect_model, walk, walk_tower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.model import Model, Use
    from llmcmp.ops import Weight

# What "non-embedding" leaves out: token and position tables and the head, tied or not (arXiv 2001.08361, 2.1).
TABLES = frozenset({"embedding", "position", "head"})


@frozen
class Params:
    """Parameters of a model, in elements.

    `active`: all less the routed experts that a token does not visit. `non_embedding`, `active_non_embedding`: less
    token and position tables and the head. `components` sums to `total`; `layers` lists each layer of each tower in
    order, `outside` is what stands in no layer. `apart` (modules beside the model) and `buffers` (stored, not trained)
    are in no total.
    """

    total: int
    active: int
    non_embedding: int
    active_non_embedding: int
    components: dict[str, int]
    layers: tuple[int, ...]
    outside: int
    apart: dict[str, int]
    buffers: int


def params(model: Model) -> Params:
    """Count a model's parameters, in elements; the active ones as in the Switch Transformer (arXiv 2101.03961, 2).

    Raises UndisclosedError where its architecture is not public, ModelError for what is no Model.

    >>> import llmcmp
    >>> llmcmp.params(llmcmp.load("mixtral-8x7b")).active
    12879925248
    """
    expect_model(model)
    return _params(model)


@cache
def _params(model: Model) -> Params:
    held = tuple(stored(walk(model)))
    trained = tuple((use, weight) for use, weight in held if not weight.buffer)
    components: dict[str, int] = {}
    for use, weight in trained:
        components[weight.part] = components.get(weight.part, 0) + weight.elements * use.copies
    layers = _by_layer(model, trained)
    total = sum(components.values())
    active = sum(weight.active * use.copies for use, weight in trained)
    tables = sum(weight.elements * use.copies for use, weight in trained if weight.part in TABLES)
    return Params(
        total=total,
        active=active,
        non_embedding=total - tables,
        active_non_embedding=active - tables,
        components=components,
        layers=layers,
        outside=total - sum(layers),
        apart=_apart(model, {weight.shared for _, weight in held if weight.shared}),
        buffers=sum(weight.elements * use.copies for use, weight in held if weight.buffer),
    )


def stored(uses: Iterable[Use]) -> Iterator[tuple[Use, Weight]]:
    """Each tensor where it is first met; those that a later component shares are left out there."""
    seen: set[str] = set()
    for use in uses:
        for weight in use.component.weights():
            if weight.shared is None:
                yield use, weight
            elif weight.shared not in seen:
                seen.add(weight.shared)
                yield use, weight


def _by_layer(model: Model, trained: Iterable[tuple[Use, Weight]]) -> tuple[int, ...]:
    """Parameters stored by each layer, tower after tower; shared layers hold theirs at the first."""
    towers = [[0] * tower.depth for tower in model.towers]
    for use, weight in trained:
        for layer in use.layers[: use.copies]:
            towers[use.tower][layer] += weight.elements
    return tuple(size for tower in towers for size in tower)


def _apart(model: Model, shared: set[str]) -> dict[str, int]:
    """Parameters of the modules beside the model, less what they share with it."""
    return {
        name: sum(
            weight.elements * use.copies
            for use, weight in stored(walk_tower(tower))
            if weight.shared not in shared and not weight.buffer
        )
        for name, tower in model.apart
    }
