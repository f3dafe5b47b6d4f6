"""Softmax attention with heads: multi-head, grouped-query (arXiv 2305.13245) and multi-query (arXiv 1911.02150).

`kv_heads` says which: equal to `heads` it is multi-head, 1 is multi-query, between them grouped. Everything that
varies beside it (biases, QK norm, window, sinks, soft cap, output gate) is a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.components.norms import EPSILON
from llmcmp.components.positions import AttentionPosition, Rotary
from llmcmp.dims import lesser
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Attend, Elementwise, State, Weight
from llmcmp.spans import Direction, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Axis, Op, Part, Plan, Run

Projection = Literal["query", "key", "value", "output"]


def heads_label(heads: int, kv_heads: int) -> str:
    """MHA, MQA or "GQA 32/8"."""
    if heads == kv_heads:
        return "MHA"
    return "MQA" if kv_heads == 1 else f"GQA {heads}/{kv_heads}"


class HeadSizes(Protocol):
    """What the four projections of an attention with heads depend on."""

    @property
    def hidden(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def bias(self) -> tuple[Projection, ...]: ...


def projections(sizes: HeadSizes, read: Axis, part: Part, value_dim: int | None = None) -> tuple[Linear, ...]:
    """Query, key, value and output; keys and values are of what the attention reads."""
    hidden, wide = ("hidden", sizes.hidden), sizes.head_dim if value_dim is None else value_dim
    queries, mixed = ("heads", sizes.heads * sizes.head_dim), ("heads", sizes.heads * wide)
    keys, values = ("kv_heads", sizes.kv_heads * sizes.head_dim), ("kv_heads", sizes.kv_heads * wide)
    shapes = (("query", hidden, queries), ("key", read, keys), ("value", read, values), ("output", mixed, hidden))
    return tuple(
        Linear(name=name, inner=inner, outer=outer, part=part, bias=name in sizes.bias) for name, inner, outer in shapes
    )


@frozen
class Temperature:
    """The query at position p is multiplied by 1 + scale x ln(1 + (p + 1) // floor) (Llama 4; arXiv 2501.19399)."""

    floor: int
    scale: float


@frozen
class Attention(Component):
    """`qk_norm`: an RMS norm of queries and keys over each "head", over the "whole" projection, or "l2" without weight;
    or a LayerNorm of each head, with one weight and bias for all ("layer", Phi) or a weight for each ("each", Cohere).

    `value_dim`: elements of a head's value, `head_dim` if not given (MiMo-V2). `head_gate`: each head's result is
    multiplied by a gate, one number a head that is projected from the input (Laguna; arXiv 2505.06708).
    `sinks`: one learned logit a head that joins the softmax and no value (gpt-oss). `soft_cap`: scores pass through
    cap x tanh(score / cap) (Gemma 2). `output_gate`: the result is multiplied by a sigmoid gate that is projected from
    the input beside the queries, and has a bias where they have one (Qwen3-Next; arXiv 2505.06708). `scale` multiplies
    the scores, 1 / sqrt(head_dim) if not given (T5 has 1). `epsilon` and `unit_offset` are those of the QK norm.
    `temperature` sharpens scores far into a text.
    """

    kind: ClassVar[str] = "multi-head"
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    direction: Direction
    position: AttentionPosition
    bias: tuple[Projection, ...] = ()
    value_dim: int | None = None
    qk_norm: Literal["head", "whole", "l2", "layer", "each"] | None = None
    window: int | None = None
    chunked: bool = False
    sinks: bool = False
    soft_cap: float | None = None
    output_gate: bool = False
    head_gate: Literal["sigmoid", "softplus"] | None = None
    scale: float | None = None
    temperature: Temperature | None = None
    epsilon: float = EPSILON
    unit_offset: bool = False

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ModelError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        assert self.span  # raises for a window that the direction does not allow

    @property
    def label(self) -> str:
        reach = "" if self.window is None else f" {'chunk' if self.chunked else 'window'} {self.window}"
        return heads_label(self.heads, self.kv_heads) + reach

    @property
    def span(self) -> Span:
        return Span(direction=self.direction, window=self.window, chunked=self.chunked)

    @property
    def kv_width(self) -> int:
        """Key and value elements of one token."""
        return self.kv_heads * (self.head_dim + self.value_size)

    @property
    def value_size(self) -> int:
        """Elements of a head's value."""
        return self.head_dim if self.value_dim is None else self.value_dim

    def linears(self) -> tuple[Linear, ...]:
        """The projections: query, key, value, gates where there are some, output."""
        hidden = ("hidden", self.hidden)
        *inputs, output = projections(self, hidden, "attention", self.value_dim)
        gates = {"gate": self.value_size} if self.output_gate else {}
        gates |= {"head_gate": 1} if self.head_gate else {}
        biased = "query" in self.bias
        return (
            *inputs,
            *(
                Linear(
                    name=name,
                    inner=hidden,
                    outer=("heads", self.heads * size),
                    part="attention",
                    bias=biased and size > 1,
                )
                for name, size in gates.items()
            ),
            output,
        )

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()
        if self.qk_norm in ("head", "whole"):
            per_head = self.qk_norm == "head"
            for name, axis, heads in (("query_norm", "heads", self.heads), ("key_norm", "kv_heads", self.kv_heads)):
                normed = ("head_dim", self.head_dim) if per_head else (axis, heads * self.head_dim)
                yield Weight(name=f"{name}.weight", axes=(normed,), part="attention")
        if self.qk_norm == "layer":
            for name in ("query_norm", "key_norm"):
                for leaf in ("weight", "bias"):
                    yield Weight(name=f"{name}.{leaf}", axes=(("head_dim", self.head_dim),), part="attention")
        if self.qk_norm == "each":
            for name, axis, heads in (("query_norm", "heads", self.heads), ("key_norm", "kv_heads", self.kv_heads)):
                axes = ((axis, heads), ("head_dim", self.head_dim))
                yield Weight(name=f"{name}.weight", axes=axes, part="attention")
        if self.sinks:
            yield Weight(name="sinks", axes=(("heads", self.heads),), part="attention")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        *inputs, output = self.linears()
        for linear in inputs:
            yield linear.matmul(run.rows)
        yield from self._preparation(run)
        yield from self._scores(run)
        if self.output_gate or self.head_gate:
            yield Elementwise(name="gate", part="attention", rows=run.rows, width=self.heads * self.value_size)
        yield output.matmul(run.rows)

    def _preparation(self, run: Run) -> Iterator[Op]:
        both = self.heads + self.kv_heads
        if self.qk_norm is not None:
            yield Elementwise(name="qk norm", part="attention", rows=run.rows, width=both * self.head_dim)
        if isinstance(self.position, Rotary):
            rotated = both * self.position.rotated(self.head_dim)
            yield Elementwise(name="rotary", part="attention", rows=run.rows, width=rotated)
        if self.temperature is not None:
            yield Elementwise(name="temperature", part="attention", rows=run.rows, width=self.heads * self.head_dim)

    def _scores(self, run: Run) -> Iterator[Op]:
        span, stores = self.span, self.direction != "bidirectional"
        pairs = run.batch * span.full_pairs(run.new, run.past)
        yield Attend(
            name="scores",
            part="attention scores",
            queries=run.rows,
            pairs=pairs,
            visible_pairs=run.batch * span.visible_pairs(run.new, run.past, run.prefix),
            heads=self.heads,
            key_dim=self.head_dim,
            value_dim=self.value_size,
            fresh=run.rows * self.kv_width,
            cached=run.batch * span.past_keys(run.past) * lesser(run.new, 1) * self.kv_width,
            stored=run.batch * span.kept(run.new) * self.kv_width if stores else 0,
        )
        if self.soft_cap is not None:
            yield Elementwise(name="soft cap", part="attention scores", rows=pairs, width=self.heads)
        yield Elementwise(name="softmax", part="attention scores", rows=pairs, width=self.heads)

    def state(self) -> tuple[State, ...]:
        if self.direction == "bidirectional":
            return ()
        values = self.kv_heads * self.head_dim
        return (State(name="keys and values", width=self.kv_width, span=self.span, values=values, heads=self.kv_heads),)
