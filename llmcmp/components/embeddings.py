"""From token ids to vectors: one table, token types beside it, or Transformer-XL's adaptive tables.

A look-up costs no FLOPs. The token table's weight is shared under one name, so that towers and a tied head count it
once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

from llmcmp.components.base import Component
from llmcmp.components.linear import Linear
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.ops import Gather, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run

TOKEN_TABLE = "embedding.weight"


@frozen
class TokenEmbedding(Component):
    """A table of `vocabulary` vectors of `width` elements; `scaled`: times sqrt(width) when looked up (Gemma)."""

    kind: ClassVar[str] = "table"
    vocabulary: int
    width: int
    scaled: bool = False

    @property
    def label(self) -> str:
        return f"{self.vocabulary} × {self.width}"

    def weights(self) -> Iterator[Weight]:
        axes = (("vocabulary", self.vocabulary), ("width", self.width))
        yield Weight(name="weight", axes=axes, part="embedding", shared=TOKEN_TABLE)

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Gather(name="tokens", part="embedding", rows=run.rows, width=self.width)


@frozen
class TokenTypes(Component):
    """BERT's segment embedding: one vector a token type, added to the token's."""

    types: int
    width: int

    @property
    def label(self) -> str:
        return f"{self.types} token types"

    def weights(self) -> Iterator[Weight]:
        yield Weight(name="weight", axes=(("types", self.types), ("width", self.width)), part="embedding")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Gather(name="token types", part="embedding", rows=run.rows, width=self.width)


@frozen
class AdaptiveEmbedding(Component):
    """Rarer words get narrower vectors (arXiv 1809.10853): cluster i has width / divisor^i elements, projected up.

    `cutoffs` are the first ids of the second, third ... cluster. Which cluster a token falls in depends on the text:
    its projection is counted as the widest one's, that of the most frequent words.
    """

    kind: ClassVar[str] = "adaptive"
    vocabulary: int
    width: int
    hidden: int
    cutoffs: tuple[int, ...]
    divisor: int

    def __post_init__(self) -> None:
        if list(self.cutoffs) != sorted(set(self.cutoffs)) or not self.cutoffs or self.cutoffs[-1] >= self.vocabulary:
            raise ModelError("cutoffs must rise and stay below the vocabulary")

    @property
    def label(self) -> str:
        return f"adaptive, {len(self.cutoffs) + 1} clusters"

    def clusters(self) -> tuple[tuple[int, int], ...]:
        """(words, width) of each cluster."""
        ends = (*self.cutoffs, self.vocabulary)
        starts = (0, *self.cutoffs)
        return tuple(
            (end - start, self.width // self.divisor**i)
            for i, (start, end) in enumerate(zip(starts, ends, strict=True))
        )

    def weights(self) -> Iterator[Weight]:
        for i, (words, width) in enumerate(self.clusters()):
            axes = (("vocabulary", words), ("width", width))
            yield Weight(name=f"tables.{i}.weight", axes=axes, part="embedding", shared=f"embedding.tables.{i}.weight")
        for i, (_, width) in enumerate(self.clusters()):
            axes = (("hidden", self.hidden), ("width", width))
            name = f"projections.{i}.weight"
            yield Weight(name=name, axes=axes, part="projection", shared=f"embedding.{name}")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield Gather(name="tokens", part="embedding", rows=run.rows, width=self.width)
        widest = Linear(
            name="projections", inner=("width", self.width), outer=("hidden", self.hidden), part="projection"
        )
        yield widest.matmul(run.rows)


Embedding: TypeAlias = TokenEmbedding | AdaptiveEmbedding
