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

    `epsilon` is added to the variance before its root is taken. OLMo's has neither `weight` nor bias.
    """

    width: int
    bias: bool = True
    epsilon: float = EPSILON
    weight: bool = True

    @property
    def label(self) -> str:
        if not self.weight:
            return "LayerNorm without weight"
        return "LayerNorm" if self.bias else "LayerNorm without bias"

    def weights(self) -> Iterator[Weight]:
        for name, stored in (("weight", self.weight), ("bias", self.bias)):
            if stored:
                yield Weight(name=name, axes=(("width", self.width),), part="norm")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Elementwise(name="norm", part="norm", rows=run.rows, width=self.width)


@frozen
class RMSNorm(Component):
    """Divided by the root of the mean square, times a weight; nothing subtracted (arXiv 1910.07467). T5's norm.

    `unit_offset`: what is stored is the weight less one (Gemma). Some have no `weight` (nanochat).
    """

    width: int
    epsilon: float = EPSILON
    unit_offset: bool = False
    weight: bool = True

    @property
    def label(self) -> str:
        return "RMSNorm" if self.weight else "RMSNorm without weight"

    def weights(self) -> Iterator[Weight]:
        if self.weight:
            yield Weight(name="weight", axes=(("width", self.width),), part="norm")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Elementwise(name="norm", part="norm", rows=run.rows, width=self.width)


Norm: TypeAlias = LayerNorm | RMSNorm
