"""A short causal convolution of every channel by itself, as recurrent mixers have it before their scan.

"Depthwise": no channel sees another, so a token costs kernel x channels multiply-adds. What the next token needs are
the last kernel - 1 inputs, the tail; an engine may keep one more (transformers does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.base import Component
from llmcmp.dims import lesser
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Convolve, State, Weight
from llmcmp.spans import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Axis, Op, Plan, Run


@frozen
class Convolution(Component):
    """`channels` convolved over the last `kernel` tokens, each with its own kernel (+ bias)."""

    name: str
    channels: Axis
    kernel: int
    bias: bool = False

    def __post_init__(self) -> None:
        if self.kernel < 2:
            raise ModelError(f"kernel ({self.kernel}) must be at least 2, so that a token sees an earlier one")

    @property
    def label(self) -> str:
        return f"convolution of {self.kernel}"

    def weights(self) -> Iterator[Weight]:
        axes = (self.channels, ("inputs", 1), ("kernel", self.kernel))  # torch: one input a channel
        yield Weight(name=f"{self.name}.weight", axes=axes, part="linear mixer")
        if self.bias:
            yield Weight(name=f"{self.name}.bias", axes=(self.channels,), part="linear mixer")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        channels, tail = self.channels[1], self.kernel - 1
        yield Convolve(
            name=self.name,
            part="convolution",
            rows=run.rows,
            channels=channels,
            kernel=self.kernel,
            cached=run.batch * lesser(run.past, tail) * lesser(run.new, 1) * channels,
            stored=run.batch * lesser(run.new, tail) * channels,
        )


def tail(convolutions: tuple[Convolution, ...]) -> State:
    """What convolutions of one kernel keep: their last inputs."""
    width = sum(convolution.channels[1] for convolution in convolutions)
    return State(name="convolution tail", width=width, span=Fixed(positions=convolutions[0].kernel - 1))
