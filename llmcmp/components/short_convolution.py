"""A gated short convolution in the place of attention (LFM2, arXiv 2511.23404, 2.1).

The input becomes three streams; the value, times one gate, is convolved over the last few tokens, and what comes out is
multiplied by the other gate. There is no recurrence: a token sees `kernel` tokens, itself included, and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llmcmp.components.base import Component
from llmcmp.components.convolution import Convolution, tail
from llmcmp.components.linear import Linear
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Axis, Op, Plan, Run, State, Weight


@frozen
class ShortConvolution(Component):
    """As many channels as the model is wide, each with its own kernel; `bias` of projections and convolution alike."""

    kind: ClassVar[str] = "short-convolution"
    hidden: int
    kernel: int
    bias: bool = False

    def __post_init__(self) -> None:
        assert self.convolution  # raises for a kernel that is none

    @property
    def label(self) -> str:
        return f"gated convolution of {self.kernel}"

    @property
    def _channels(self) -> Axis:
        return "channels", self.hidden

    def linears(self) -> tuple[Linear, ...]:
        """gate before the convolution, gate after it, value; output."""
        hidden = ("hidden", self.hidden)
        shapes = (*((name, hidden, self._channels) for name in ("gate_before", "gate_after", "value")),)
        return tuple(
            Linear(name=name, inner=inner, outer=outer, part="linear mixer", bias=self.bias)
            for name, inner, outer in (*shapes, ("output", self._channels, hidden))
        )

    @property
    def convolution(self) -> Convolution:
        return Convolution(name="conv", channels=self._channels, kernel=self.kernel, bias=self.bias)

    def weights(self) -> Iterator[Weight]:
        *inputs, output = self.linears()
        for part in (*inputs, self.convolution, output):
            yield from part.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        *inputs, output = self.linears()
        for linear in inputs:
            yield linear.matmul(run.rows)
        yield Elementwise(name="gate before", part="linear mixer", rows=run.rows, width=self.hidden)
        yield from self.convolution.ops(run, plan)
        yield Elementwise(name="gate after", part="linear mixer", rows=run.rows, width=self.hidden)
        yield output.matmul(run.rows)

    def state(self) -> tuple[State, ...]:
        return (tail((self.convolution,)),)
