"""How a quantity grows with context: the curves that plots draw, under the settings of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.tables.compare import limit
from llmcmp.tables.table import Curve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.model import Model

SHORTEST, LONGEST = 2**7, 2**20


def curves(models: Sequence[Model], asked: int, value: Callable[[Model, int], int | None]) -> tuple[Curve, ...]:
    """One curve a disclosed model: powers of two up to its window, or to the context that was asked for if longer."""
    found: list[Curve] = []
    for model in models:
        end = max(limit(model) or LONGEST, asked)
        lengths = [*(2**power for power in range(40) if SHORTEST <= 2**power < end), end]
        pairs = [(length, value(model, length)) for length in lengths] if model.disclosed else []
        kept = [(length, amount) for length, amount in pairs if amount]
        if kept:
            found.append(Curve(label=model.name, lengths=tuple(x for x, _ in kept), values=tuple(y for _, y in kept)))
    return tuple(found)
