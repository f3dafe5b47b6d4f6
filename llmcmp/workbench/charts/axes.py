"""Logarithmic axes: where a value lies between two ends, and at which round values an axis is labelled."""

from __future__ import annotations

from math import ceil, floor, log

from llmcmp.frozen import frozen

STEPS = (1, 2, 3, 5, 10, 20)


@frozen
class Axis:
    """A logarithmic axis from `low` to `high`, labelled at powers of `base`."""

    low: float
    high: float
    base: int

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one.

        >>> Axis(low=1, high=16, base=2).place(4)
        0.5
        """
        return log(value / self.low) / log(self.high / self.low)

    def ticks(self, most: int) -> list[int]:
        """At most `most` powers of the base, evenly spaced.

        >>> Axis(low=1, high=1024, base=2).ticks(4)
        [1, 8, 64, 512]
        """
        first = ceil(log(self.low, self.base) - 1e-9)
        last = floor(log(self.high, self.base) + 1e-9)
        step = next((step for step in STEPS if (last - first) // step < max(1, most)), STEPS[-1])
        return [self.base**power for power in range(first, last + 1, step) if power >= 0]


def around(low: float, high: float, base: int) -> Axis:
    """The shortest axis between whole powers of the base that holds both values, and is no point."""
    first, last = floor(log(max(low, 1), base) + 1e-9), ceil(log(max(high, 1), base) - 1e-9)
    return Axis(low=float(base) ** first, high=float(base) ** max(last, first + 1), base=base)
