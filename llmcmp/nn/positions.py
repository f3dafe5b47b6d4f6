"""How a twin knows the order of its tokens: tables that are added, biases of scores, rotations."""

# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.positions import slopes
from llmcmp.errors import ModelError
from llmcmp.spans import Span

if TYPE_CHECKING:
    from llmcmp.components.attention import Temperature
    from llmcmp.components.positions import LearnedPositions as LearnedComponent
    from llmcmp.components.positions import RelativeBias as RelativeComponent
    from llmcmp.components.positions import Rotary, Scaling
    from llmcmp.components.positions import Sinusoidal as SinusoidalComponent
    from llmcmp.nn.flow import Flow, Rotation


class LearnedPositions(nn.Module):
    """Adds one learned vector a position."""

    def __init__(self, positions: LearnedComponent) -> None:
        super().__init__()
        self.offset = positions.offset
        self.weight = nn.Parameter(torch.empty(positions.rows, positions.width))

    def forward(self, x_BSD: Tensor, flow: Flow) -> Tensor:
        return x_BSD + self.weight.narrow(0, self.offset + flow.past, flow.new)


class Sinusoidal(nn.Module):
    """Adds sines and cosines of geometrically spaced frequencies (arXiv 1706.03762, 3.5)."""

    def __init__(self, positions: SinusoidalComponent) -> None:
        super().__init__()

    def forward(self, x_BSD: Tensor, flow: Flow) -> Tensor:
        steps = torch.arange(flow.past, flow.past + flow.new, device=x_BSD.device)
        return x_BSD + sinusoids(steps, x_BSD.shape[-1]).to(x_BSD.dtype)


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of each position: positions x width."""
    angles = positions.float().unsqueeze(1) * inverse_frequencies(10000.0, width).to(positions.device)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


class RelativeBias(nn.Module):
    """T5's bias of scores by distance, for every attention of its tower (arXiv 1910.10683, 2.1)."""

    def __init__(self, positions: RelativeComponent) -> None:
        super().__init__()
        self.buckets, self.max_distance = positions.buckets, positions.max_distance
        self.span = Span()
        self.weight = nn.Parameter(torch.empty(positions.buckets, positions.heads))

    def forward(self, x_BSD: Tensor, flow: Flow) -> Tensor:
        from llmcmp.nn.flow import positions, with_visibility

        queries, keys = positions(self.span, flow.past, flow.new, x_BSD.device)
        bias_NST = F.embedding(self.bucket(keys - queries), self.weight).permute(2, 0, 1)
        flow.bias = with_visibility(bias_NST, self.span, flow.past, flow.new, flow.prefix)
        return x_BSD

    def bucket(self, distance: Tensor) -> Tensor:
        """The row of a distance: half of the buckets are exact, the others logarithmic up to `max_distance`.

        Where attention looks both ways, the upper half of the table is for keys behind the query.
        """
        both = self.span.direction == "bidirectional"
        buckets = self.buckets // 2 if both else self.buckets
        start = (distance > 0) * buckets if both else torch.zeros_like(distance)
        far = distance.abs() if both else (-distance).clamp(min=0)
        exact = buckets // 2
        ratio = far.clamp(min=1).float().div(exact).log() / math.log(self.max_distance / exact)
        logarithmic = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
        return start + torch.where(far < exact, far, logarithmic)


def alibi_slopes(heads: int, device: torch.device) -> Tensor:
    """One slope a head."""
    return torch.tensor(slopes(heads), device=device)


def tempered(temperature: Temperature, past: int, new: int, like: Tensor) -> Tensor:
    """What queries are multiplied by at their positions: S x 1 x 1."""
    positions = torch.arange(past, past + new, device=like.device).view(-1, 1, 1)
    steps = torch.div(positions + 1, temperature.floor, rounding_mode="floor")
    return (torch.log1p(steps.float()) * temperature.scale + 1).to(like.dtype)


def inverse_frequencies(theta: float, width: int) -> Tensor:
    """theta^(-2 i / width) for i = 0 ... width / 2."""
    return theta ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)


class RotaryTable:
    """Cosines and signed sines of all positions so far, from which a pass takes its own.

    A rotation of x is x * cos + swap(x) * sin, where `swap` exchanges the elements of each rotated pair.
    """

    def __init__(self, rotary: Rotary, head_dim: int) -> None:
        self.rotary, self.width = rotary, rotary.rotated(head_dim)
        if self.width % (2 * rotary.axes):
            raise ModelError(f"{self.width} rotated elements of a head are no pairs; change head_dim or fraction")
        self.cos = self.sin = torch.empty(0)

    def rotation(self, x: Tensor, past: int, new: int, prefix: int) -> Rotation:
        """S x 1 x width each, in the dtype of `x`."""
        if self.rotary.axes == 2:
            return self._at(*_two_axes(past, new, prefix), x)
        if self.cos.shape[0] < past + new or self.cos.dtype != x.dtype or self.cos.device != x.device:
            self.prepare(past + new, x.device, x.dtype)
        return self.cos.narrow(0, past, new), self.sin.narrow(0, past, new)

    def prepare(self, length: int, device: torch.device, dtype: torch.dtype) -> None:
        """Make room for positions up to `length`."""
        like = torch.empty(0, device=device, dtype=dtype)
        self.cos, self.sin = self._at(torch.arange(max(length, 2 * self.cos.shape[0])), None, like)

    def _at(self, first: Tensor, second: Tensor | None, like: Tensor) -> Rotation:
        """The rotation at given positions; with two axes the second half of the elements turns by the second ones."""
        width = self.width if second is None else self.width // 2
        frequencies, factor = stretched(self.rotary, width)
        angles = [p.float().unsqueeze(1) * frequencies for p in (first, second) if p is not None]
        cos = torch.cat([self._paired(a.cos(), 1) for a in angles], -1)
        sin = torch.cat([self._paired(a.sin(), -1) for a in angles], -1)
        cos, sin = ((t * factor).unsqueeze(1).to(like.device, like.dtype) for t in (cos, sin))
        return cos, sin

    def _paired(self, values: Tensor, first_sign: int) -> Tensor:
        """One value for both elements of a pair, the first with a sign."""
        pair = (first_sign * values, values)
        return torch.stack(pair, -1).flatten(-2) if self.rotary.interleaved else torch.cat(pair, -1)


def _two_axes(past: int, new: int, prefix: int) -> tuple[Tensor, Tensor]:
    """GLM's two position numbers (arXiv 2103.10360, 2.3): those of the prompt, then those within what follows it."""
    steps = torch.arange(past, past + new)
    last = max(prefix - 1, 0)
    return steps.clamp(max=last), (steps - last).clamp(min=0)


def rotate(x_BSNH: Tensor, rotation: Rotation, rotary: Rotary) -> Tensor:
    """The first elements of each head turned, as many as the rotation has; the others as they are."""
    cos, sin = rotation
    width = cos.shape[-1]
    whole = width == x_BSNH.shape[-1]
    x = x_BSNH if whole else x_BSNH[..., :width]
    turned = torch.addcmul(x * cos, _swap(x, rotary), sin)
    return turned if whole else torch.cat((turned, x_BSNH[..., width:]), dim=-1)


def _swap(x: Tensor, rotary: Rotary) -> Tensor:
    if rotary.interleaved:
        return x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    if rotary.axes == 2:
        return x.unflatten(-1, (2, -1)).roll(x.shape[-1] // 4, -1).flatten(-2)
    return x.roll(x.shape[-1] // 2, -1)


def stretched(rotary: Rotary, width: int) -> tuple[Tensor, float]:
    """Inverse frequencies under the rotary's scaling, and the factor of its cosines and sines.

    Raises ModelError where the scaling lacks a number that its rule needs.
    """
    plain = inverse_frequencies(rotary.theta, width)
    scaling = rotary.scaling
    if scaling is None:
        return plain, 1.0
    match scaling.kind:
        case "linear":
            return plain / _factor(scaling), 1.0
        case "ntk":
            return inverse_frequencies(rotary.theta * _factor(scaling) ** (width / (width - 2)), width), 1.0
        case "llama3":
            return _llama3(plain, scaling, _factor(scaling), _original(scaling)), 1.0
        case "yarn":
            return _yarn(plain, rotary, scaling, _factor(scaling), _original(scaling))
        case "longrope":
            # Its factors for every frequency are tuned, one list a model, and change no shape: not in a preset.
            return plain, scaling.attention_factor or 1.0


def _factor(scaling: Scaling) -> float:
    if scaling.factor is None:
        raise ModelError(f"rotary scaling {scaling.kind} needs factor: how many times longer contexts become")
    return scaling.factor


def _original(scaling: Scaling) -> int:
    if scaling.original is None:
        raise ModelError(f"rotary scaling {scaling.kind} needs original: the length that the model was trained on")
    return scaling.original


def _llama3(plain: Tensor, scaling: Scaling, factor: float, original: int) -> Tensor:
    """Long wavelengths divided, short ones kept, a linear blend between (Llama 3.1's rule)."""
    fast, slow = scaling.fast or 4.0, scaling.slow or 1.0  # documented defaults of the rule
    rotations = original * plain / (2 * math.pi)
    blend = ((rotations - slow) / max(fast - slow, 1e-9)).clamp(0, 1)  # a step where both are one (Llama 4 Scout)
    return plain * (blend + (1 - blend) / factor)


def _yarn(plain: Tensor, rotary: Rotary, scaling: Scaling, factor: float, original: int) -> tuple[Tensor, float]:
    """Dimensions that turn often are kept, those that turn seldom divided (arXiv 2309.00071, 3.2 and 3.4)."""
    width = 2 * plain.shape[0]

    def dimension(rotations: float) -> float:
        return width * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(rotary.theta))

    low, high = dimension(scaling.fast or 32.0), dimension(scaling.slow or 1.0)
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    steps = torch.arange(width // 2, dtype=torch.float32)
    divided = ((steps - low) / max(high - low, 0.001)).clamp(0, 1)
    attention = scaling.attention_factor or 0.1 * math.log(factor) + 1.0
    return plain * (1 - divided) + plain / factor * divided, attention
