"""What recurrent mixers share: the state that a layer keeps, and one step of it.

A state is B x G x K x R x V: G groups, in each of which R heads share keys and queries of K elements and have values of
V. So a group's heads are the columns of one matrix, and a step reads and writes it as such.
"""

# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from llmcmp.nn.slots import Slot

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 64  # tokens that are computed as matrices at a time


class StateSlot(Slot):
    """A recurrent state in fp32 and the last inputs of a convolution (B x kernel - 1 x C), zeros to begin with."""

    def __init__(self, state: Tensor, tail: Tensor) -> None:
        self.state, self.tail = state, tail

    def seen(self, x_BSC: Tensor) -> Tensor:
        """The tail with the new inputs behind it; the tail then moves on."""
        seen_BTC = torch.cat((self.tail, x_BSC), dim=1)
        kept = self.tail.shape[1]
        self.tail.copy_(seen_BTC.detach().narrow(1, seen_BTC.shape[1] - kept, kept))
        return seen_BTC

    def tensors(self) -> dict[str, Tensor]:
        return {"recurrent state": self.state, "convolution tail": self.tail}

    def reset(self) -> None:
        self.state.zero_()
        self.tail.zero_()


def rates_of(decay_log: Tensor) -> Tensor:
    """What a step is multiplied by to give the logarithm of its decay: negative, so that every decay is below one."""
    return -torch.exp(decay_log.float())


def seen_of(x_BSC: Tensor, kernel: int, slot: StateSlot | None) -> Tensor:
    """The inputs that a causal convolution sees: those kept before, or zeros, and the new ones."""
    return F.pad(x_BSC, (0, 0, kernel - 1, 0)) if slot is None else slot.seen(x_BSC)


def written_and_read(state_BGKRV: Tensor, decay_BGR: Tensor, k_BGK: Tensor, v_BGRV: Tensor, q_BGK: Tensor) -> Tensor:
    """One step: S = a S + k v' in place, and o = S' q."""
    heads_values = v_BGRV.shape[-2:]
    state = matrices(state_BGKRV, decay_BGR)
    state.baddbmm_(k_BGK.flatten(0, 1).unsqueeze(2), v_BGRV.flatten(0, 1).flatten(1).unsqueeze(1))
    read = torch.bmm(q_BGK.flatten(0, 1).unsqueeze(1), state)
    return read.view(*q_BGK.shape[:2], *heads_values)


def matrices(state_BGKRV: Tensor, decay_BGR: Tensor | None = None) -> Tensor:
    """The state as one K x (R V) matrix a group, decayed in place where a decay is given."""
    if decay_BGR is not None:
        state_BGKRV.mul_(decay_BGR.unsqueeze(2).unsqueeze(-1))
    return state_BGKRV.flatten(0, 1).flatten(2)


def chunks_of(new: int) -> tuple[int, int]:
    """How many chunks a pass is cut into, and how long they are: a pass shorter than a chunk is one of its length."""
    size = min(new, CHUNK)
    return -(-new // size), size


def cut(x_BSGX: Tensor, chunks: int, size: int) -> Tensor:
    """B x S x G x ... to B x G x M chunks x L tokens x ..., filled up with zeros at the end."""
    missing = chunks * size - x_BSGX.shape[1]
    if missing:
        x_BSGX = F.pad(x_BSGX, (0, 0) * (x_BSGX.dim() - 2) + (0, missing))
    return x_BSGX.unflatten(1, (chunks, size)).movedim(3, 1)
