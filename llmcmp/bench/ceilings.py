"""What this machine reaches, measured: products, copies and reads in one dtype. Shares of these are MFU and MBU.

A product of two large square matrices gives FLOP/s. A copy of at least 2 GiB counts the bytes that it reads and those
that it writes; a sum over the same memory counts what it reads. On a machine with little memory less is copied, and
the size is told.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from llmcmp.bench import memory
from llmcmp.bench.spread import spread
from llmcmp.bench.timer import clock, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.bench.timer import Clock

# Tests of everything around a measurement need no true ceilings; a record tells the sizes either way.
QUICK = os.environ.get("LLMCMP_QUICK_CEILINGS") == "1"
COPIED = 2**24 if QUICK else 2 * 2**30  # bytes; 2 GiB is far beyond any cache
REPEATS = 5
SMALLEST, LARGEST = (64, 64) if QUICK else (1024, 16384)  # rows of a square matrix
LONG_ENOUGH = 0.1  # seconds of one product, after which a larger matrix gains nothing


def ceilings(device: str, dtype: torch.dtype, report: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
    """FLOP/s of a product, bytes/s of a copy and of a read: medians of repeats after a warm-up."""
    on = clock(device)
    size, product = _product(device, dtype, on)
    report(0.6)
    copied = _copied(device)
    source = _random(copied // dtype.itemsize, device, dtype)
    read = spread(timed(source.sum, on, repeats=REPEATS)).median
    report(0.8)
    target = torch.empty_like(source)
    copy = spread(timed(partial(target.copy_, source), on, repeats=REPEATS)).median
    moved = source.numel() * dtype.itemsize
    return {
        "matmul_flops_per_second": 2 * size**3 / product,  # multiply-add = 2
        "copy_bytes_per_second": 2 * moved / copy,
        "read_bytes_per_second": moved / read,
        "matmul_size": size,
        "copied_bytes": moved,
    }


def _product(device: str, dtype: torch.dtype, on: Clock) -> tuple[int, float]:
    """Rows of the square matrices and seconds of their product, at the size from which time is no longer overhead."""
    size = SMALLEST
    while True:
        left = torch.rand(size, size, dtype=dtype, device=device)
        work = partial(torch.mm, left, torch.rand_like(left))
        first = timed(work, on, repeats=1, warmups=1)[0]
        if first >= LONG_ENOUGH or size >= LARGEST:
            return size, spread(timed(work, on, repeats=REPEATS, warmups=0)).median
        size *= 2


def _copied(device: str) -> int:
    """Bytes to copy: 2 GiB, or as much as half of the room leaves for source and target."""
    room = memory.room(device)
    copied = COPIED
    while 2 * copied > room * 3 // 4:
        copied //= 2
    return copied


def _random(elements: int, device: str, dtype: torch.dtype) -> torch.Tensor:
    """Random numbers, a million of them over and over: memory does not notice, and drawing them all takes longer."""
    drawn = torch.rand(min(2**20, elements), dtype=dtype, device=device)
    return drawn.repeat(elements // drawn.numel())
