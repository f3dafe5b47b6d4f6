"""A linear map, the part that most components are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.base import Component
from llmcmp.frozen import frozen
from llmcmp.ops import Matmul, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.dims import Dim
    from llmcmp.ops import Axis, Draw, Op, Part, Plan, Run


@frozen
class Linear(Component):
    """`outer` = weight x `inner` (+ bias). `shared` names the weight where another component holds it too.

    `before_head`: it is applied only where there are logits.
    """

    name: str = ""
    inner: Axis
    outer: Axis
    part: Part
    bias: bool = False
    shared: str | None = None
    before_head: bool = False

    @property
    def label(self) -> str:
        return f"linear {self.inner[1]}→{self.outer[1]}"

    def weights(self) -> Iterator[Weight]:
        prefix = f"{self.name}." if self.name else ""
        yield Weight(name=f"{prefix}weight", axes=(self.outer, self.inner), part=self.part, shared=self.shared)
        if self.bias:
            yield Weight(name=f"{prefix}bias", axes=(self.outer,), part=self.part)

    def matmul(self, rows: Dim, matrices: int | Draw = 1, part: Part | None = None) -> Matmul:
        """The product for `rows` vectors."""
        name, inner, outer = self.name or "weight", self.inner[1], self.outer[1]
        return Matmul(name=name, part=part or self.part, rows=rows, inner=inner, outer=outer, matrices=matrices)

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield self.matmul(run.logit_rows if self.before_head else run.rows)
