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
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen, replace
from llmcmp.ops import Attend, Elementwise, Matmul, State, Weight
from llmcmp.spans import Direction, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.dims import Dim
    from llmcmp.ops import Axis, Op, Plan, Run


@frozen
class Indexer:
    """Chooses the `top_k` keys that a query attends, by scores of its own (DeepSeek-V3.2-Exp, sparse attention, 2.1).

    A token has one key for all `heads`, and a weight for each head beside the queries, which the query latent gives.
    What it keeps of a token is that key. It is small, and stands whole on every device.
    """

    heads: int
    head_dim: int
    top_k: int

    def linears(self, hidden: int, query_rank: int) -> tuple[Linear, ...]:
        """query, key, head_weights."""
        width, rank, key = ("hidden", hidden), ("query_rank", query_rank), ("index_key", self.head_dim)
        queries, heads = ("index_heads", self.heads * self.head_dim), ("index_heads", self.heads)
        shapes = (("query", rank, queries), ("key", width, key), ("head_weights", width, heads))
        return tuple(Linear(name=f"indexer.{name}", inner=a, outer=b, part="attention") for name, a, b in shapes)

    def ops(self, run: Run, span: Span) -> Iterator[Op]:
        """Scores of all keys: of every head, ReLU, and their weighted sum, one more product."""
        pairs = run.batch * span.full_pairs(run.new, run.past)
        yield Elementwise(name="index norm", part="attention", rows=run.rows, width=self.head_dim)
        yield Attend(
            name="index",
            part="attention scores",
            queries=run.rows,
            pairs=pairs,
            visible_pairs=run.batch * span.visible_pairs(run.new, run.past, run.prefix),
            heads=self.heads,
            key_dim=self.head_dim,
            value_dim=1,
            fresh=run.rows * self.head_dim,
            cached=run.batch * run.past * lesser(run.new, 1) * self.head_dim,
            stored=run.rows * self.head_dim,
        )
        yield Elementwise(name="index", part="attention scores", rows=pairs, width=self.heads)


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
    indexer: Indexer | None = None

    def __post_init__(self) -> None:
        if self.indexer is not None and self.query_rank is None:
            raise ModelError("an indexer reads the latent of the queries: it needs query_rank")
        if self.indexer is not None and self.direction != "causal":
            raise ModelError("an indexer chooses among earlier keys: it needs causal attention")

    @property
    def label(self) -> str:
        chosen = "" if self.indexer is None else f", top {self.indexer.top_k} keys"
        return f"MLA {self.kv_rank}+{self.rope_dim}{chosen}"

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
        for linear in self.index_linears():
            yield from linear.weights()
        if self.indexer is not None:
            for leaf in ("weight", "bias"):
                axes = (("index_key", self.indexer.head_dim),)
                yield Weight(name=f"indexer.key_norm.{leaf}", axes=axes, part="attention")

    def index_linears(self) -> tuple[Linear, ...]:
        """Those of the indexer, where there is one."""
        if self.indexer is None or self.query_rank is None:
            return ()
        return self.indexer.linears(self.hidden, self.query_rank)

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        for linear in (*self.query_linears(), *self.down_linears(), *self.index_linears()):
            yield linear.matmul(run.rows)
        if self.indexer is not None:
            yield from self.indexer.ops(run, self.span)
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
        """Of all keys, or of those chosen: a query computes no more pairs than it has keys to attend.

        Cached entries that are read are then at most those chosen by any query: which ones depends on the text.
        """
        span, read = self.span, run.past
        pairs = run.batch * span.full_pairs(run.new, run.past)
        if self.indexer is not None:
            span = Span(window=self.indexer.top_k)  # as many keys as the last top_k would be
            pairs = run.batch * run.new * lesser(run.past + run.new, self.indexer.top_k)
            read = lesser(run.past, run.new * self.indexer.top_k)
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
            cached=run.batch * read * lesser(run.new, 1) * self.cache_width,
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
        kept = State(name="latent and rotary key", width=self.cache_width, span=self.span)
        if self.indexer is None:
            return (kept,)
        return kept, State(name="index key", width=self.indexer.head_dim, span=self.span)
