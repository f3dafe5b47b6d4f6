"""Mamba's selective state space (arXiv 2312.00752, section 3), as Jamba has it too (arXiv 2403.19887, section 2).

Each of `inner` channels is a recurrence of its own on `state_size` numbers, whose step, input and output maps depend on
the token. In the words of attention, which Mamba-2 made exact: x is the value, B the key, C the query, z a gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llmcmp.components.base import Component
from llmcmp.components.convolution import Convolution, tail
from llmcmp.components.linear import Linear
from llmcmp.components.norms import EPSILON
from llmcmp.components.recurrence import Recurrence
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Axis, Op, Plan, Run, State


@frozen
class Mamba(Component):
    """`inner` channels with a state of `state_size` numbers each; steps come from a projection of rank `step_rank`.

    `norms`: RMS norms of steps, keys and queries (Jamba), which may have no weights (`norm_weights`, Falcon Mamba).
    `bias`: of the projections from and to `hidden`.
    """

    kind: ClassVar[str] = "mamba"
    hidden: int
    inner: int
    state_size: int
    step_rank: int
    kernel: int
    norms: bool = False
    norm_weights: bool = True
    bias: bool = False
    conv_bias: bool = True
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        assert self.convolution  # raises for a kernel that is none

    @property
    def label(self) -> str:
        return f"Mamba state {self.state_size}"

    def _linear(self, name: str, inner: Axis, outer: Axis, *, bias: bool = False) -> Linear:
        return Linear(name=name, inner=inner, outer=outer, part="linear mixer", bias=bias)

    def input_linears(self) -> tuple[Linear, ...]:
        """hidden to value (x) and gate (z)."""
        axes: tuple[Axis, Axis] = ("hidden", self.hidden), ("inner", self.inner)
        return tuple(self._linear(name, *axes, bias=self.bias) for name in ("value", "gate"))

    def selection_linears(self) -> tuple[Linear, ...]:
        """The convolved value to the step's low rank, key (B) and query (C)."""
        state = ("state", self.state_size)
        outputs: tuple[tuple[str, Axis], ...] = (
            ("step_down", ("step_rank", self.step_rank)),
            ("key", state),
            ("query", state),
        )
        return tuple(self._linear(name, ("inner", self.inner), outer) for name, outer in outputs)

    @property
    def step_up(self) -> Linear:
        """The step's low rank to a step for each channel."""
        return self._linear("step_up", ("step_rank", self.step_rank), ("inner", self.inner), bias=True)

    @property
    def output(self) -> Linear:
        """Channels to hidden."""
        return self._linear("output", ("inner", self.inner), ("hidden", self.hidden), bias=self.bias)

    @property
    def convolution(self) -> Convolution:
        return Convolution(name="conv", channels=("inner", self.inner), kernel=self.kernel, bias=self.conv_bias)

    @property
    def recurrence(self) -> Recurrence:
        inputs = 2 * self.inner + 2 * self.state_size  # values and steps, keys and queries
        return Recurrence(heads=self.inner, key_dim=self.state_size, value_dim=1, products=2, inputs=inputs)

    def weights(self) -> Iterator[Weight]:
        for part in (*self.input_linears(), self.convolution, *self.selection_linears(), self.step_up):
            yield from part.weights()
        if self.norms and self.norm_weights:
            for name, axis in (("step", ("step_rank", self.step_rank)), ("key", self._state), ("query", self._state)):
                yield Weight(name=f"{name}_norm.weight", axes=(axis,), part="linear mixer")
        # A = -exp(decay_log), and D, which lets the value pass by the recurrence.
        yield Weight(name="decay_log", axes=(("inner", self.inner), self._state), part="linear mixer")
        yield Weight(name="skip", axes=(("inner", self.inner),), part="linear mixer")
        yield from self.output.weights()

    @property
    def _state(self) -> Axis:
        return "state", self.state_size

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        for linear in self.input_linears():
            yield linear.matmul(run.rows)
        yield from self.convolution.ops(run, plan)
        yield self._elementwise("activation", run, self.inner)
        for linear in self.selection_linears():
            yield linear.matmul(run.rows)
        if self.norms:
            yield self._elementwise("norms", run, self.step_rank + 2 * self.state_size)
        yield self.step_up.matmul(run.rows)
        yield self._elementwise("step", run, self.inner)
        yield self._elementwise("decay", run, self.recurrence.width)
        yield self.recurrence.scan(run)
        yield self._elementwise("skip and gate", run, 2 * self.inner)
        yield self.output.matmul(run.rows)

    def _elementwise(self, name: str, run: Run, width: int) -> Elementwise:
        return Elementwise(name=name, part="linear mixer", rows=run.rows, width=width)

    def state(self) -> tuple[State, ...]:
        return self.recurrence.state(), tail((self.convolution,))
