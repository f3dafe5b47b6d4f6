"""Feed-forward networks: plain (arXiv 1706.03762, 3.3) and gated (GLU variants, arXiv 2002.05202)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.dims import Dim
    from llmcmp.ops import Draw, Op, Part, Plan, Run

# gelu-tanh is GELU's tanh approximation; they differ in value, not in cost.
# Squared ReLU: arXiv 2109.08668. xIELU (arXiv 2411.13010) has two weights of its own, for inputs above and below 0.
Activation = Literal[
    "relu", "gelu", "gelu-tanh", "silu", "clamped-silu", "squared-relu", "quick-gelu", "sigmoid", "tanh", "xielu"
]

_PLAIN: dict[Activation, str] = {
    "relu": "ReLU",
    "gelu": "GELU",
    "gelu-tanh": "GELU",
    "silu": "SiLU",
    "clamped-silu": "clamped SiLU",
    "squared-relu": "ReLU²",
    "quick-gelu": "quick GELU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "xielu": "xIELU",
}
_GATED: dict[Activation, str] = {
    "relu": "ReGLU",
    "gelu": "GeGLU",
    "gelu-tanh": "GeGLU",
    "silu": "SwiGLU",
    "clamped-silu": "clamped SwiGLU",
    "squared-relu": "ReGLU²",
    "quick-gelu": "quick GeGLU",
    "sigmoid": "GLU",
    "tanh": "tanh GLU",
    "xielu": "xIELU GLU",
}


def activation_weights(activation: Activation) -> Iterator[Weight]:
    """The weights that an activation has itself."""
    for name in ("above", "below") if activation == "xielu" else ():
        yield Weight(name=f"activation_{name}", axes=(("slope", 1),), part="feed-forward")


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
        yield from activation_weights(self.activation)

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

    def __post_init__(self) -> None:
        if self.activation == "xielu":
            raise ModelError("xielu is an activation of plain networks")

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
