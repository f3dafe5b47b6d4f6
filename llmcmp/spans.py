"""Which keys a query sees: the span of an attention, and the pairs that it makes; and what does not grow with a text.

Two conventions, both exact. *Full pairs* are what dense kernels and FLOP counters compute:
new x (min(past, window - 1) + new). *Visible pairs* are those that the mask lets through: causal, windowed, or
bidirectional within a prefix. Positions count from 0; a query at position i sees key i itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmcmp.dims import greater, lesser
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from llmcmp.dims import Dim

# "prefix": causal, but the tokens of the prefix see one another in both directions (GLM-130B, ChatGLM-6B).
Direction = Literal["causal", "bidirectional", "prefix"]


MOST_CHUNK = 2**20  # its square, times the chunks of the longest sweep, stays within int64


@frozen
class Span:
    """What a query sees of the keys before it.

    `window` w: at most w keys, itself included. `chunked`: the sequence is cut into blocks of w tokens and a query
    sees only its own block (Llama 4), instead of the last w tokens.
    """

    direction: Direction = "causal"
    window: int | None = None
    chunked: bool = False

    def __post_init__(self) -> None:
        if self.window is not None and (self.window < 1 or self.direction != "causal"):
            raise ModelError("a window must be at least 1 and needs causal attention")
        if self.chunked and self.window is None:
            raise ModelError("chunked attention needs a window, the size of its chunks")
        if self.chunked and (self.window or 0) > MOST_CHUNK:
            raise ModelError(f"a chunk must have at most {MOST_CHUNK} tokens")

    def kept(self, context: Dim) -> Dim:
        """Keys held after `context` tokens. A chunk is counted at its fullest: what must have been held on the way."""
        return context if self.window is None else lesser(context, self.window)

    def past_keys(self, past: Dim) -> Dim:
        """Cached keys that the first new query sees: what a step has to read."""
        if self.window is None:
            return past
        return past % self.window if self.chunked else lesser(past, self.window - 1)

    def full_pairs(self, new: Dim, past: Dim) -> Dim:
        """Query-key pairs of one sequence that a dense kernel computes, in a chunk as in a window of its size."""
        return new * ((past if self.window is None else lesser(past, self.window - 1)) + new)

    def visible_pairs(self, new: Dim, past: Dim, prefix: Dim = 0) -> Dim:
        """Query-key pairs of one sequence that the mask lets through."""
        if self.direction == "bidirectional":
            return self.full_pairs(new, past)
        if self.window is None:
            causal = new * past + new * (new + 1) // 2
        elif self.chunked:
            start = past % self.window  # whole chunks before it change nothing
            causal = _chunk_sum(start + new, self.window) - _chunk_sum(start, self.window)
        else:
            causal = _window_pairs(new, past, self.window)
        inside = greater(lesser(prefix, past + new) - past, 0)  # new tokens that belong to the prefix
        return causal + inside * (inside - 1) // 2


@frozen
class Fixed:
    """What is kept of a sequence however long it is: a recurrent state (one position), a convolution's last inputs."""

    positions: int = 1

    def kept(self, context: Dim) -> Dim:
        """Positions held after any number of tokens, none included: the state is there from the start, as zeros."""
        return self.positions


def _window_pairs(new: Dim, past: Dim, window: int) -> Dim:
    """Sum of min(i + 1, window) over positions i in [past, past + new), without cancellation."""
    low, high = lesser(past, window), lesser(past + new, window)
    rising = (high - low) * (high + low + 1) // 2
    return rising + window * (new - (high - low))


def _chunk_sum(length: Dim, chunk: int) -> Dim:
    """Sum of (i mod chunk) + 1 over positions i in [0, length)."""
    whole, rest = length // chunk, length % chunk
    return whole * (chunk * (chunk + 1) // 2) + rest * (rest + 1) // 2
