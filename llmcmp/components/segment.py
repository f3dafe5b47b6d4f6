"""Transformer-XL: relative attention over a memory of the previous segments' hidden states (arXiv 1901.02860, 3.2-3.3).

What is cached is the layer's *input*, not keys and values: they are projected anew from memory and segment in every
run, as the authors' code does. Scores are the sum of a content and a position product (terms a-d), hence a key twice
as wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.dims import lesser
from llmcmp.frozen import frozen, replace
from llmcmp.ops import Attend, Elementwise, State, Weight
from llmcmp.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run


@frozen
class SegmentAttention(Component):
    """`memory`: hidden states kept of earlier segments, which every token of a new segment attends in full."""

    kind: ClassVar[str] = "transformer-xl"
    hidden: int
    heads: int
    head_dim: int
    memory: int

    @property
    def label(self) -> str:
        return f"MHA + memory {self.memory}"

    def linears(self) -> tuple[Linear, ...]:
        """query, key, value, relative (of the sinusoids of distances), output."""
        hidden, wide = ("hidden", self.hidden), ("heads", self.heads * self.head_dim)
        inputs = (
            Linear(name=name, inner=hidden, outer=wide, part="attention")
            for name in ("query", "key", "value", "relative")
        )
        return (*inputs, Linear(name="output", inner=wide, outer=hidden, part="attention"))

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()
        for name in ("content_bias", "position_bias"):  # u and v of the paper's equation, one pair a layer
            axes = (("heads", self.heads), ("head_dim", self.head_dim))
            yield Weight(name=name, axes=axes, part="attention")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        query, key, value, relative, output = self.linears()
        remembered = lesser(run.past, self.memory)
        keys = (remembered + run.new) * lesser(run.new, 1)  # nothing is projected for no query
        yield query.matmul(run.rows)
        yield key.matmul(run.batch * keys)
        yield value.matmul(run.batch * keys)
        # Distances are the same for every sequence of the batch, and made of no weight.
        yield replace(relative.matmul(keys), constant=True)
        pairs = run.rows * keys
        yield Attend(
            name="scores",
            part="attention scores",
            queries=run.rows,
            pairs=pairs,
            visible_pairs=run.batch * (run.new * remembered + run.new * (run.new + 1) // 2),
            heads=self.heads,
            key_dim=2 * self.head_dim,
            value_dim=self.head_dim,
            fresh=run.batch * keys * 2 * self.heads * self.head_dim,
            cached=run.batch * remembered * lesser(run.new, 1) * self.hidden,
            stored=run.batch * lesser(run.new, self.memory) * self.hidden,
        )
        yield Elementwise(name="softmax", part="attention scores", rows=pairs, width=self.heads)
        yield output.matmul(run.rows)

    def state(self) -> tuple[State, ...]:
        return (State(name="memory of hidden states", width=self.hidden, span=Span(window=self.memory)),)
