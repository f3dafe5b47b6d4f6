"""Multi-head latent attention (MLA; DeepSeek-V2, arXiv 2405.04434, section 2.1).

Keys and values of all heads are expanded from one latent of `kv_rank` elements a token; only that latent and one
shared rotary key of `rope_dim` elements are cached, whichever way the attention is executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.components.norms import EPSILON
from llmcmp.components.positions import AttentionPosition
from llmcmp.dims import lesser
from llmcmp.frozen import frozen, replace
from llmcmp.ops import Attend, Elementwise, Matmul, State, Weight
from llmcmp.spans import Direction, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.dims import Dim
    from llmcmp.ops import Axis, Op, Plan, Run


@frozen
class LatentAttention(Component):
    """`query_rank` compresses the queries too; without it they are projected directly (DeepSeek-V2-Lite).

    A head's query and key have `nope_dim` + `rope_dim` elements, its value `value_dim`. `scale` multiplies the scores,
    1 / sqrt(nope_dim + rope_dim) if not given. `epsilon` is that of the norms of both latents. `bias`: of these maps.
    """

    kind: ClassVar[str] = "latent"
    hidden: int
    heads: int
    query_rank: int | None = None
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    direction: Direction
    position: AttentionPosition
    scale: float | None = None
    epsilon: float = EPSILON
    bias: tuple[Literal["query_down", "kv_down", "output"], ...] = ()

    @property
    def label(self) -> str:
        return f"MLA {self.kv_rank}+{self.rope_dim}"

    @property
    def key_dim(self) -> int:
        """Elements of a head's query and key."""
        return self.nope_dim + self.rope_dim

    @property
    def cache_width(self) -> int:
        """Cached elements of one token: the latent and the shared rotary key."""
        return self.kv_rank + self.rope_dim

    def _linear(self, name: str, inner: Axis, outer: Axis) -> Linear:
        down = "kv_down" if name == "key_rope" else name  # one map in the reference, with one bias
        return Linear(name=name, inner=inner, outer=outer, part="attention", bias=down in self.bias)

    def query_linears(self) -> tuple[Linear, ...]:
        """hidden to queries, through the query latent where there is one."""
        hidden, queries = ("hidden", self.hidden), ("heads", self.heads * self.key_dim)
        if self.query_rank is None:
            return (self._linear("query", hidden, queries),)
        rank = ("query_rank", self.query_rank)
        return (self._linear("query_down", hidden, rank), self._linear("query_up", rank, queries))

    def down_linears(self) -> tuple[Linear, ...]:
        """hidden to what is cached: the latent, and the rotary key that all heads share."""
        hidden = ("hidden", self.hidden)
        return (
            self._linear("kv_down", hidden, ("kv_rank", self.kv_rank)),
            self._linear("key_rope", hidden, ("rope_dim", self.rope_dim)),
        )

    def up_linears(self) -> tuple[Linear, ...]:
        """The latent to keys (without their rotary part) and values of all heads."""
        rank = ("kv_rank", self.kv_rank)
        return (
            self._linear("key_up", rank, ("heads", self.heads * self.nope_dim)),
            self._linear("value_up", rank, ("heads", self.heads * self.value_dim)),
        )

    @property
    def output(self) -> Linear:
        """Values of all heads to hidden."""
        return self._linear("output", ("heads", self.heads * self.value_dim), ("hidden", self.hidden))

    def weights(self) -> Iterator[Weight]:
        for linear in (*self.query_linears(), *self.down_linears(), *self.up_linears(), self.output):
            yield from linear.weights()
        if self.query_rank is not None:
            yield Weight(name="query_norm.weight", axes=(("query_rank", self.query_rank),), part="attention")
        yield Weight(name="kv_norm.weight", axes=(("kv_rank", self.kv_rank),), part="attention")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        for linear in (*self.query_linears(), *self.down_linears()):
            yield linear.matmul(run.rows)
        norms = (self.query_rank or 0) + self.kv_rank
        yield Elementwise(name="latent norms", part="attention", rows=run.rows, width=norms)
        yield Elementwise(name="rotary", part="attention", rows=run.rows, width=(self.heads + 1) * self.rope_dim)
        yield from self._absorbed(run) if plan.latent == "absorbed" else self._expanded(run)
        yield self.output.matmul(run.rows)

    def _expanded(self, run: Run) -> Iterator[Op]:
        keys = run.batch * (run.past + run.new) * lesser(run.new, 1)  # nothing is expanded for no query
        for linear in self.up_linears():
            yield linear.matmul(keys)
        expanded = self.heads * (self.nope_dim + self.value_dim) + self.rope_dim
        yield from self._scores(run, self.key_dim, self.value_dim, fresh=keys * expanded)

    def _absorbed(self, run: Run) -> Iterator[Op]:
        """Queries go down to the latent space and results come back up, head by head."""
        rows = run.rows * self.heads
        into, out = (self.nope_dim, self.kv_rank), (self.kv_rank, self.value_dim)
        for name, (inner, outer) in (("key_up", into), ("value_up", out)):
            yield Matmul(name=name, part="attention", rows=rows, inner=inner, outer=outer, matrices=self.heads)
        yield from self._scores(run, self.cache_width, self.kv_rank, fresh=run.rows * self.cache_width)

    def _scores(self, run: Run, key_dim: int, value_dim: int, fresh: Dim) -> Iterator[Op]:
        span = self.span
        pairs = run.batch * span.full_pairs(run.new, run.past)
        yield Attend(
            name="scores",
            part="attention scores",
            queries=run.rows,
            pairs=pairs,
            visible_pairs=run.batch * span.visible_pairs(run.new, run.past, run.prefix),
            heads=self.heads,
            key_dim=key_dim,
            value_dim=value_dim,
            fresh=fresh,
            cached=run.batch * run.past * lesser(run.new, 1) * self.cache_width,
            stored=run.rows * self.cache_width,
        )
        yield Elementwise(name="softmax", part="attention scores", rows=pairs, width=self.heads)

    def plans(self, plan: Plan) -> tuple[Plan, ...]:
        if plan.latent != "auto":
            return (plan,)
        return replace(plan, latent="absorbed"), replace(plan, latent="expanded")

    @property
    def span(self) -> Span:
        return Span(direction=self.direction)

    def state(self) -> tuple[State, ...]:
        return (State(name="latent and rotary key", width=self.cache_width, span=self.span),)
