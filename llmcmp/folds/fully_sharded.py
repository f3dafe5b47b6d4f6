"""Training state of one rank under full sharding (ZeRO-3, arXiv 1910.02054, 5.3), as torch's FSDP2 cuts it.

Every parameter is cut along its first dimension into chunks, rounded up: the last ranks may hold less, or nothing of
a short tensor. Gradients and the optimiser's moments are cut like their parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.errors import QuantityError
from llmcmp.folds.params import stored
from llmcmp.frozen import frozen
from llmcmp.model import expect_model, walk
from llmcmp.passes.shard import chunk

if TYPE_CHECKING:
    from llmcmp.model import Model

MOMENTS = 2  # AdamW keeps a mean and a mean of squares (arXiv 1711.05101); its step count is a number a tensor


@frozen
class TrainingState:
    """Elements that a rank keeps between steps. `padded`: parameters with the room that equal chunks take."""

    parameters: int
    gradients: int
    moments: int
    padded: int


def training_state(model: Model, ranks: int = 1, rank: int = 0) -> TrainingState:
    """What rank `rank` of `ranks` keeps of parameters, gradients and AdamW's moments.

    >>> import llmcmp
    >>> training_state(llmcmp.load("gpt2"), ranks=8).moments
    31111296
    """
    expect_model(model)
    if not 0 <= rank < ranks:
        raise QuantityError(f"rank {rank} of {ranks}: there must be a rank, and ranks count from 0")
    held = padded = 0
    for use, weight in stored(walk(model)):
        if not weight.buffer:
            first = weight.axes[0][1]
            row = weight.elements // first
            held += row * chunk(first, ranks, rank) * use.copies
            padded += row * chunk(first, ranks, 0) * use.copies
    return TrainingState(parameters=held, gradients=held, moments=MOMENTS * held, padded=padded)
