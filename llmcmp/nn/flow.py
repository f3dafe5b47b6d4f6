"""One forward pass: where its tokens stand and what they may see, computed once and shared by all layers.

Modules ask for what they need when they are built (`Places`) and get a number; a pass prepares each thing once
(`Flow`), and layers look it up by that number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from llmcmp.nn.positions import RotaryTable, alibi_slopes

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.components.positions import Rotary
    from llmcmp.spans import Span

Rotation = tuple["Tensor", "Tensor"]  # cosines and signed sines, S x 1 x rotated elements


@dataclass(frozen=True, slots=True)
class Mask:
    """What queries see: everything, what lies before them (`causal`), or what a tensor says.

    The tensor is boolean (true: visible) or, where scores get a bias, added to them; its last axes are S x T.
    """

    tensor: Tensor | None = None
    causal: bool = False


@dataclass(slots=True)
class Flow:
    """What every layer of a tower needs to know of a pass of `new` tokens after `past` others."""

    past: int
    new: int
    prefix: int
    rotations: list[Rotation]
    masks: list[Mask]
    # T5's bias, which the tower's table of relative positions sets and every attention of the tower adds.
    bias: Tensor | None = None
    source_BTD: Tensor | None = None


@dataclass(frozen=True)
class MaskRule:
    """A span with the ALiBi heads whose bias goes with it; `part`: (rank, ranks) where ranks have some of the heads."""

    span: Span
    alibi_heads: int | None = None
    part: tuple[int, int] = (0, 1)


class Places:
    """The distinct rotations and masks of a tower."""

    def __init__(self) -> None:
        self.rotaries: list[tuple[Rotary, int]] = []
        self.tables: list[RotaryTable] = []
        self.rules: list[MaskRule] = []

    def rotation(self, rotary: Rotary, head_dim: int) -> int:
        """The number under which a pass holds this rotation."""
        if (rotary, head_dim) not in self.rotaries:
            self.rotaries.append((rotary, head_dim))
            self.tables.append(RotaryTable(rotary, head_dim))
        return self.rotaries.index((rotary, head_dim))

    def mask(self, span: Span, alibi_heads: int | None = None) -> int:
        """The number under which a pass holds this mask."""
        rule = MaskRule(span, alibi_heads)
        if rule not in self.rules:
            self.rules.append(rule)
        return self.rules.index(rule)

    def flow(self, x: Tensor, past: int, new: int, prefix: int, source_BTD: Tensor | None = None) -> Flow:
        """The pass of `new` tokens after `past` others, on the device and in the dtype of `x`."""
        return Flow(
            past=past,
            new=new,
            prefix=prefix,
            rotations=[table.rotation(x, past, new, prefix) for table in self.tables],
            masks=[mask_of(rule, past, new, prefix, x) for rule in self.rules],
            source_BTD=source_BTD,
        )


def mask_of(rule: MaskRule, past: int, new: int, prefix: int, like: Tensor) -> Mask:
    """The mask of a pass; a single token of a ring sees all keys, in whatever order they stand."""
    span = rule.span
    if rule.alibi_heads is not None:
        rank, ranks = rule.part
        slopes = alibi_slopes(rule.alibi_heads, like.device).chunk(ranks)[rank]
        return Mask(tensor=_alibi(span, slopes, past, new, prefix, like))
    if span.direction == "bidirectional" or (new == 1 and not span.chunked) or (past == 0 and prefix >= new):
        return Mask()
    narrow = span.window is not None and (past + new > span.window or span.chunked)
    if past == 0 and not narrow and prefix < 2:
        return Mask(causal=True)
    return Mask(tensor=visible(span, past, new, prefix, like.device))


def visible(span: Span, past: int, new: int, prefix: int, device: torch.device) -> Tensor:
    """S x T, true where a query sees a key; the keys are the last T positions of the pass."""
    queries, keys = positions(span, past, new, device)
    seen = torch.ones((), dtype=torch.bool, device=device)
    if span.direction != "bidirectional":
        seen = (keys <= queries) | ((keys < prefix) & (queries < prefix))
    if span.window is not None and span.chunked:
        return seen & (keys >= queries // span.window * span.window)
    return (seen if span.window is None else seen & (keys > queries - span.window)).expand(new, keys.shape[-1])


def positions(span: Span, past: int, new: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions of the queries (S x 1) and of the keys that they are given (1 x T).

    A single query after a full window finds its keys in the order of the ring.
    """
    queries = torch.arange(past, past + new, device=device).unsqueeze(1)
    if span.window is None:
        return queries, torch.arange(past + new, device=device).unsqueeze(0)
    count = min(past, span.window - 1) + new
    keys = torch.arange(past + new - count, past + new, device=device)
    if new == 1 and past >= span.window:
        keys = past - (past - torch.arange(count, device=device)) % span.window
    return queries, keys.unsqueeze(0)


def _alibi(span: Span, slopes_N: Tensor, past: int, new: int, prefix: int, like: Tensor) -> Tensor:
    """N x S x T: minus slope x distance where a key is visible."""
    queries, keys = positions(span, past, new, like.device)
    bias = slopes_N.view(-1, 1, 1) * (keys - queries)
    return with_visibility(bias, span, past, new, prefix).to(like.dtype)


def with_visibility(bias: Tensor, span: Span, past: int, new: int, prefix: int) -> Tensor:
    """A bias of scores with minus infinity where a key is not visible."""
    if span.direction == "bidirectional" or new == 1:
        return bias
    return bias.masked_fill(~visible(span, past, new, prefix, bias.device), float("-inf"))
