"""What stands on top of a tower."""

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

from llmcmp.components.linear import Linear as LinearComponent
from llmcmp.components.norms import LayerNorm as LayerNormComponent
from llmcmp.nn.embeddings import projection
from llmcmp.nn.linear import Linear, lanes_of, product
from llmcmp.nn.norms import LayerNorm

if TYPE_CHECKING:
    from llmcmp.components.heads import AdaptiveHead as AdaptiveComponent
    from llmcmp.components.heads import LanguageHead as LanguageComponent
    from llmcmp.components.heads import MaskedHead as MaskedComponent
    from llmcmp.components.heads import Pooler as PoolerComponent
    from llmcmp.nn.flow import Flow


class LanguageHead(nn.Module):
    """Logits over the vocabulary; a tied matrix is put in place by `build`."""

    def __init__(self, head: LanguageComponent) -> None:
        super().__init__()
        self.soft_cap = head.soft_cap
        self.factor = 1 / math.sqrt(head.width) if head.scaled else None
        self.weight = nn.Parameter(torch.empty(head.vocabulary, head.width))
        self.bias = nn.Parameter(torch.empty(head.vocabulary)) if head.bias else None
        self.lanes: Tensor | None = None

    def pack(self) -> None:
        """Lay lanes over the matrix."""
        self.lanes = lanes_of(self.weight)

    def forward(self, x_BSD: Tensor, flow: Flow | None = None) -> Tensor:
        scaled = x_BSD if self.factor is None else x_BSD * self.factor
        logits = product(scaled, self.weight, self.bias, self.lanes)
        return logits if self.soft_cap is None else torch.tanh(logits / self.soft_cap) * self.soft_cap


class BiasedTable(nn.Module):
    """A cluster's words and their biases."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))
        self.bias = nn.Parameter(torch.empty(rows))


class AdaptiveHead(nn.Module):
    """Log-probabilities of all words; the first cluster scores the others as if they were words."""

    def __init__(self, head: AdaptiveComponent) -> None:
        super().__init__()
        clusters = head.embedding.clusters()
        self.tables = cast("list[BiasedTable]", nn.ModuleList(BiasedTable(*cluster) for cluster in clusters))
        downs = nn.ModuleList(projection(head.embedding, width) for _, width in clusters)
        self.projections = cast("list[Linear]", downs)
        self.clusters = BiasedTable(len(clusters) - 1, clusters[0][1])

    def forward(self, x_BSD: Tensor, flow: Flow | None = None) -> Tensor:
        found: list[Tensor] = []
        shares: Tensor | None = None
        for number, (table, down) in enumerate(zip(self.tables, self.projections, strict=True)):
            narrow = F.linear(x_BSD, down.weight.t())
            weight: Tensor = table.weight
            bias: Tensor = table.bias
            if shares is None:  # the first cluster's words and, behind them, the other clusters
                weight, bias = torch.cat((weight, self.clusters.weight)), torch.cat((bias, self.clusters.bias))
            scores = F.linear(narrow, weight, bias).log_softmax(-1)
            if shares is None:
                scores, shares = scores.split((table.weight.shape[0], scores.shape[-1] - table.weight.shape[0]), -1)
                found.append(scores)
            else:
                found.append(scores + shares[..., number - 1 : number])
        return torch.cat(found, dim=-1)


class Pooler(nn.Module):
    """tanh(dense(first token))."""

    def __init__(self, pooler: PoolerComponent) -> None:
        super().__init__()
        hidden = ("hidden", pooler.hidden), ("pooled", pooler.hidden)
        self.dense = Linear(LinearComponent(inner=hidden[0], outer=hidden[1], part="pooler", bias=True))

    def forward(self, x_BSD: Tensor, flow: Flow | None = None) -> Tensor:
        return torch.tanh(self.dense(x_BSD[:, 0]))


class MaskedHead(nn.Module):
    """dense, GELU, LayerNorm, then the token table."""

    def __init__(self, head: MaskedComponent) -> None:
        super().__init__()
        self.dense, self.decoder = map(Linear, head.linears())
        self.norm = LayerNorm(LayerNormComponent(width=head.width, epsilon=head.epsilon, bias=head.bias))

    def forward(self, x_BSD: Tensor, flow: Flow | None = None) -> Tensor:
        return self.decoder(self.norm(F.gelu(self.dense(x_BSD))))
