"""The backward pass: for every forward operation, those that compute its gradients.

A matmul needs one product for the gradient of its input and one for that of its weight, a convolution likewise;
attention and scans need twice their forward products. Nothing is recomputed, so a training step is three times the
forward pass, less the input gradients of products with constants (Kaplan et al., arXiv 2001.08361, 2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from llmcmp.frozen import replace
from llmcmp.ops import Attend, Collective, Convolve, Elementwise, Gather, Matmul, Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.ops import Op


def backward(ops: Iterable[Op]) -> Iterator[Op]:
    """The operations that compute the gradients of `ops`."""
    for op in ops:
        match op:
            case Matmul() | Convolve():
                if not (isinstance(op, Matmul) and op.constant):
                    yield replace(op, gradient="input")
                yield replace(op, gradient="weight")
            case Attend() | Scan() | Gather():
                yield replace(op, gradient=True)
            case Elementwise():
                yield op
            case Collective():
                continue  # exchanges are counted for forward passes only (passes/shard.py)
            case _:
                assert_never(op)


def training(ops: Iterable[Op]) -> Iterator[Op]:
    """Forward and backward pass."""
    forward = tuple(ops)
    yield from forward
    yield from backward(forward)
