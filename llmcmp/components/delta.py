"""Gated delta net: linear attention that overwrites what its state holds for a key (arXiv 2412.06464, section 3).

A token recalls the value that the decayed state holds for its key, and adds only the difference to its own, scaled by
beta: a third product beside write and readout. As Qwen3-Next has it: convolved queries, keys and values, L2 norms of
queries and keys, a norm of each head's result, and an output gate.
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
class GatedDeltaNet(Component):
    """`value_heads` states of key_dim x value_dim; each of `key_heads` keys and queries serves as many of them."""

    kind: ClassVar[str] = "gated-delta-net"
    hidden: int
    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        if self.value_heads % self.key_heads:
            raise ModelError(f"value_heads ({self.value_heads}) must be a multiple of key_heads ({self.key_heads})")
        assert self.convolutions()  # raises for a kernel that is none

    @property
    def label(self) -> str:
        return f"gated delta net {self.key_heads}/{self.value_heads}"

    @property
    def _keys(self) -> Axis:
        return "key_heads", self.key_heads * self.key_dim

    @property
    def _values(self) -> Axis:
        return "value_heads", self.value_heads * self.value_dim

    def linears(self) -> tuple[Linear, ...]:
        """query, key, value, gate, beta and decay (of each value head), output."""
        hidden, one = ("hidden", self.hidden), ("value_heads", self.value_heads)
        streams = (("query", self._keys), ("key", self._keys), ("value", self._values))
        inputs = (*streams, ("gate", self._values), ("beta", one), ("decay", one))
        shapes = (*((name, hidden, axis) for name, axis in inputs), ("output", self._values, hidden))
        return tuple(Linear(name=name, inner=inner, outer=outer, part="linear mixer") for name, inner, outer in shapes)

    def convolutions(self) -> tuple[Convolution, ...]:
        """Of queries, keys and values."""
        streams = (("query", self._keys), ("key", self._keys), ("value", self._values))
        return tuple(Convolution(name=f"{name}_conv", channels=axis, kernel=self.kernel) for name, axis in streams)

    @property
    def recurrence(self) -> Recurrence:
        inputs = 2 * self._keys[1] + self._values[1] + 2 * self.value_heads  # queries, keys, values, beta, decay
        return Recurrence(
            heads=self.value_heads, key_dim=self.key_dim, value_dim=self.value_dim, products=3, inputs=inputs
        )

    def weights(self) -> Iterator[Weight]:
        *inputs, output = self.linears()
        for part in (*inputs, *self.convolutions()):
            yield from part.weights()
        # The decay is exp(-exp(decay_log) softplus(decay + decay_bias)).
        for name in ("decay_bias", "decay_log"):
            yield Weight(name=name, axes=(("value_heads", self.value_heads),), part="linear mixer")
        yield Weight(name="norm.weight", axes=(("value_dim", self.value_dim),), part="linear mixer")
        yield from output.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        *inputs, output = self.linears()
        for linear in inputs:
            yield linear.matmul(run.rows)
        for convolution in self.convolutions():
            yield from convolution.ops(run, plan)
        yield self._elementwise("activation", run, 2 * self._keys[1] + self._values[1])
        yield self._elementwise("query and key norms", run, 2 * self._keys[1])
        yield self._elementwise("beta and decay", run, 2 * self.value_heads)
        yield self._elementwise("decay", run, self.recurrence.width)
        yield self.recurrence.scan(run)
        yield self._elementwise("norm and gate", run, 2 * self._values[1])
        yield output.matmul(run.rows)

    def _elementwise(self, name: str, run: Run, width: int) -> Elementwise:
        return Elementwise(name=name, part="linear mixer", rows=run.rows, width=width)

    def state(self) -> tuple[State, ...]:
        return self.recurrence.state(), tail(self.convolutions())
