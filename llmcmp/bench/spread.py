"""Many repeats as three numbers: the median, and the quartiles between which the middle half of the repeats lies."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Spread:
    """The median of some repeats and their lower and upper quartile (inclusive method), in the repeats' own unit."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles.

    >>> spread([5.0, 1.0, 2.0, 4.0, 3.0])
    Spread(median=3.0, low=2.0, high=4.0)
    """
    if len(values) == 1:
        return Spread(median=values[0], low=values[0], high=values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median=middle, low=low, high=high)
