"""Twins with the weights of transformers models, and what both make of the same tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from .oracle import reference_model
from .references import preset_references
from .shrink import shrunken

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin

torch = pytest.importorskip("torch")

BATCH, TOKENS, SOURCE = 2, 13, 9  # beyond every window of a shrunken preset, whole chunks and a part of one
# Both sides add the same products in another order: single precision has 6e-8, and sums of some hundred terms, a few
# layers deep, leave about 1e-6 of the largest logit. T5's unscaled scores magnify it: rounding its weights once more
# moves a logit by up to 2.5e-5.
TOLERANCE = 3e-5


@dataclass(frozen=True)
class Carried:
    """A twin, the model that its weights are of, the tokens of both, and the outputs of the model."""

    model: Model
    reference: Any
    twin: Twin
    tokens_BS: Tensor
    source_BR: Tensor | None
    outputs: Any

    @property
    def logits(self) -> Tensor:
        """What the twin should give for all tokens: logits, or a bare encoder's pooled vector."""
        return self.outputs["logits" if "logits" in self.outputs else "pooler_output"]


@cache
def carried(preset: str, seed: int = 0) -> Carried:
    """A shrunken preset as a reference and as its twin, with the same random weights."""
    from llmcmp.nn.build import build
    from llmcmp.nn.carry import carry

    cls, model = preset_references()[preset], shrunken(preset, seed)
    random = torch.Generator().manual_seed(seed)
    reference = reference_model(cls, model, device="cpu")
    scatter(reference, random)
    twin = carry(build(model), reference.state_dict(), cls.model)
    words = 3, 90  # no special tokens, and all within the smallest vocabulary
    tokens_BS = torch.randint(*words, (BATCH, TOKENS), generator=random)
    source_BR = None if model.encoder is None else torch.randint(*words, (BATCH, SOURCE), generator=random)
    inputs = {"input_ids": tokens_BS} if source_BR is None else {"input_ids": source_BR, "decoder_input_ids": tokens_BS}
    with torch.no_grad():
        outputs = reference(**inputs)
    return Carried(model, reference, twin, tokens_BS, source_BR, outputs)


@torch.no_grad()
def scatter(reference: Any, random: Any) -> None:
    """Weights so large that each of them shows in the logits: those of a new model are nearly nothing."""
    buffers = [buffer for name, buffer in reference.named_buffers() if name.endswith("e_score_correction_bias")]
    for tensor in (*reference.parameters(), *buffers):
        if tensor.dim() > 1:
            tensor.normal_(0, tensor.shape[-1] ** -0.5, generator=random)
        else:
            tensor.add_(torch.empty_like(tensor).normal_(0, 0.3, generator=random))


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


def in_passes(case: Carried, sizes: list[int], *, growing: bool = False) -> Tensor:
    """The twin's logits for all tokens, read in passes of these sizes with a cache between them."""
    assert sum(sizes) == TOKENS
    cache = case.twin.new_cache(BATCH, None if growing else TOKENS, SOURCE if case.source_BR is not None else 0)
    source, found = case.source_BR, []
    with torch.no_grad():
        for piece in case.tokens_BS.split(sizes, dim=1):
            found.append(case.twin(piece, cache, source_BR=source))
            source = None  # encoded once
    return torch.cat(found, dim=1)
