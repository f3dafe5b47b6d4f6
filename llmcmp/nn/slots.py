"""What a layer keeps between passes: tensors with a token axis second to last, written in place.

A slot that is given a capacity allocates it once: all positions, or, under a window of w, a ring of w that newer tokens
overwrite. Without one it grows by concatenation, and holds after every pass exactly what `state()` says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Slot(ABC):
    """What one layer keeps. Subclasses are final."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What is held, by name."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything; storage stays where it is."""


class TokenSlot(Slot):
    """Entries of past tokens, such as keys and values.

    They are seen in the order of their positions, but for a single token after a full window: position p stands at
    p mod window then, as in a ring.
    """

    @abstractmethod
    def extend(self, past: int, *new: Tensor) -> tuple[Tensor, ...]:
        """Keep the entries of the new tokens, which follow `past` others; return those that they may see."""


class Static(TokenSlot):
    """Room for `capacity` tokens, allocated once."""

    def __init__(self, names: tuple[str, ...], empty: tuple[Tensor, ...], capacity: int) -> None:
        self.names = names
        self.held = tuple(e.new_empty((*e.shape[:-2], capacity, e.shape[-1])) for e in empty)

    def extend(self, past: int, *new: Tensor) -> tuple[Tensor, ...]:
        count = new[0].shape[-2]
        for held, fresh in zip(self.held, new, strict=True):
            held.narrow(-2, past, count).copy_(fresh)
        return tuple(held.narrow(-2, 0, past + count) for held in self.held)

    def tensors(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.held, strict=True))

    def reset(self) -> None:
        pass


class Ring(TokenSlot):
    """Room for the last `window` tokens: position p stands at p mod window."""

    def __init__(self, names: tuple[str, ...], empty: tuple[Tensor, ...], window: int) -> None:
        self.names, self.window = names, window
        self.held = tuple(e.new_empty((*e.shape[:-2], window, e.shape[-1])) for e in empty)

    def extend(self, past: int, *new: Tensor) -> tuple[Tensor, ...]:
        if new[0].shape[-2] == 1:
            for held, fresh in zip(self.held, new, strict=True):
                held.narrow(-2, past % self.window, 1).copy_(fresh)
            return tuple(held.narrow(-2, 0, min(past + 1, self.window)) for held in self.held)
        seen = new if past == 0 else self._with_past(past, new)
        self._write(past, new)
        return seen

    def _with_past(self, past: int, new: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        kept = min(past, self.window - 1)
        places = torch.arange(past - kept, past, device=new[0].device) % self.window
        return tuple(
            torch.cat((held.index_select(-2, places), fresh), dim=-2)
            for held, fresh in zip(self.held, new, strict=True)
        )

    def _write(self, past: int, new: tuple[Tensor, ...]) -> None:
        count = new[0].shape[-2]
        last = min(count, self.window)
        places = torch.arange(past + count - last, past + count, device=new[0].device) % self.window
        for held, fresh in zip(self.held, new, strict=True):
            held.index_copy_(-2, places, fresh.narrow(-2, count - last, last))

    def tensors(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.held, strict=True))

    def reset(self) -> None:
        pass


class Growing(TokenSlot):
    """Exactly what has been kept so far; every pass concatenates."""

    def __init__(self, names: tuple[str, ...], empty: tuple[Tensor, ...], window: int | None = None) -> None:
        self.names, self.empty, self.window = names, empty, window
        self.held = empty

    def extend(self, past: int, *new: Tensor) -> tuple[Tensor, ...]:
        before = self.held if self.window is None else tuple(_last(h, self.window - 1) for h in self.held)
        seen = tuple(torch.cat(pair, dim=-2) for pair in zip(before, new, strict=True))
        if self.window is None:
            self.held = seen
            return seen
        self.held = tuple(_last(s, self.window) for s in seen)
        alone = new[0].shape[-2] == 1 and past >= self.window
        return tuple(s.roll((past + 1) % self.window, -2) for s in seen) if alone else seen

    def tensors(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.held, strict=True))

    def reset(self) -> None:
        self.held = self.empty


def _last(held: Tensor, count: int) -> Tensor:
    kept = min(held.shape[-2], count)
    return held.narrow(-2, held.shape[-2] - kept, kept)


class SourceSlot(Slot):
    """Keys and values of an encoded source: set once, read by every later pass."""

    def __init__(self, names: tuple[str, ...], empty: tuple[Tensor, ...]) -> None:
        self.names, self.empty = names, empty
        self.held = empty

    def tensors(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.held, strict=True))

    def reset(self) -> None:
        self.held = self.empty


def token_slot(
    names: tuple[str, ...], empty: tuple[Tensor, ...], capacity: int | None, window: int | None = None
) -> TokenSlot:
    """A slot for entries shaped as `empty` is, with 0 tokens; growing where no capacity is given."""
    if capacity is None:
        return Growing(names, empty, window)
    return Static(names, empty, capacity) if window is None or window >= capacity else Ring(names, empty, window)
