"""From token ids to vectors."""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.embeddings import AdaptiveEmbedding as AdaptiveComponent
from llmcmp.components.linear import Linear as LinearComponent
from llmcmp.nn.linear import Linear

if TYPE_CHECKING:
    from llmcmp.components.embeddings import TokenEmbedding as TokenComponent
    from llmcmp.components.embeddings import TokenTypes as TypesComponent
    from llmcmp.nn.flow import Flow


class Table(nn.Module):
    """Vectors by number."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))


class TokenEmbedding(nn.Module):
    """One vector a token, scaled where the model does so."""

    def __init__(self, embedding: TokenComponent) -> None:
        super().__init__()
        self.factor = math.sqrt(embedding.width) if embedding.scaled else None
        self.weight = nn.Parameter(torch.empty(embedding.vocabulary, embedding.width))

    def forward(self, tokens_BS: Tensor, flow: Flow) -> Tensor:
        found = F.embedding(tokens_BS, self.weight)
        return found if self.factor is None else found * self.factor


class TokenTypes(nn.Module):
    """Adds the vector of the first token type: a twin reads one segment."""

    def __init__(self, types: TypesComponent) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(types.types, types.width))

    def forward(self, x_BSD: Tensor, flow: Flow) -> Tensor:
        return x_BSD + self.weight[0]


class AdaptiveEmbedding(nn.Module):
    """Narrower vectors for rarer words, each cluster projected up, all scaled by sqrt(hidden) (Transformer-XL)."""

    def __init__(self, embedding: AdaptiveComponent) -> None:
        super().__init__()
        self.hidden = embedding.hidden
        clusters = embedding.clusters()
        self.tables = cast("list[Table]", nn.ModuleList(Table(*cluster) for cluster in clusters))
        ups = nn.ModuleList(projection(embedding, width) for _, width in clusters)
        self.projections = cast("list[Linear]", ups)

    def forward(self, tokens_BS: Tensor, flow: Flow) -> Tensor:
        tokens_R, start = tokens_BS.flatten(), 0
        found_RD = self.tables[0].weight.new_empty(tokens_R.shape[0], self.hidden)
        if tokens_R.device.type == "meta":  # tokens without values: the most frequent words, as the costs assume
            return self._cluster(0, tokens_R).view(*tokens_BS.shape, -1)
        for number, table in enumerate(self.tables):
            end = start + table.weight.shape[0]
            rows = ((tokens_R >= start) & (tokens_R < end)).nonzero().squeeze(1)
            if rows.shape[0]:
                found_RD = found_RD.index_copy(0, rows, self._cluster(number, tokens_R[rows] - start))
            start = end
        return found_RD.view(*tokens_BS.shape, -1)

    def _cluster(self, number: int, words_R: Tensor) -> Tensor:
        up = self.projections[number]
        return up(F.embedding(words_R, self.tables[number].weight)) * math.sqrt(self.hidden)


def projection(embedding: AdaptiveComponent, width: int) -> Linear:
    """A cluster's map from its width to hidden, stored hidden x width."""
    return Linear(LinearComponent(inner=("width", width), outer=("hidden", embedding.hidden), part="projection"))
