"""Feed-forward networks: plain (arXiv 1706.03762, 3.3) and gated (GLU variants, arXiv 2002.05202)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.dims import Dim
    from llmcmp.ops import Draw, Op, Part, Plan, Run, Weight

# gelu-tanh is GELU's tanh approximation; they differ in value, not in cost.
Activation = Literal["relu", "gelu", "gelu-tanh", "silu", "clamped-silu"]

_PLAIN = {"relu": "ReLU", "gelu": "GELU", "gelu-tanh": "GELU", "silu": "SiLU", "clamped-silu": "clamped SiLU"}
_GATED = {"relu": "ReGLU", "gelu": "GeGLU", "gelu-tanh": "GeGLU", "silu": "SwiGLU", "clamped-silu": "clamped SwiGLU"}


def activation_label(activation: Activation) -> str:
    """The activation's own name, whether it gates or not."""
    return _PLAIN[activation]


@frozen
class Plain(Component):
    """down(activation(up(x)))."""

    kind: ClassVar[str] = "plain"
    hidden: int
    intermediate: int
    activation: Activation
    bias: bool = False

    @property
    def label(self) -> str:
        return _PLAIN[self.activation]

    def linears(self, part: Part = "feed-forward") -> tuple[Linear, ...]:
        """up, down."""
        hidden, wide = ("hidden", self.hidden), ("intermediate", self.intermediate)
        return (
            Linear(name="up", inner=hidden, outer=wide, part=part, bias=self.bias),
            Linear(name="down", inner=wide, outer=hidden, part=part, bias=self.bias),
        )

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield from network_ops(self, run.rows)


@frozen
class Gated(Component):
    """down(activation(gate(x)) * up(x)): SwiGLU with SiLU, GeGLU with GELU."""

    kind: ClassVar[str] = "gated"
    hidden: int
    intermediate: int
    activation: Activation
    bias: bool = False

    @property
    def label(self) -> str:
        return _GATED[self.activation]

    def linears(self, part: Part = "feed-forward") -> tuple[Linear, ...]:
        """gate, up, down."""
        hidden, wide = ("hidden", self.hidden), ("intermediate", self.intermediate)
        return (
            Linear(name="gate", inner=hidden, outer=wide, part=part, bias=self.bias),
            Linear(name="up", inner=hidden, outer=wide, part=part, bias=self.bias),
            Linear(name="down", inner=wide, outer=hidden, part=part, bias=self.bias),
        )

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield from network_ops(self, run.rows)


Network: TypeAlias = Plain | Gated


def network_ops(network: Network, rows: Dim, part: Part = "feed-forward", matrices: int | Draw = 1) -> Iterator[Op]:
    """One network, or `matrices` of them with `rows` spread over them (experts)."""
    *inputs, down = network.linears(part)
    for linear in inputs:
        yield linear.matmul(rows, matrices)
    yield Elementwise(name="activation", part=part, rows=rows, width=network.intermediate)
    yield down.matmul(rows, matrices)
