"""Mamba-2's state-space mixer (arXiv 2405.21060, section 7): heads that share keys and queries within a group.

The paper's duality with attention (its section 5) gives the names: x is the value, B the key, C the query. One decay a
head and token instead of Mamba's one a channel and state makes the recurrence a matrix product within a chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llmcmp.components.base import Component
from llmcmp.components.convolution import Convolution, tail
from llmcmp.components.linear import Linear
from llmcmp.components.norms import EPSILON
from llmcmp.components.recurrence import Recurrence
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Axis, Op, Plan, Run, State


@frozen
class Mamba2(Component):
    """`heads` of `head_dim` values, each with a state of state_size x head_dim; `groups` share keys and queries.

    The result is normed group by group after it is gated, or before (`norm_first`), or not at all (`norm`; Falcon-H1
    has all three). `bias`: of the projections.
    """

    kind: ClassVar[str] = "mamba-2"
    hidden: int
    heads: int
    head_dim: int
    groups: int
    state_size: int
    kernel: int
    bias: bool = False
    conv_bias: bool = True
    norm: bool = True
    norm_first: bool = False
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        if self.heads % self.groups:
            raise ModelError(f"heads ({self.heads}) must be a multiple of groups ({self.groups})")
        assert self.convolutions()  # raises for a kernel that is none

    @property
    def label(self) -> str:
        return f"Mamba-2 state {self.state_size}"

    @property
    def inner(self) -> int:
        """Values of a token, over all heads."""
        return self.heads * self.head_dim

    @property
    def _streams(self) -> tuple[tuple[str, Axis], ...]:
        """What is convolved and scanned."""
        shared = ("groups", self.groups * self.state_size)
        return ("value", ("heads", self.inner)), ("key", shared), ("query", shared)

    def linears(self) -> tuple[Linear, ...]:
        """gate, value, key, query, step (of each head), output."""
        hidden, values = ("hidden", self.hidden), ("heads", self.inner)
        inputs = (("gate", values), *self._streams, ("step", ("heads", self.heads)))
        shapes = (*((name, hidden, axis) for name, axis in inputs), ("output", values, hidden))
        return tuple(
            Linear(name=name, inner=inner, outer=outer, part="linear mixer", bias=self.bias)
            for name, inner, outer in shapes
        )

    def convolutions(self) -> tuple[Convolution, ...]:
        """Of values, keys and queries."""
        return tuple(
            Convolution(name=f"{name}_conv", channels=axis, kernel=self.kernel, bias=self.conv_bias)
            for name, axis in self._streams
        )

    @property
    def recurrence(self) -> Recurrence:
        inputs = self.inner + 2 * self.groups * self.state_size + self.heads  # values, keys and queries, steps
        return Recurrence(heads=self.heads, key_dim=self.state_size, value_dim=self.head_dim, products=2, inputs=inputs)

    def weights(self) -> Iterator[Weight]:
        *inputs, output = self.linears()
        for part in (*inputs, *self.convolutions()):
            yield from part.weights()
        # Added to the step before its softplus; A = -exp(decay_log); D, which lets the value pass by the recurrence.
        for name in ("step_bias", "decay_log", "skip"):
            yield Weight(name=name, axes=(("heads", self.heads),), part="linear mixer")
        if self.norm:
            yield Weight(name="norm.weight", axes=(("heads", self.inner),), part="linear mixer")
        yield from output.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        *inputs, output = self.linears()
        for linear in inputs:
            yield linear.matmul(run.rows)
        for convolution in self.convolutions():
            yield from convolution.ops(run, plan)
        yield self._elementwise("activation", run, self.inner + 2 * self.groups * self.state_size)
        yield self._elementwise("step", run, self.heads)
        yield self._elementwise("decay", run, self.recurrence.width)
        yield self.recurrence.scan(run)
        yield self._elementwise("skip, gate and norm", run, (3 if self.norm else 2) * self.inner)
        yield output.matmul(run.rows)

    def _elementwise(self, name: str, run: Run, width: int) -> Elementwise:
        return Elementwise(name=name, part="linear mixer", rows=run.rows, width=width)

    def state(self) -> tuple[State, ...]:
        return self.recurrence.state(), tail(self.convolutions())
