"""The gated short convolution: three streams of the input, one of them convolved between two gates."""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.nn.convolution import Convolution, Kernels
from llmcmp.nn.linear import Linear, Packed
from llmcmp.nn.slots import Slot

if TYPE_CHECKING:
    from llmcmp.components.short_convolution import ShortConvolution as ShortComponent
    from llmcmp.nn.flow import Flow


class TailSlot(Slot):
    """The last inputs of a convolution (B x kernel - 1 x C), zeros to begin with."""

    def __init__(self, tail: Tensor) -> None:
        self.tail = tail

    def seen(self, x_BSC: Tensor) -> Tensor:
        """The tail with the new inputs behind it; the tail then moves on."""
        seen_BTC = torch.cat((self.tail, x_BSC), dim=1)
        kept = self.tail.shape[1]
        self.tail.copy_(seen_BTC.detach().narrow(1, seen_BTC.shape[1] - kept, kept))
        return seen_BTC

    def tensors(self) -> dict[str, Tensor]:
        return {"convolution tail": self.tail}

    def reset(self) -> None:
        self.tail.zero_()


class ShortConvolution(nn.Module):
    """output(gate_after x conv(gate_before x value))."""

    def __init__(self, mixer: ShortComponent) -> None:
        super().__init__()
        self.spec = mixer
        self.gate_before, self.gate_after, self.value, self.output = map(Linear, mixer.linears())
        self.conv = Convolution(mixer.convolution)
        self.kernels = Kernels((self.conv,), activated=False)
        self.packed: Packed | None = None

    def pack(self) -> None:
        """Project all three streams in one product."""
        self.packed = Packed((self.gate_before, self.gate_after, self.value))
        self.kernels.pack()

    def forward(self, x_BSD: Tensor, flow: Flow, slot: TailSlot | None = None) -> Tensor:
        if self.packed is not None and not torch.is_grad_enabled():
            before, after, v = self.packed(x_BSD).split(self.packed.sizes, -1)
        else:
            before, after, v = self.gate_before(x_BSD), self.gate_after(x_BSD), self.value(x_BSD)
        gated = before * v
        kept = self.spec.kernel - 1
        seen_BTC = F.pad(gated, (0, 0, kept, 0)) if slot is None else slot.seen(gated)
        return self.output(after * self.kernels(seen_BTC, flow.new))

    def new_slot(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> Slot | None:
        """The tail, of one size at any length of text."""
        return TailSlot(torch.zeros(batch, self.spec.kernel - 1, self.spec.hidden, device=device, dtype=dtype))

    def counted_flops(self, batch: int, new: int, past: int, *, cached: bool, training: bool = False) -> int:
        """Sums of shifted inputs are no product that torch's counter sees."""
        return 0
