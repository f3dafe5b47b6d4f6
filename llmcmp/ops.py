"""The vocabulary between components and costs: the weights a model holds, the state it keeps, the operations it runs.

Everything here is a count: FLOPs, elements, rows. Bytes, seconds and devices are applied by folds. FLOPs count one
multiply-add as two. Elementwise work (norms, softmax, activations, rotations) is counted in elements and reported
apart; it is assumed to be fused into its neighbours, so it moves nothing.
"""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from llmcmp.dims import exact_enough, greater, lesser, maximum
from llmcmp.errors import QuantityError
from llmcmp.frozen import frozen, replace

if TYPE_CHECKING:
    from llmcmp.dims import Amount, Dim
    from llmcmp.spans import Fixed, Span

# What a tensor or an operation is for; `params` and `flops` report by these.
Part = Literal[
    "embedding",
    "position",
    "norm",
    "attention",
    "attention scores",
    "linear mixer",
    "convolution",
    "scan",
    "cross-attention",
    "cross-attention scores",
    "feed-forward",
    "router",
    "routed experts",
    "shared experts",
    "projection",
    "pooler",
    "head",
]

Latent = Literal["auto", "absorbed", "expanded"]

# "last" computes logits for the last position of each sequence only, as serving does in a prefill.
Logits = Literal["all", "last"]
Axis: TypeAlias = tuple[str, int]


@frozen
class Weight:
    """One stored tensor, shaped as torch stores it (outputs first).

    `shared` names a tensor that several components use: it is counted once. `visits` is, for a tensor with a leading
    "experts" axis, how many of the experts one token uses. `buffer` marks what a checkpoint stores and no optimiser
    trains (an expert score correction); it is listed apart from the parameters.
    """

    name: str
    axes: tuple[Axis, ...]
    part: Part
    shared: str | None = None
    visits: int | None = None
    buffer: bool = False

    @property
    def elements(self) -> int:
        """Elements of the whole tensor."""
        return prod(size for _, size in self.axes)

    @property
    def active(self) -> int:
        """Elements that one token uses."""
        return self.elements if self.visits is None else self.elements // self.axes[0][1] * self.visits


@frozen
class State:
    """What a component keeps between tokens: `width` elements for each position that `span` keeps.

    `clock` says what it grows with: the tokens of the sequence, or the encoder's source (cross-attention). `dtype` is
    set where the mechanism fixes it (a recurrent state in fp32); what has none is kept in the dtype of the cache.
    `values` of the elements are values, which a cache may keep in a dtype of their own; the others are keys, or what
    stands for both. `heads` is the number of heads that the keys are of, as of the values: formats that share scales
    between elements go by heads.
    """

    name: str
    width: int
    span: Span | Fixed
    dtype: str | None = None
    clock: Literal["tokens", "source"] = "tokens"
    values: int = 0
    heads: int = 1

    def positions(self, context: Dim, source: Dim) -> Dim:
        """Positions of one sequence after `context` tokens and a source of `source` tokens."""
        return self.span.kept(context if self.clock == "tokens" else source)

    def elements(self, context: Dim, source: Dim) -> Dim:
        """Elements of one sequence after as many tokens."""
        return self.width * self.positions(context, source)


@frozen(eq=False)
class Run:
    """One execution: `new` tokens a sequence after `past` cached ones, in `batch` sequences.

    Prefill is past = 0, decode is new = 1; any other pair is a chunk. `source_new` tokens are encoded in this run,
    `source_past` were encoded before it. `prefix`: leading tokens that a prefix decoder attends in both directions.
    """

    batch: Dim = 1
    new: Dim = 1
    past: Dim = 0
    source_new: Dim = 0
    source_past: Dim = 0
    prefix: Dim = 0
    logits: Logits = "all"

    @cached_property
    def rows(self) -> Dim:
        """Tokens computed in this run, over the batch."""
        return self.batch * self.new

    @property
    def logit_rows(self) -> Dim:
        """Positions that get logits, over the batch."""
        return self.rows if self.logits == "all" else self.batch * lesser(self.new, 1)

    def of_source(self) -> Run:
        """The encoder's part of this run."""
        return Run(batch=self.batch, new=self.source_new)

    def at_maxima(self) -> Run:
        """The scalar run whose every size is the largest of this one: no point of a sweep costs more."""
        return Run(
            batch=maximum(self.batch),
            new=maximum(self.new),
            past=maximum(self.past),
            source_new=maximum(self.source_new),
            source_past=maximum(self.source_past),
            prefix=maximum(self.prefix),
            logits=self.logits,
        )

    def held_exactly(self, bound: int) -> Run:
        """This run with array types in which results up to `bound` are exact (or float64 beyond int64)."""
        return replace(
            self,
            batch=exact_enough(self.batch, bound),
            new=exact_enough(self.new, bound),
            past=exact_enough(self.past, bound),
            source_new=exact_enough(self.source_new, bound),
            source_past=exact_enough(self.source_past, bound),
            prefix=exact_enough(self.prefix, bound),
        )


@frozen
class Plan:
    """How to execute what can be executed in two ways; the result is the same, the cost is not.

    `latent`: latent attention either re-expands keys and values from the cached latent ("expanded"), or absorbs the
    expansion into queries and outputs and attends in the latent space ("absorbed"; DeepSeek-V2, arXiv 2405.04434,
    section 2.1.2). "auto" takes the cheaper at each point of the run.
    """

    latent: Latent = "auto"

    def __post_init__(self) -> None:
        if self.latent not in get_args(Latent):
            raise QuantityError(f"latent must be auto, absorbed or expanded, not {self.latent!r}")


@frozen(eq=False)
class Draw:
    """Experts that `tokens` tokens are sent to, `per_token` of `experts` each."""

    experts: int
    per_token: int
    tokens: Dim

    @property
    def expected(self) -> Amount:
        """Distinct experts visited in expectation, routing being uniform and independent: E (1 - (1 - k/E)^T).

        k for one token, towards E for many. A float (an array of them for an array of tokens).

        >>> Draw(experts=160, per_token=6, tokens=1).expected
        6.0
        """
        # Written so that one token gives exactly k: E - (E - k) ((E - k) / E)^(T - 1), and none gives 0.
        left = self.experts - self.per_token
        return (self.experts - left * (left / self.experts) ** greater(self.tokens - 1, 0)) * lesser(self.tokens, 1)


@frozen(eq=False)
class Matmul:
    """`rows` vectors of `inner` elements, each times an inner x outer matrix.

    `matrices` is how many distinct matrices the rows are spread over (heads, experts drawn): what has to be read. In
    a backward pass, `gradient` says with respect to what; the product is as large as the forward one. `constant`: no
    weight is behind the rows (sinusoids), so nobody asks for their gradient.
    """

    name: str
    part: Part
    rows: Dim
    inner: int
    outer: int
    matrices: int | Draw = 1
    gradient: Literal["input", "weight"] | None = None
    constant: bool = False

    @property
    def flops(self) -> Dim:
        return self.rows * self.flops_a_row

    @property
    def flops_a_row(self) -> int:
        return 2 * self.inner * self.outer  # multiply-add = 2


@frozen(eq=False)
class Attend:
    """Scores and weighted values: `heads` x pairs x (key_dim + value_dim) multiply-adds.

    `pairs` are full pairs and `visible_pairs` those that the mask lets through, both over the batch (spans.py).
    `cached` and `stored` are cache elements read and written, `fresh` elements of keys and values of this run.
    """

    name: str
    part: Part
    queries: Dim
    pairs: Dim
    visible_pairs: Dim
    heads: int
    key_dim: int
    value_dim: int
    fresh: Dim = 0
    cached: Dim = 0
    stored: Dim = 0
    gradient: bool = False

    @property
    def flops(self) -> Dim:
        return self.pairs * self.flops_a_pair

    @property
    def visible_flops(self) -> Dim:
        return self.visible_pairs * self.flops_a_pair

    @property
    def flops_a_pair(self) -> int:
        # Backward needs four products for the forward's two: gradients of values, weights, queries and keys.
        return 2 * self.heads * (self.key_dim + self.value_dim) * (2 if self.gradient else 1)


@frozen(eq=False)
class Convolve:
    """A causal convolution of each of `channels` over time: `kernel` multiply-adds a channel and token.

    `cached` and `stored` are inputs of earlier runs that are read, and of this run that are kept for the next.
    """

    name: str
    part: Part
    rows: Dim
    channels: int
    kernel: int
    cached: Dim = 0
    stored: Dim = 0
    gradient: Literal["input", "weight"] | None = None

    @property
    def flops(self) -> Dim:
        return self.rows * self.flops_a_row

    @property
    def flops_a_row(self) -> int:
        return 2 * self.kernel * self.channels  # multiply-add = 2


@frozen(eq=False)
class Scan:
    """A recurrence over `rows` tokens, on a state S of `heads` matrices of key_dim x value_dim elements.

    Each token costs, for each element of the state, one multiply-add a product:

        2 products   S = a S + k v', o = S' q                        write, read (Mamba-2, arXiv 2405.21060, 2.1)
        3 products   R = a S, S = R + b k (v - R' k)', o = S' q      recall, write, read (arXiv 2412.06464, 3.1)

    so heads x key_dim x value_dim x 2 x products FLOPs a token. The decay a is Elementwise, as all scaling is. It is
    the recurrence itself that counts: what a kernel that works in chunks computes beyond it, padding included, never.
    `inputs` are elements that a token brings, `cached` and `stored` elements of the state read before and written after
    the run, in the dtype of the state.
    """

    name: str
    part: Part
    rows: Dim
    heads: int
    key_dim: int
    value_dim: int
    products: Literal[2, 3]
    inputs: int
    cached: Dim = 0
    stored: Dim = 0
    dtype: str | None = None
    gradient: bool = False

    @property
    def flops(self) -> Dim:
        return self.rows * self.flops_a_row

    @property
    def flops_a_row(self) -> int:
        # Each product is bilinear: its backward pass needs two.
        return 2 * self.products * self.state * (2 if self.gradient else 1)

    @property
    def state(self) -> int:
        """Elements of one sequence's state."""
        return self.heads * self.key_dim * self.value_dim


@frozen(eq=False)
class Elementwise:
    """A norm, softmax, activation or rotation over rows x width elements."""

    name: str
    part: Part
    rows: Dim
    width: int

    @property
    def elements(self) -> Dim:
        return self.rows * self.width


@frozen(eq=False)
class Gather:
    """A table look-up of `rows` vectors of `width` elements: no FLOPs, but it moves."""

    name: str
    part: Part
    rows: Dim
    width: int
    gradient: bool = False


@frozen(eq=False)
class Collective:
    """What `ranks` devices exchange so that each holds rows x width elements: the sum of their parts, or all of them.

    Of the forward pass only (passes/shard.py). No FLOPs, and no traffic of a device's own memory.
    """

    name: str
    part: Part
    kind: Literal["all-reduce", "all-gather"]
    rows: Dim
    width: int
    ranks: int

    @property
    def elements(self) -> Dim:
        return self.rows * self.width


Op: TypeAlias = Matmul | Attend | Convolve | Scan | Elementwise | Gather | Collective
