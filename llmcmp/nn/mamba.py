"""Mamba's mixer: every channel a recurrence of its own, whose decay differs in every element of its state.

That leaves no matrix product within a chunk. A prefill is therefore cut into about as many chunks as they have tokens
and runs them side by side: first to the state at each chunk's end, then, from the states at their starts, to results.
Letters beside those of the package: I channels, K elements of a channel's state, M chunks, L tokens of a chunk.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.norms import RMSNorm as RMSNormComponent
from llmcmp.nn.convolution import Convolution, Kernels
from llmcmp.nn.linear import Linear, Packed
from llmcmp.nn.norms import RMSNorm
from llmcmp.nn.recurrence import StateSlot, rates_of, seen_of

if TYPE_CHECKING:
    from llmcmp.components.mamba import Mamba as MambaComponent
    from llmcmp.nn.flow import Flow
    from llmcmp.nn.slots import Slot


class Mamba(nn.Module):
    """A value through a convolution and its channels' recurrences, whose steps, keys and queries come from it."""

    def __init__(self, mixer: MambaComponent) -> None:
        super().__init__()
        self.spec = mixer
        self.value, self.gate = map(Linear, mixer.input_linears())
        self.conv = Convolution(mixer.convolution)
        self.step_down, self.key, self.query = map(Linear, mixer.selection_linears())
        self.step_up, self.output = Linear(mixer.step_up), Linear(mixer.output)
        if mixer.norms:
            self.step_norm, self.key_norm, self.query_norm = (
                RMSNorm(RMSNormComponent(width=width, epsilon=mixer.epsilon, weight=mixer.norm_weights))
                for width in (mixer.step_rank, mixer.state_size, mixer.state_size)
            )
        self.decay_log = nn.Parameter(torch.empty(mixer.inner, mixer.state_size))
        self.skip = nn.Parameter(torch.empty(mixer.inner))
        self.kernels = Kernels((self.conv,))
        self.packed: tuple[Packed, Packed] | None = None
        self.rates: Tensor | None = None

    def pack(self) -> None:
        """Project value and gate in one product, step, key and query in another; of later weights, pack anew."""
        self.packed = Packed((self.value, self.gate)), Packed((self.step_down, self.key, self.query))
        self.kernels.pack()
        self.rates = rates_of(self.decay_log.detach())

    def forward(self, x_BSD: Tensor, flow: Flow, slot: StateSlot | None = None) -> Tensor:
        inputs, selection = (None, None) if self.packed is None or torch.is_grad_enabled() else self.packed
        v, gate = (self.value(x_BSD), self.gate(x_BSD)) if inputs is None else inputs(x_BSD).split(inputs.sizes, -1)
        v_BSI = self.kernels(seen_of(v, self.spec.kernel, slot), flow.new)
        step_BSI, k_BSK, q_BSK = self._selected(v_BSI, selection)
        rate_IK = rates_of(self.decay_log) if self.rates is None or torch.is_grad_enabled() else self.rates
        if flow.new == 1 and slot is not None:
            y = stepped(slot.state, v_BSI, step_BSI, k_BSK, q_BSK, rate_IK)
        else:
            y = scanned(v_BSI, step_BSI, k_BSK, q_BSK, rate_IK, slot)
        y = torch.addcmul(y, v_BSI, self.skip) * F.silu(gate)
        return self.output(y.to(x_BSD.dtype))

    def _selected(self, v_BSI: Tensor, packed: Packed | None) -> tuple[Tensor, Tensor, Tensor]:
        """Steps, keys and queries."""
        if packed is not None:
            step, k, q = packed(v_BSI).split(packed.sizes, -1)
        else:
            step, k, q = self.step_down(v_BSI), self.key(v_BSI), self.query(v_BSI)
        if self.spec.norms:
            step, k, q = self.step_norm(step), self.key_norm(k), self.query_norm(q)
        return F.softplus(self.step_up(step).float()), k.float(), q.float()

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """State and tail, of one size at any length of text."""
        channels = self.value.weight.shape[0]
        state = torch.zeros(batch, channels, self.spec.state_size, device=device)
        return StateSlot(state, torch.zeros(batch, self.spec.kernel - 1, channels, device=device, dtype=dtype))

    def counted_flops(self, batch: int, new: int, past: int, *, cached: bool, training: bool = False) -> int:
        """FLOPs that torch's counter sees in this layer's convolution (none) and scan: the readout of every token."""
        chunks, size = chunks_of(new)
        tokens = 1 if cached and new == 1 else chunks * size
        return 2 * batch * tokens * self.spec.inner * self.spec.state_size * (3 if training else 1)


def stepped(
    state_BIK: Tensor, v_BSI: Tensor, step_BSI: Tensor, k_BSK: Tensor, q_BSK: Tensor, rate_IK: Tensor
) -> Tensor:
    """One token: the state decays and takes the value in, in place, and is read out."""
    step_BI1 = step_BSI.transpose(1, 2)
    state_BIK.mul_(torch.exp(step_BI1 * rate_IK)).addcmul_(step_BI1 * v_BSI.transpose(1, 2), k_BSK)
    return torch.bmm(state_BIK, q_BSK.transpose(1, 2)).transpose(1, 2)


def chunks_of(new: int) -> tuple[int, int]:
    """How many chunks, and how long they are: two passes over a chunk's tokens and one over the chunks take fewest."""
    size = math.isqrt(2 * new) // 2 + 1 if new > 1 else 1
    return -(-new // size), size


def scanned(
    v_BSI: Tensor, step_BSI: Tensor, k_BSK: Tensor, q_BSK: Tensor, rate_IK: Tensor, slot: StateSlot | None
) -> Tensor:
    """Results of the recurrence over all tokens, from the state of the slot; the slot moves on."""
    new = v_BSI.shape[1]
    chunks, size = chunks_of(new)
    # A step of zero changes nothing, so the end may be filled up with zeros.
    step, taken, k, q = (
        F.pad(t, (0, 0, 0, chunks * size - new)).unflatten(1, (chunks, size))
        for t in (step_BSI, step_BSI * v_BSI, k_BSK, q_BSK)
    )
    start_BIK = torch.zeros_like(rate_IK).expand(v_BSI.shape[0], -1, -1) if slot is None else slot.state
    state_BMIK, results = _starts(step, taken, k, rate_IK, start_BIK), list[Tensor]()
    for token in range(size):
        state_BMIK = _moved(state_BMIK, step[:, :, token], taken[:, :, token], k[:, :, token], rate_IK)
        results.append(torch.matmul(state_BMIK, q[:, :, token].unsqueeze(-1)).squeeze(-1))
    if slot is not None:
        slot.state.copy_(state_BMIK[:, -1].detach())
    return torch.stack(results, dim=2).flatten(1, 2)[:, :new]


def _starts(step_BMLI: Tensor, taken_BMLI: Tensor, k_BMLK: Tensor, rate_IK: Tensor, start_BIK: Tensor) -> Tensor:
    """B x M x I x K: the states at the starts of chunks, from what each chunk but the last makes of nothing."""
    chunks, size = step_BMLI.shape[1:3]
    step, taken, k = (t[:, :-1] for t in (step_BMLI, taken_BMLI, k_BMLK))
    own_BMIK = step.new_zeros(step.shape[0], chunks - 1, *rate_IK.shape)
    for token in range(size if chunks > 1 else 0):
        own_BMIK = _moved(own_BMIK, step[:, :, token], taken[:, :, token], k[:, :, token], rate_IK)
    decays_BMIK = torch.exp(step.sum(2).unsqueeze(-1) * rate_IK)
    starts = [start_BIK]
    for chunk in range(chunks - 1):
        starts.append(torch.addcmul(own_BMIK[:, chunk], starts[-1], decays_BMIK[:, chunk]))
    return torch.stack(starts, dim=1)


def _moved(state_BMIK: Tensor, step_BMI: Tensor, taken_BMI: Tensor, k_BMK: Tensor, rate_IK: Tensor) -> Tensor:
    """The states of all chunks one token on."""
    decays = torch.exp(step_BMI.unsqueeze(-1) * rate_IK)
    return torch.addcmul(taken_BMI.unsqueeze(-1) * k_BMK.unsqueeze(-2), state_BMIK, decays)
