"""A training step: forward, loss, backward, AdamW."""

# pyright: reportUnknownMemberType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.nn.tower import Twin


class Trainer:
    """Trains a twin on given tokens: the next one for decoders, its own output's size for a bare encoder."""

    def __init__(self, twin: Twin, learning_rate: float = 1e-4) -> None:
        self.twin = twin
        trained = [parameter for parameter in twin.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=learning_rate, fused=trained[0].device.type != "meta")

    def step(self, tokens_BS: Tensor, source_BR: Tensor | None = None) -> Tensor:
        """One step; the loss before it, as a scalar tensor."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(tokens_BS, source_BR)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def loss(self, tokens_BS: Tensor, source_BR: Tensor | None = None) -> Tensor:
        """Cross-entropy of the next token; of a bare encoder, which predicts none, the mean square of its output."""
        found = self.twin(tokens_BS, source_BR=source_BR)
        if found.dim() == 2:
            return found.float().square().mean()
        return F.cross_entropy(found[:, :-1].flatten(0, 1).float(), tokens_BS[:, 1:].flatten())
