"""What the torch code of transformers computes for a mixer, where llmcmp counts the recurrence itself.

Without the kernels that it would rather call, transformers cuts a sequence into chunks, fills the last one up, and
multiplies matrices within them; or it runs token by token with elementwise products, which no FLOP counter sees. Both
are written out here, product by product, so that what is left of the count must be equal to the last unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scanned:
    """FLOPs that torch counts in the convolution and the scan of one mixer, forward and in the backward pass."""

    forward: int
    backward: int

    @property
    def training(self) -> int:
        return self.forward + self.backward

    def __add__(self, other: Scanned) -> Scanned:
        return Scanned(self.forward + other.forward, self.backward + other.backward)


def convolved(channels: int, kernel: int, batch: int, new: int, cached: bool) -> Scanned:
    """A prefill is padded by kernel - 1 on both sides and cut to length afterwards: kernel - 1 results are for nothing.

    A short one is filled up to the kernel first. A chunk after it brings the cached inputs along; a single token is
    convolved unpadded with the `kernel` columns that are cached, which gives two results, the first one unused.
    """
    columns = kernel + new if cached else max(new, kernel)
    length = 2 if cached and new == 1 else columns + kernel - 1
    forward = 2 * batch * length * channels * kernel
    # torch's counter takes the gradient of a grouped convolution's weight for that of a dense one: channels as often.
    return Scanned(forward, (1 + channels) * forward)


def mamba_scan(mixer: Any, batch: int, new: int, cached: bool) -> Scanned:
    """Token by token: writing is elementwise, reading out a matrix product."""
    readout = 2 * batch * new * mixer.inner * mixer.state_size
    return convolved(mixer.inner, mixer.kernel, batch, new, cached) + Scanned(readout, 2 * readout)


def mamba2_scan(mixer: Any, batch: int, new: int, cached: bool, chunk: int = 256) -> Scanned:
    """Chunks of 256 tokens: scores, their values, states of chunks, the states before them, and these read out."""
    channels = mixer.inner + 2 * mixer.groups * mixer.state_size
    state, value = mixer.state_size, mixer.head_dim
    if cached and new == 1:
        multiply_adds = state * value  # the readout; writing is elementwise
    else:
        chunks = -(-new // chunk)
        within = chunks * chunk * chunk * (state + value)
        states = chunks * chunk * state * value
        between = (chunks + 1) ** 2 * state * value
        multiply_adds = within + states + between + states
    forward = 2 * batch * mixer.heads * multiply_adds
    return convolved(channels, mixer.kernel, batch, new, cached) + Scanned(forward, 2 * forward)


def delta_scan(mixer: Any, batch: int, new: int, cached: bool, chunk: int = 64) -> Scanned:
    """Chunks of 64 tokens; one token after others is elementwise altogether.

    The triangular systems of a chunk are solved without a product that is counted, but the gradient of their matrix is
    one, over keys and over values. The first chunk's state is no variable, so recall and readout there have one
    gradient instead of two, and nothing asks for the state after the last, whose write has none: four products less.
    """
    channels = 2 * mixer.key_heads * mixer.key_dim + mixer.value_heads * mixer.value_dim
    convolution = convolved(channels, mixer.kernel, batch, new, cached)
    if cached and new == 1:
        return convolution
    key, value, chunks = mixer.key_dim, mixer.value_dim, -(-new // chunk)
    square, with_state = chunk * chunk, chunk * key * value
    # Scores of keys with keys and of queries with keys, and the values of the latter; recall, readout, write.
    forward = chunks * (2 * square * key + square * value + 3 * with_state)
    backward = 2 * forward + chunks * square * (key + value) - (2 + 2) * with_state
    flops_of_one = 2 * batch * mixer.value_heads  # multiply-add = 2
    return convolution + Scanned(flops_of_one * forward, flops_of_one * backward)
