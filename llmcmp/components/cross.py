"""Cross-attention: a decoder's queries over the encoder's output (arXiv 1706.03762, 3.2.3).

Keys and values are projected once a source and cached; decode steps only read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llmcmp.components.attention import Projection, heads_label, projections
from llmcmp.components.base import Component
from llmcmp.dims import lesser
from llmcmp.frozen import frozen
from llmcmp.ops import Attend, Elementwise, State
from llmcmp.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.linear import Linear
    from llmcmp.ops import Op, Plan, Run, Weight


@frozen
class CrossAttention(Component):
    """Queries from the decoder, keys and values from the encoder's output, projected once a source.

    `scale` multiplies the scores, 1 / sqrt(head_dim) if not given. `idle`: held and never run, as in the decoder of an
    encoder-decoder that is used alone.
    """

    kind: ClassVar[str] = "cross"
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    bias: tuple[Projection, ...] = ()
    scale: float | None = None
    idle: bool = False

    @property
    def label(self) -> str:
        if self.idle:
            return "cross-attention, idle"
        return f"cross {heads_label(self.heads, self.kv_heads)}"

    @property
    def kv_width(self) -> int:
        """Key and value elements of one source token."""
        return 2 * self.kv_heads * self.head_dim

    def linears(self) -> tuple[Linear, ...]:
        """The four projections: query, key, value, output."""
        return projections(self, ("source", self.hidden), "cross-attention")

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        if self.idle:
            return
        query, key, value, output = self.linears()
        source = run.batch * run.source_new
        yield query.matmul(run.rows)
        yield key.matmul(source)
        yield value.matmul(source)
        pairs = run.rows * (run.source_past + run.source_new)
        yield Attend(
            name="scores",
            part="cross-attention scores",
            queries=run.rows,
            pairs=pairs,
            visible_pairs=pairs,
            heads=self.heads,
            key_dim=self.head_dim,
            value_dim=self.head_dim,
            fresh=source * self.kv_width,
            # Cached keys are read only where there are queries.
            cached=run.batch * run.source_past * lesser(run.new, 1) * self.kv_width,
            stored=source * self.kv_width,
        )
        yield Elementwise(name="softmax", part="cross-attention scores", rows=pairs, width=self.heads)
        yield output.matmul(run.rows)

    def state(self) -> tuple[State, ...]:
        if self.idle:
            return ()
        return (
            State(
                name="cross keys and values",
                width=self.kv_width,
                span=Span(direction="bidirectional"),
                clock="source",
                values=self.kv_heads * self.head_dim,
                heads=self.kv_heads,
            ),
        )
