"""LayerNorm and RMSNorm. Where a norm stands (before, after, around a sub-layer) is the block's affair."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from llmcmp.components.base import Component
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run


EPSILON = 1e-5


@frozen
class LayerNorm(Component):
    """Mean and variance normalised, times a weight, plus a bias where there is one (arXiv 1607.06450).

    `epsilon` is added to the variance before its root is taken.
    """

    width: int
    bias: bool = True
    epsilon: float = EPSILON

    @property
    def label(self) -> str:
        return "LayerNorm" if self.bias else "LayerNorm without bias"

    def weights(self) -> Iterator[Weight]:
        for name in ("weight", "bias") if self.bias else ("weight",):
            yield Weight(name=name, axes=(("width", self.width),), part="norm")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Elementwise(name="norm", part="norm", rows=run.rows, width=self.width)


@frozen
class RMSNorm(Component):
    """Divided by the root of the mean square, times a weight; nothing subtracted (arXiv 1910.07467). T5's norm.

    `unit_offset`: what is stored is the weight less one (Gemma).
    """

    width: int
    epsilon: float = EPSILON
    unit_offset: bool = False

    @property
    def label(self) -> str:
        return "RMSNorm"

    def weights(self) -> Iterator[Weight]:
        yield Weight(name="weight", axes=(("width", self.width),), part="norm")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Elementwise(name="norm", part="norm", rows=run.rows, width=self.width)


Norm: TypeAlias = LayerNorm | RMSNorm
