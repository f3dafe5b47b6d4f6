"""Feed-forward networks, plain and gated, alone or stacked for every expert."""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.feed_forward import Gated as GatedComponent
from llmcmp.components.feed_forward import Plain as PlainComponent
from llmcmp.components.feed_forward import activation_weights
from llmcmp.nn.linear import Linear, Packed

if TYPE_CHECKING:
    from llmcmp.components.feed_forward import Activation
    from llmcmp.nn.flow import Flow

# gpt-oss: gate x sigmoid(alpha gate), gate and value clamped, and one added to the value.
CLAMP, ALPHA = 7.0, 1.702


def activated(x: Tensor, activation: Activation) -> Tensor:
    """The activation of a plain network."""
    match activation:
        case "relu":
            return F.relu(x)
        case "gelu":
            return F.gelu(x)
        case "gelu-tanh":
            return F.gelu(x, approximate="tanh")
        case "silu":
            return F.silu(x)
        case "clamped-silu":
            x = x.clamp(max=CLAMP)
            return x * torch.sigmoid(ALPHA * x)
        case "squared-relu":
            return F.relu(x).square()
        case "quick-gelu":
            return x * torch.sigmoid(ALPHA * x)
        case "sigmoid":
            return torch.sigmoid(x)
        case "tanh":
            return torch.tanh(x)
        case "xielu":
            raise AssertionError("xIELU has weights: a plain network applies it itself")


# xIELU (arXiv 2411.13010, 3): above 0 a parabola, below an exponential less a line, joined with slope 1/2.
SLOPE, LEAST = 0.5, -1e-6


def xielu(x: Tensor, above: Tensor, below: Tensor) -> Tensor:
    """The activation with its two learned slopes, kept positive by softplus."""
    up, down = F.softplus(above), SLOPE + F.softplus(below)
    return torch.where(x > 0, up * x * x + SLOPE * x, (torch.expm1(x.clamp(max=LEAST)) - x) * down + SLOPE * x)


def gated(gate: Tensor, up: Tensor, activation: Activation) -> Tensor:
    """What a gated network gives to its last product."""
    if activation == "clamped-silu":
        up = up.clamp(min=-CLAMP, max=CLAMP) + 1
    return activated(gate, activation) * up


class Plain(nn.Module):
    """down(activation(up(x)))."""

    def __init__(self, network: PlainComponent, experts: int | None = None) -> None:
        super().__init__()
        self.activation: Activation = network.activation
        self.up, self.down = (Linear(linear, experts) for linear in network.linears())
        for weight in activation_weights(network.activation):
            self.register_parameter(weight.name, nn.Parameter(torch.empty(1)))

    def forward(self, x: Tensor, flow: Flow | None = None, slot: None = None) -> Tensor:
        return self.down(self.inner((self.up(x),)))

    def inputs(self) -> tuple[Linear, ...]:
        """The maps that read the input."""
        return (self.up,)

    def inner(self, projected: tuple[Tensor, ...]) -> Tensor:
        """From what `inputs` give to what `down` reads."""
        if self.activation == "xielu":
            return xielu(projected[0], *self.slopes)
        return activated(projected[0], self.activation)

    @property
    def slopes(self) -> tuple[Tensor, Tensor]:
        """xIELU's weights."""
        return self.get_parameter("activation_above"), self.get_parameter("activation_below")

    def pack(self) -> None:
        """Nothing to pack."""


class Gated(nn.Module):
    """down(activation(gate(x)) * up(x))."""

    def __init__(self, network: GatedComponent, experts: int | None = None) -> None:
        super().__init__()
        self.activation: Activation = network.activation
        self.gate, self.up, self.down = (Linear(linear, experts) for linear in network.linears())
        self.packed: Packed | None = None

    def pack(self) -> None:
        """Project gate and value in one product."""
        self.packed = Packed(self.inputs())

    def forward(self, x: Tensor, flow: Flow | None = None, slot: None = None) -> Tensor:
        if self.packed is not None and not torch.is_grad_enabled():
            gate, up = self.packed(x).split(self.packed.sizes, -1)
        else:
            gate, up = self.gate(x), self.up(x)
        return self.down(gated(gate, up, self.activation))

    def inputs(self) -> tuple[Linear, ...]:
        """The maps that read the input."""
        return self.gate, self.up

    def inner(self, projected: tuple[Tensor, ...]) -> Tensor:
        """From what `inputs` give to what `down` reads."""
        gate, up = projected
        return gated(gate, up, self.activation)


def network(component: PlainComponent | GatedComponent, experts: int | None = None) -> Plain | Gated:
    """The twin of a network, or of one for each of `experts`."""
    if isinstance(component, PlainComponent):
        return Plain(component, experts)
    return Gated(component, experts)
