"""The gated delta net: one step at a time in decoding, chunks of matrix products in a prefill (arXiv 2412.06464, 3.3).

Letters beside those of the package: G key heads, R value heads of each, N all of them, K and V elements of a key and a
value, M chunks, L tokens of a chunk, C channels that are convolved.
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
from llmcmp.nn.recurrence import StateSlot, chunks_of, cut, matrices, rates_of, seen_of

if TYPE_CHECKING:
    from llmcmp.components.delta import GatedDeltaNet as DeltaComponent
    from llmcmp.nn.flow import Flow
    from llmcmp.nn.slots import Slot

KEY_EPSILON = 1e-6  # added to the squared length of a query or key, as Qwen3-Next's code has it


class GatedDeltaNet(nn.Module):
    """Queries, keys and values through a convolution and the delta rule; the result normed, gated, projected."""

    def __init__(self, mixer: DeltaComponent) -> None:
        super().__init__()
        self.spec = mixer
        linears = map(Linear, mixer.linears())
        self.query, self.key, self.value, self.gate, self.beta, self.decay, self.output = linears
        self.query_conv, self.key_conv, self.value_conv = map(Convolution, mixer.convolutions())
        self.decay_bias, self.decay_log = (nn.Parameter(torch.empty(mixer.value_heads)) for _ in range(2))
        self.norm = RMSNorm(RMSNormComponent(width=mixer.value_dim, epsilon=mixer.epsilon))
        self.kernels = Kernels((self.query_conv, self.key_conv, self.value_conv))
        self.packed: Packed | None = None
        self.rates: Tensor | None = None

    def pack(self) -> None:
        """Project everything in one product, convolve from one table; of weights that change later, pack anew."""
        self.packed = Packed((self.query, self.key, self.value, self.gate, self.beta, self.decay))
        self.kernels.pack()
        self.rates = rates_of(self.decay_log.detach())

    def forward(self, x_BSD: Tensor, flow: Flow, slot: StateSlot | None = None) -> Tensor:
        mixed_BSC, gate, beta, decay = self._projected(x_BSD)
        mixed_BSC = self.kernels(seen_of(mixed_BSC, self.spec.kernel, slot), flow.new)
        q_BSGK, k_BSGK, v_BSGRV = self._streams(mixed_BSC)
        heads = v_BSGRV.shape[2:4]
        beta_BSGR = torch.sigmoid(beta.float()).unflatten(-1, heads)
        steps = F.softplus(decay.float() + self.decay_bias.float())
        rates = rates_of(self.decay_log) if self.rates is None or torch.is_grad_enabled() else self.rates
        log_BSGR = (steps * rates).unflatten(-1, heads)
        inputs = q_BSGK, k_BSGK, v_BSGRV.float(), beta_BSGR, log_BSGR
        if flow.new == 1 and slot is not None:
            y = stepped(slot.state, *(t.squeeze(1) for t in inputs)).unsqueeze(1)
        else:
            y = scanned(*inputs, slot, fresh=flow.past == 0)
        normed = self.norm(y.to(x_BSD.dtype)).flatten(2)
        return self.output((normed * F.silu(gate.float())).to(x_BSD.dtype))

    def _projected(self, x_BSD: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys and values side by side; gate, beta, decay."""
        rest = self.gate, self.beta, self.decay
        if self.packed is not None and not torch.is_grad_enabled():
            *streams, gate, beta, decay = self.packed.sizes
            return self.packed(x_BSD).split((sum(streams), gate, beta, decay), -1)  # type: ignore[return-value]
        mixed = torch.cat([stream(x_BSD) for stream in (self.query, self.key, self.value)], -1)
        return mixed, *(linear(x_BSD) for linear in rest)  # type: ignore[return-value]

    def _streams(self, mixed_BSC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys of length one, queries scaled, and values."""
        keys = self.key.weight.shape[0]
        both, v = mixed_BSC.split((2 * keys, mixed_BSC.shape[-1] - 2 * keys), -1)
        q_BSGK, k_BSGK = _unit(both.unflatten(-1, (2, -1, self.spec.key_dim)).float()).unbind(2)
        return q_BSGK * self.spec.key_dim**-0.5, k_BSGK, v.unflatten(-1, (k_BSGK.shape[2], -1, self.spec.value_dim))

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """State and tail, of one size at any length of text."""
        spec, channels = self.spec, sum(c.weight.shape[0] for c in self.kernels.convolutions)
        groups = self.key.weight.shape[0] // spec.key_dim
        heads = self.value.weight.shape[0] // spec.value_dim // groups
        state = torch.zeros(batch, groups, spec.key_dim, heads, spec.value_dim, device=device)
        return StateSlot(state, torch.zeros(batch, spec.kernel - 1, channels, device=device, dtype=dtype))

    def counted_flops(self, batch: int, new: int, past: int, *, cached: bool, training: bool = False) -> int:
        """FLOPs that torch's counter sees in this layer's convolution (none) and scan; see `scanned`.

        Solving a triangular system is no product, but the gradient of its matrix is one.
        """
        spec = self.spec
        state = spec.value_heads * spec.key_dim * spec.value_dim
        if cached and new == 1:
            return 2 * batch * state * 3
        chunks, size = chunks_of(new)
        starts = chunks if cached and past else chunks - 1
        ends = chunks if cached else chunks - 1
        squares = chunks * size * size
        scores = squares * (2 * spec.key_heads * spec.key_dim + spec.value_heads * spec.value_dim)
        forward = scores + (2 * starts + ends) * size * state
        solved = squares * spec.value_heads * (spec.value_dim + (spec.key_dim if starts else 0))
        return 2 * batch * (3 * forward + solved if training else forward)


def _unit(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + KEY_EPSILON)


def stepped(
    state_BGKRV: Tensor, q_BGK: Tensor, k_BGK: Tensor, v_BGRV: Tensor, beta_BGR: Tensor, log_BGR: Tensor
) -> Tensor:
    """One token, in place: R = a S, S = R + k d', o = S' q = R' q + (k' q) d, d being beta (v - R' k).

    Recall and readout are rows of one product with the state as it was, so that it is read once for both.
    """
    decay_BGR = torch.exp(log_BGR).unsqueeze(-1)
    both = torch.stack((k_BGK, q_BGK), dim=2).flatten(0, 1)
    held = torch.bmm(both, matrices(state_BGKRV)).view(*q_BGK.shape[:2], 2, *v_BGRV.shape[2:]) * decay_BGR.unsqueeze(2)
    d_BGRV = (v_BGRV - held[:, :, 0]) * beta_BGR.unsqueeze(-1)
    state = matrices(state_BGKRV, decay_BGR.squeeze(-1))
    state.baddbmm_(k_BGK.flatten(0, 1).unsqueeze(2), d_BGRV.flatten(0, 1).flatten(1).unsqueeze(1))
    return torch.addcmul(held[:, :, 1], (k_BGK * q_BGK).sum(-1)[..., None, None], d_BGRV)


def scanned(
    q_BSGK: Tensor,
    k_BSGK: Tensor,
    v_BSGRV: Tensor,
    beta_BSGR: Tensor,
    log_BSGR: Tensor,
    slot: StateSlot | None,
    *,
    fresh: bool,
) -> Tensor:
    """S x R x V results of the delta rule over all tokens, from the state of the slot; the slot moves on.

    What the tokens of a chunk add depends on one another: d_i = b_i (v_i - a..S'k_i - sum over j < i of a.. (k_j k_i)
    d_j), a triangular system, which is solved for the values and for the keys that recall the state at the start.
    """
    new = q_BSGK.shape[1]
    chunks, size = chunks_of(new)
    q, k = (cut(t, chunks, size) for t in (q_BSGK, k_BSGK))  # B G M L K
    v = cut(v_BSGRV, chunks, size).transpose(3, 4)  # B G M R L V
    beta, sums = (cut(t, chunks, size).transpose(3, 4) for t in (beta_BSGR, log_BSGR))
    sums_BGMRL = sums.cumsum(-1)
    scores, system = _scores(q, k, beta, sums_BGMRL)
    decays = torch.exp(sums_BGMRL).unsqueeze(-1)  # from the start of a chunk to each token
    recalls = chunks > 1 or not (fresh or slot is None)
    wanted = v * beta.unsqueeze(-1)
    if recalls:
        wanted = torch.cat((wanted, k.unsqueeze(3) * (beta.unsqueeze(-1) * decays)), dim=-1)
    solved = torch.linalg.solve_triangular(system, wanted, upper=False, unitriangular=True)
    left = torch.exp(sums_BGMRL[..., -1:] - sums_BGMRL).unsqueeze(-1)  # from each token to the chunk's end
    state = None if fresh or slot is None else slot.state.transpose(2, 3)  # B G R K V
    results: list[Tensor] = []
    for chunk in range(chunks):
        d, read = solved[:, :, chunk, ..., : v.shape[-1]], None
        if state is not None:
            reading = torch.cat((solved[:, :, chunk, ..., v.shape[-1] :], _by_head(q, decays, chunk)), dim=-2)
            held, read = torch.matmul(reading, state).split(size, -2)
            d = d - held
        within = torch.matmul(scores[:, :, chunk], d)
        results.append(within if read is None else within + read)
        if chunk < chunks - 1 or slot is not None:
            added = torch.matmul(_by_head(k, left, chunk).transpose(-1, -2), d)
            state = added if state is None else torch.addcmul(added, state, decays[:, :, chunk, :, -1:])
    if slot is not None and state is not None:
        slot.state.copy_(state.detach().transpose(2, 3))
    return torch.stack(results, dim=2).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)[:, :new]


def _scores(q: Tensor, k: Tensor, beta_BGMRL: Tensor, sums_BGMRL: Tensor) -> tuple[Tensor, Tensor]:
    """B G M R L L: queries with keys, and beta-weighted keys with keys, times the decay between the two tokens."""
    size = q.shape[-2]
    products = torch.matmul(torch.cat((q, k), dim=-2), k.transpose(-1, -2)).unsqueeze(3)
    between = sums_BGMRL.unsqueeze(-1) - sums_BGMRL.unsqueeze(-2)
    later = torch.ones(size, size, dtype=torch.bool, device=q.device).triu(1)
    decays = torch.exp(between.masked_fill(later, float("-inf")))
    queries, keys = products.split(size, -2)
    return queries * decays, keys * decays * beta_BGMRL.unsqueeze(-1)


def _by_head(x_BGMLK: Tensor, factor_BGMRL1: Tensor, chunk: int) -> Tensor:
    """B G R L K: what the heads of a group share, each with its own factor a token."""
    return x_BGMLK[:, :, chunk].unsqueeze(2) * factor_BGMRL1[:, :, chunk]
