"""What stands on top: language-model head, adaptive softmax, BERT's pooler and its heads for pre-training."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from llmcmp.components.base import Component
from llmcmp.components.embeddings import TOKEN_TABLE, AdaptiveEmbedding
from llmcmp.components.linear import Linear
from llmcmp.components.norms import EPSILON
from llmcmp.frozen import frozen
from llmcmp.ops import Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run


@frozen
class LanguageHead(Component):
    """Logits over the vocabulary. `tied`: its matrix is the token table. `bias` may stand beside a tied matrix.

    `scaled`: what it reads is divided by sqrt(width) first (T5).
    """

    width: int
    vocabulary: int
    tied: bool
    bias: bool = False
    soft_cap: float | None = None
    scaled: bool = False

    @property
    def label(self) -> str:
        return "tied to the embedding" if self.tied else "a matrix of its own"

    @property
    def _linear(self) -> Linear:
        axes = ("width", self.width), ("vocabulary", self.vocabulary)
        shared = TOKEN_TABLE if self.tied else None
        return Linear(inner=axes[0], outer=axes[1], part="head", bias=self.bias, shared=shared)

    def weights(self) -> Iterator[Weight]:
        yield from self._linear.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield self._linear.matmul(run.logit_rows)
        if self.soft_cap is not None:
            yield Elementwise(name="soft cap", part="head", rows=run.logit_rows, width=self.vocabulary)


@frozen
class AdaptiveHead(Component):
    """Log-probabilities of the whole vocabulary from adaptive clusters (arXiv 1609.04309).

    Tables are those of the embedding, and so are the projections of all clusters but the first, which the head holds
    itself where `tied_first` is false. The first cluster also scores the others: one vector and bias for each.
    """

    embedding: AdaptiveEmbedding
    tied_first: bool = False

    @property
    def label(self) -> str:
        return "adaptive softmax, tied tables"

    def weights(self) -> Iterator[Weight]:
        clusters = self.embedding.clusters()
        for i, (words, width) in enumerate(clusters):
            table = f"tables.{i}.weight"
            axes = (("vocabulary", words), ("width", width))
            yield Weight(name=table, axes=axes, part="head", shared=f"embedding.{table}")
            yield Weight(name=f"tables.{i}.bias", axes=(("vocabulary", words),), part="head")
            name = f"projections.{i}.weight"
            axes = (("hidden", self.embedding.hidden), ("width", width))
            shared = f"embedding.{name}" if i or self.tied_first else None
            yield Weight(name=name, axes=axes, part="head", shared=shared)
        tails = ("clusters", len(clusters) - 1)
        yield Weight(name="clusters.weight", axes=(tails, ("width", clusters[0][1])), part="head")
        yield Weight(name="clusters.bias", axes=(tails,), part="head")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        clusters = self.embedding.clusters()
        for i, (words, width) in enumerate(clusters):
            outputs = words + (len(clusters) - 1 if i == 0 else 0)
            down = Linear(
                name=f"projections.{i}", inner=("hidden", self.embedding.hidden), outer=("width", width), part="head"
            )
            yield down.matmul(run.logit_rows)
            table = Linear(name=f"tables.{i}", inner=("width", width), outer=("vocabulary", outputs), part="head")
            yield table.matmul(run.logit_rows)


@frozen
class Pooler(Component):
    """BERT's tanh layer over the first token of each sequence."""

    hidden: int

    @property
    def label(self) -> str:
        return "dense and tanh over the first token"

    @property
    def _dense(self) -> Linear:
        return Linear(
            name="dense", inner=("hidden", self.hidden), outer=("pooled", self.hidden), part="pooler", bias=True
        )

    def weights(self) -> Iterator[Weight]:
        yield from self._dense.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield self._dense.matmul(run.batch)
        yield Elementwise(name="tanh", part="pooler", rows=run.batch, width=self.hidden)


@frozen
class MaskedHead(Component):
    """The masked-LM head: dense, activation, LayerNorm, then the token table, or a matrix of its own, with a bias.

    `bias`: of the dense layer and the norm too.
    """

    hidden: int
    width: int
    vocabulary: int
    epsilon: float = EPSILON
    tied: bool = True
    bias: bool = True

    @property
    def label(self) -> str:
        return "masked-LM head"

    def linears(self) -> tuple[Linear, Linear]:
        """The dense layer and the decoder onto the vocabulary."""
        hidden, width = ("hidden", self.hidden), ("width", self.width)
        return (
            Linear(name="dense", inner=hidden, outer=width, part="head", bias=self.bias),
            Linear(
                name="decoder",
                inner=width,
                outer=("vocabulary", self.vocabulary),
                part="head",
                bias=True,
                shared=TOKEN_TABLE if self.tied else None,
            ),
        )

    def weights(self) -> Iterator[Weight]:
        for linear in self.linears():
            yield from linear.weights()
        for name in ("norm.weight", "norm.bias") if self.bias else ("norm.weight",):
            yield Weight(name=name, axes=(("width", self.width),), part="head")

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        for linear in self.linears():
            yield linear.matmul(run.logit_rows)


Head: TypeAlias = LanguageHead | AdaptiveHead | Pooler
