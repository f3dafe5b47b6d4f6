"""The processes of a run on several devices: `dp` groups have a batch each, `tp` ranks of a group share a model."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from llmcmp.errors import LlmcmpError, QuantityError
from llmcmp.frozen import frozen

_dist: Any = dist  # whose collectives torch leaves untyped


@frozen
class Grid:
    """Ranks that share a model, times groups that have a batch each."""

    tp: int
    dp: int

    @property
    def ranks(self) -> int:
        return self.tp * self.dp


def grid(ranks: int, tp: int | None, dp: int | None) -> Grid:
    """How so many ranks are used: all for tensor parallelism if nothing is asked for. Raises QuantityError."""
    tp = tp or (ranks // dp if dp else ranks)
    dp = dp or ranks // tp
    if tp * dp != ranks:
        raise QuantityError(f"tp × dp = {tp} × {dp} takes {tp * dp} processes, not {ranks}: torchrun --nproc-per-node")
    return Grid(tp=tp, dp=dp)


class Ranks:
    """The processes of a run and this one's place among them."""

    def __init__(self, grid: Grid, device: str) -> None:
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
        self.grid, self.device = grid, device
        mesh = init_device_mesh(device, (grid.dp, grid.tp), mesh_dim_names=("dp", "tp"))
        self.tp = mesh["tp"]
        self.all = init_device_mesh(device, (grid.ranks,))
        self.rank = dist.get_rank()

    def gathered(self, mine: Any) -> list[Any]:
        """Every rank's own, in their order."""
        found: list[Any] = [None] * self.grid.ranks
        _dist.all_gather_object(found, mine)
        return found

    def meet(self) -> None:
        """Wait for all."""
        _dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()


def device_of(asked: str, local_ranks: int) -> str:
    """The device to use: GPUs if there is one for every rank. Raises LlmcmpError where there are not enough."""
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "cuda" if there >= local_ranks else "cpu"
    if asked == "cuda" and there < local_ranks:
        raise LlmcmpError(f"{local_ranks} ranks need a GPU each and {there} are here; --device cpu measures on the CPU")
    if asked == "mps":
        raise LlmcmpError("torch exchanges nothing between MPS devices; --device cpu measures on the CPU")
    return asked
