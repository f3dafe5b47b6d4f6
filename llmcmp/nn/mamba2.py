"""Mamba-2's mixer: one step at a time in decoding, chunks of matrix products in a prefill (arXiv 2405.21060, 6).

Letters beside those of the package: G groups, R heads of a group, K elements of keys and queries, V of a head's value,
M chunks, L tokens of a chunk, C channels that are convolved.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.norms import RMSNorm as RMSNormComponent
from llmcmp.nn.convolution import Convolution, Kernels
from llmcmp.nn.linear import Linear, Packed
from llmcmp.nn.norms import RMSNorm
from llmcmp.nn.recurrence import StateSlot, chunks_of, cut, rates_of, seen_of, written_and_read

if TYPE_CHECKING:
    from llmcmp.components.mamba2 import Mamba2 as Mamba2Component
    from llmcmp.nn.flow import Flow
    from llmcmp.nn.slots import Slot


class Mamba2(nn.Module):
    """Values, keys and queries through a convolution and the recurrence; the result gated, normed, projected."""

    def __init__(self, mixer: Mamba2Component) -> None:
        super().__init__()
        self.spec = mixer
        self.gate, self.value, self.key, self.query, self.step, self.output = map(Linear, mixer.linears())
        self.value_conv, self.key_conv, self.query_conv = map(Convolution, mixer.convolutions())
        self.step_bias, self.decay_log, self.skip = (nn.Parameter(torch.empty(mixer.heads)) for _ in range(3))
        if mixer.norm:
            self.norm = RMSNorm(RMSNormComponent(width=mixer.inner, epsilon=mixer.epsilon))
        self.kernels = Kernels((self.value_conv, self.key_conv, self.query_conv))
        self.packed: Packed | None = None
        self.rates: Tensor | None = None

    def pack(self) -> None:
        """Project everything in one product, convolve from one table; of weights that change later, pack anew."""
        self.packed = Packed((self.gate, self.value, self.key, self.query, self.step))
        self.kernels.pack()
        self.rates = rates_of(self.decay_log.detach())

    def forward(self, x_BSD: Tensor, flow: Flow, slot: StateSlot | None = None) -> Tensor:
        gate, mixed_BSC, step = self._projected(x_BSD)
        mixed_BSC = self.kernels(seen_of(mixed_BSC, self.spec.kernel, slot), flow.new)
        v_BSGRV, k_BSGK, q_BSGK = self._streams(mixed_BSC)
        step_BSGR = F.softplus(step.float() + self.step_bias).unflatten(-1, v_BSGRV.shape[2:4])
        rates = rates_of(self.decay_log) if self.rates is None or torch.is_grad_enabled() else self.rates
        log_BSGR = step_BSGR * rates.view(step_BSGR.shape[2:])
        inputs = q_BSGK.float(), k_BSGK.float(), v_BSGRV.float() * step_BSGR.unsqueeze(-1), log_BSGR
        if flow.new == 1 and slot is not None:
            q, k, v, log = (t.squeeze(1) for t in inputs)
            y = written_and_read(slot.state, torch.exp(log), k, v, q).unsqueeze(1)
        else:
            y = scanned(*inputs, slot, fresh=flow.past == 0)
        y = torch.addcmul(y, v_BSGRV, self.skip.view(*v_BSGRV.shape[2:4], 1))
        return self.output(self._normed(y.flatten(2).to(x_BSD.dtype), gate))

    def _projected(self, x_BSD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gate; values, keys and queries side by side; steps."""
        streams = self.value, self.key, self.query
        if self.packed is not None and not torch.is_grad_enabled():
            gate, *_, step = self.packed.sizes
            together = self.packed(x_BSD)
            return tuple(together.split((gate, together.shape[-1] - gate - step, step), -1))  # type: ignore[return-value]
        return self.gate(x_BSD), torch.cat([stream(x_BSD) for stream in streams], -1), self.step(x_BSD)

    def _streams(self, mixed_BSC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = [linear.weight.shape[0] for linear in (self.value, self.key, self.query)]
        v, k, q = mixed_BSC.split(sizes, -1)
        k_BSGK, q_BSGK = (t.unflatten(-1, (-1, self.spec.state_size)) for t in (k, q))
        return v.unflatten(-1, (k_BSGK.shape[2], -1, self.spec.head_dim)), k_BSGK, q_BSGK

    def _normed(self, y: Tensor, gate: Tensor) -> Tensor:
        """Gated, and normed group by group after or before that, in fp32."""
        opened = F.silu(gate.float())
        if not self.spec.norm:
            return (y.float() * opened).to(y.dtype)
        weight = self.norm.weight
        assert weight is not None
        if self.spec.norm_first:
            return (self._grouped(y.float()) * weight * opened).to(y.dtype)
        return self._grouped(y.float() * opened).to(y.dtype) * weight

    def _grouped(self, y: Tensor) -> Tensor:
        """Each group over its root mean square."""
        groups = y.unflatten(-1, (-1, self.spec.inner // self.spec.groups))
        return F.rms_norm(groups, groups.shape[-1:], eps=self.norm.epsilon).flatten(-2)

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """State and tail, of one size at any length of text."""
        spec, channels = self.spec, sum(c.weight.shape[0] for c in self.kernels.convolutions)
        groups = self.key.weight.shape[0] // spec.state_size
        heads = self.value.weight.shape[0] // spec.head_dim // groups
        state = torch.zeros(batch, groups, spec.state_size, heads, spec.head_dim, device=device)
        return StateSlot(state, torch.zeros(batch, spec.kernel - 1, channels, device=device, dtype=dtype))

    def counted_flops(self, batch: int, new: int, past: int, *, cached: bool, training: bool = False) -> int:
        """FLOPs that torch's counter sees in this layer's convolution (none) and scan; see `scanned`."""
        groups, keys, values = self.spec.groups, self.spec.state_size, self.spec.inner // self.spec.groups
        if cached and new == 1:
            return 2 * batch * groups * keys * values * 2
        chunks, size = chunks_of(new)
        starts = chunks if cached and past else chunks - 1
        ends = chunks if cached else chunks - 1
        within = chunks * size * size * (keys + values)
        forward = 2 * batch * groups * (within + (starts + ends) * size * keys * values)
        return 3 * forward if training else forward


def scanned(
    q_BSGK: Tensor, k_BSGK: Tensor, v_BSGRV: Tensor, log_BSGR: Tensor, slot: StateSlot | None, *, fresh: bool
) -> Tensor:
    """S x R x V results of the recurrence over all tokens, from the state of the slot; the slot moves on.

    Within a chunk every token reads those before it, weighted by the decay between them; what came before the chunk it
    reads from the state at its start. `log_BSGR` are logarithms of decays, so that products of decays are sums.
    """
    new = q_BSGK.shape[1]
    chunks, size = chunks_of(new)
    q, k = (cut(t, chunks, size) for t in (q_BSGK, k_BSGK))  # B G M L K
    v = cut(v_BSGRV, chunks, size)  # B G M L R V
    sums_BGMRL = cut(log_BSGR, chunks, size).cumsum(3).transpose(3, 4)
    y = torch.matmul(_weights(q, k, sums_BGMRL), v.transpose(3, 4)).transpose(3, 4)  # B G M L R V
    starts = _starts(k, v, sums_BGMRL, slot, fresh=fresh)
    if starts is not None:
        first = chunks - starts.shape[2]  # a fresh sequence has nothing before its first chunk
        before = torch.matmul(q[:, :, first:], starts.flatten(-2)).unflatten(-1, v.shape[-2:])
        decays = torch.exp(sums_BGMRL[:, :, first:]).transpose(3, 4).unsqueeze(-1)
        y[:, :, first:].addcmul_(before, decays)
    return y.movedim(1, 3).flatten(1, 2)[:, :new]


def _weights(q_BGMLK: Tensor, k_BGMLK: Tensor, sums_BGMRL: Tensor) -> Tensor:
    """B G M R L L: the product of query and key times the decay between them, zero where the key is later."""
    scores = torch.matmul(q_BGMLK, k_BGMLK.transpose(-1, -2))
    between = sums_BGMRL.unsqueeze(-1) - sums_BGMRL.unsqueeze(-2)
    later = torch.ones(between.shape[-2:], dtype=torch.bool, device=between.device).triu(1)
    return scores.unsqueeze(3) * torch.exp(between.masked_fill(later, float("-inf")))


def _starts(k: Tensor, v: Tensor, sums_BGMRL: Tensor, slot: StateSlot | None, *, fresh: bool) -> Tensor | None:
    """B G M K R V: the states at the starts of chunks, the first left out where it is zero; the slot gets the last."""
    chunks = k.shape[2]
    last_BGMR = sums_BGMRL[..., -1]
    used = chunks if slot is not None else chunks - 1
    if used == 0:
        return None
    left = torch.exp(last_BGMR.unsqueeze(-1) - sums_BGMRL).transpose(3, 4).unsqueeze(-1)  # B G M L R 1
    added = torch.matmul(k[:, :, :used].transpose(-1, -2), (v * left)[:, :, :used].flatten(-2))
    added = added.unflatten(-1, v.shape[-2:])  # B G M K R V
    decays = torch.exp(last_BGMR).unsqueeze(3).unsqueeze(-1)  # B G M 1 R 1
    states: list[Tensor] = [] if fresh or slot is None else [slot.state]
    for chunk in range(used):
        states.append(states[-1] * decays[:, :, chunk] + added[:, :, chunk] if states else added[:, :, chunk])
    if slot is not None:
        starts = torch.stack(states[:-1], dim=2) if len(states) > 1 else None
        slot.state.copy_(states[-1].detach())
        return starts
    return torch.stack(states, dim=2)
