"""How a model knows the order of its tokens.

Tables (learned positions, T5's relative bias) are components of a tower. Rotary, ALiBi and "none" hold no weights and
act inside the attention that carries them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from llmcmp.components.base import Component
from llmcmp.dims import lesser
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Gather, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run


@frozen
class LearnedPositions(Component):
    """A table of one vector a position, added to the token's (BERT, GPT-2).

    `rows` includes reserved ones; the first token has row `offset` (OPT, BART, RoBERTa: 2).
    """

    kind: ClassVar[str] = "learned"
    rows: int
    width: int
    offset: int = 0

    @property
    def label(self) -> str:
        return "learned absolute"

    def weights(self) -> Iterator[Weight]:
        yield Weight(name="weight", axes=(("positions", self.rows), ("width", self.width)), part="position")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Gather(name="positions", part="position", rows=run.new, width=self.width)


@frozen
class RelativeBias(Component):
    """T5's table of one bias a distance bucket and head, shared by all layers of a tower (arXiv 1910.10683, 2.1)."""

    kind: ClassVar[str] = "relative-bias"
    buckets: int
    max_distance: int
    heads: int

    @property
    def label(self) -> str:
        return "relative bias (T5)"

    def weights(self) -> Iterator[Weight]:
        yield Weight(name="weight", axes=(("buckets", self.buckets), ("heads", self.heads)), part="position")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        rows = lesser(run.past + run.new, self.buckets) * lesser(run.new, 1)  # each row is read once, for all layers
        yield Gather(name="relative bias", part="position", rows=rows, width=self.heads)


@frozen
class Sinusoidal(Component):
    """Fixed sines and cosines added to the embedding (arXiv 1706.03762, 3.5): no weights."""

    kind: ClassVar[str] = "sinusoidal"

    @property
    def label(self) -> str:
        return "sinusoidal"

    def weights(self) -> Iterator[Weight]:
        yield from ()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield from ()


@frozen
class Scaling:
    """How rotary frequencies are stretched beyond the trained length `original`.

    linear: arXiv 2306.15595; ntk: NTK-aware base change; yarn: arXiv 2309.00071; longrope: arXiv 2402.13753;
    llama3: Llama 3.1's piecewise rule. No scaling changes a weight or a FLOP.

    `fast`, `slow`: rotations within `original` above which a frequency stays, and below which it is divided by `factor`
    (yarn's beta 32 and 1, llama3's high and low frequency factors 4 and 1). `attention_factor`: what sines and cosines
    are multiplied by; yarn's own rule, 0.1 ln(factor) + 1, if not given. `truncate`: yarn rounds the dimensions between
    which it blends (gpt-oss does not).
    """

    kind: Literal["linear", "ntk", "yarn", "longrope", "llama3"]
    factor: float | None = None
    original: int | None = None
    fast: float | None = None
    slow: float | None = None
    attention_factor: float | None = None
    truncate: bool = True


@frozen
class Rotary:
    """Rotation of queries and keys by their position (RoPE, arXiv 2104.09864).

    `fraction` of each head is rotated (GPT-NeoX 0.25); `axes` = 2 splits it between two position numbers (ChatGLM-6B).
    Rotated pairs are element i and i + half, or neighbours where `interleaved` (GPT-J, GLM).
    """

    kind: ClassVar[str] = "rotary"
    theta: float = 10000.0
    fraction: float = 1.0
    axes: Literal[1, 2] = 1
    interleaved: bool = False
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        if self.fraction > 1:
            raise ModelError(f"fraction ({self.fraction}) is the share of a head that is rotated, at most 1")

    @property
    def label(self) -> str:
        name = "RoPE 2-D" if self.axes == 2 else "RoPE"
        if self.fraction < 1:
            name += f" on {self.fraction:.0%}"
        stretched = {"linear": "linear", "ntk": "NTK", "yarn": "YaRN", "longrope": "LongRoPE", "llama3": "Llama-3"}
        return name if self.scaling is None else f"{name} + {stretched[self.scaling.kind]}"

    def rotated(self, head_dim: int) -> int:
        """Elements of a head that are rotated."""
        return int(head_dim * self.fraction)


@frozen
class Alibi:
    """A fixed slope a head times the distance, added to the scores (arXiv 2108.12409)."""

    kind: ClassVar[str] = "alibi"

    @property
    def label(self) -> str:
        return "ALiBi"


def slopes(heads: int) -> list[float]:
    """ALiBi's 2^(-8 i / heads) for head i = 1 ...; beyond a power of two, every other slope of the next one.

    arXiv 2108.12409, section 3, and the authors' code for other numbers of heads.
    """
    power = 1 << (heads.bit_length() - 1)
    regular = [2.0 ** (-8.0 * (i + 1) / power) for i in range(power)]
    return regular + [2.0 ** (-4.0 * (2 * i + 1) / power) for i in range(heads - power)]


@frozen
class NoPosition:
    """No position signal in this attention (NoPE)."""

    kind: ClassVar[str] = "none"

    @property
    def label(self) -> str:
        return "NoPE"


NO_POSITION = NoPosition()

# What an attention carries.
AttentionPosition: TypeAlias = Rotary | Alibi | NoPosition
