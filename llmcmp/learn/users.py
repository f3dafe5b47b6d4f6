"""Which models use a mechanism: a question to their components for every term that an architecture can answer.

Never a list of names. A term that is missing here is no part of an architecture (an objective, a dtype, a law).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llmcmp.components.attention import Attention
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.embeddings import AdaptiveEmbedding
from llmcmp.components.experts import Experts, Router
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import AdaptiveHead, LanguageHead, MaskedHead
from llmcmp.components.latent import LatentAttention
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import Alibi, LearnedPositions, NoPosition, RelativeBias, Rotary, Scaling, Sinusoidal
from llmcmp.components.segment import SegmentAttention
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.frozen import frozen
from llmcmp.model import Block, Stack, Step, Tower
from llmcmp.resize import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmcmp.components.feed_forward import Activation
    from llmcmp.model import Model, Placement

Kinds: TypeAlias = "tuple[type[Any], ...]"


def _always(record: Any) -> bool:
    return True


@frozen
class Uses:
    """A model uses what this looks for if it holds a record of one of the `kinds` for which `test` is true.

    `unless`: and none of these kinds. `apart`: beside the model, not in it.
    """

    kinds: Kinds
    test: Callable[[Any], bool] = _always
    unless: Kinds = ()
    apart: bool = False

    def __call__(self, model: Model) -> bool:
        found = records(model, self.apart)
        if any(isinstance(record, self.unless) for record in found):
            return False
        return any(isinstance(record, self.kinds) and self.test(record) for record in found)


@cache
def records(model: Model, apart: bool = False) -> tuple[Any, ...]:
    """Every distinct record of a model's structure, however deep it stands: blocks, components, positions, routers.

    `apart`: of the modules beside the model instead.
    """
    roots = model.apart if apart else model.towers
    return tuple(dict.fromkeys(_within(roots)))


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for part in cast("tuple[Any, ...]", value):
            yield from _within(part)
    elif "_names" in type(value).__dict__:  # a record, perhaps without a field
        yield value
        for name in fields_of(value):
            yield from _within(getattr(value, name))


def _of(*kinds: type[Any]) -> Uses:
    return Uses(kinds=kinds)


def _activation(kind: type[Any], *names: Activation) -> Uses:
    return Uses(kinds=(kind,), test=lambda network: network.activation in names)


def _placed(*placements: Placement) -> Uses:
    return Uses(kinds=(Block,), test=lambda block: block.placement in placements)


def _scaled(kind: str) -> Uses:
    return Uses(kinds=(Scaling,), test=lambda scaling: scaling.kind == kind)


def _attention(test: Callable[[Attention], bool]) -> Uses:
    return Uses(kinds=(Attention,), test=test)


_WINDOWED = _attention(lambda a: a.window is not None)
_FULL = _attention(lambda a: a.window is None)
_PREFIX = _attention(lambda a: a.direction == "prefix")
_DECODER = Uses(kinds=(Tower,), test=lambda tower: tower.side == "decoder")
_ENCODER = Uses(kinds=(Tower,), test=lambda tower: tower.side == "encoder")
_MULTI_HEAD = Uses(kinds=(Attention, SegmentAttention), test=lambda a: getattr(a, "kv_heads", a.heads) == a.heads)


USERS: dict[str, Callable[[Model], bool]] = {
    # architecture
    "decoder-only": lambda model: _DECODER(model) and not _ENCODER(model) and not _PREFIX(model),
    "encoder-only": lambda model: _ENCODER(model) and not _DECODER(model),
    "encoder-decoder": lambda model: _ENCODER(model) and _DECODER(model),
    "prefix-decoder": _PREFIX,
    "parallel-block": Uses(kinds=(Step,), test=lambda step: len(step.branches) > 1),
    "tied-embeddings": Uses(
        kinds=(LanguageHead, AdaptiveHead), test=lambda head: isinstance(head, AdaptiveHead) or head.tied
    ),
    "layer-sharing": Uses(kinds=(Stack,), test=lambda stack: stack.shared),
    "adaptive-embedding": _of(AdaptiveEmbedding, AdaptiveHead),
    "mtp": lambda model: any(_DECODER(part) for part in _apart(model)),
    # attention
    "mha": _MULTI_HEAD,
    "mqa": _attention(lambda a: a.kv_heads == 1 < a.heads),
    "gqa": _attention(lambda a: 1 < a.kv_heads < a.heads),
    "mla": _of(LatentAttention),
    "sliding-window": _attention(lambda a: a.window is not None and not a.chunked),
    "local-global": lambda model: _WINDOWED(model) and _FULL(model),
    "chunked-attention": _attention(lambda a: a.chunked),
    "attention-sinks": _attention(lambda a: a.sinks),
    "soft-cap": Uses(kinds=(Attention, LanguageHead), test=lambda part: part.soft_cap is not None),
    "output-gate": _attention(lambda a: a.output_gate or a.head_gate is not None),
    "cross-attention": Uses(kinds=(CrossAttention,), test=lambda attention: not attention.idle),
    # positions
    "learned-positions": _of(LearnedPositions),
    "sinusoidal": _of(Sinusoidal),
    "rope": _of(Rotary),
    "partial-rope": Uses(kinds=(Rotary,), test=lambda rotary: rotary.fraction < 1),
    "rope-linear": _scaled("linear"),
    "rope-ntk": _scaled("ntk"),
    "yarn": _scaled("yarn"),
    "rope-llama3": _scaled("llama3"),
    "longrope": _scaled("longrope"),
    "alibi": _of(Alibi),
    "t5-relative": _of(RelativeBias),
    "transformer-xl": _of(SegmentAttention),
    "rope-2d": Uses(kinds=(Rotary,), test=lambda rotary: rotary.axes == 2),
    "nope": Uses(kinds=(NoPosition,), unless=(LearnedPositions, RelativeBias, Sinusoidal)),
    # recurrence
    "mamba": _of(Mamba),
    "mamba-2": _of(Mamba2),
    "gated-delta-net": _of(GatedDeltaNet),
    "short-convolution": _of(ShortConvolution),
    "linear-attention": _of(Mamba2, GatedDeltaNet),
    "hybrid": lambda model: _RECURRENT(model) and _of(Attention, LatentAttention)(model),
    # feed-forward
    "relu": _activation(Plain, "relu", "squared-relu"),
    "gelu": _activation(Plain, "gelu", "gelu-tanh", "quick-gelu"),
    "swiglu": _activation(Gated, "silu", "clamped-silu"),
    "geglu": _activation(Gated, "gelu", "gelu-tanh", "quick-gelu"),
    # experts
    "moe": _of(Experts),
    "switch": Uses(kinds=(Experts,), test=lambda mixture: mixture.per_token == 1),
    "top-k": Uses(kinds=(Experts,), test=lambda mixture: mixture.per_token > 1),
    "shared-experts": Uses(kinds=(Experts,), test=lambda mixture: mixture.shared is not None),
    "fine-grained-experts": Uses(kinds=(Experts,), test=lambda mixture: mixture.expert.intermediate < mixture.hidden),
    "group-limited-routing": Uses(kinds=(Router,), test=lambda router: router.groups > 1),
    "loss-free-balancing": Uses(kinds=(Router,), test=lambda router: router.correction),
    # norms
    "layernorm": _of(LayerNorm),
    "rmsnorm": _of(RMSNorm),
    "pre-norm": _placed("pre"),
    "post-norm": _placed("post"),
    "output-norm": _placed("output"),
    "sandwich-norm": _placed("sandwich"),
    "deepnorm": _placed("deep"),
    "qk-norm": _attention(lambda a: a.qk_norm is not None),
    # objectives
    "mlm": Uses(kinds=(MaskedHead,), apart=True),
}

_RECURRENT = _of(Mamba, Mamba2, GatedDeltaNet, ShortConvolution)


def _apart(model: Model) -> tuple[Model, ...]:
    """Modules beside a model, each as a model: prediction modules are decoders, heads alone are not."""
    from llmcmp.frozen import replace

    return tuple(replace(model, towers=(tower,), apart=()) for _, tower in model.apart if tower.stacks)


# Where an example can be computed, for terms whose users do not say so: they have none, or no architecture shows them.
APPLIES: dict[str, Callable[[Model], bool]] = {
    "load-balancing-loss": USERS["moe"],
    "rope-ntk": USERS["rope"],
    "short-convolution": _of(Attention, ShortConvolution),
    "sinusoidal": USERS["learned-positions"],
    "sparse-attention": lambda model: USERS["decoder-only"](model) and _of(Attention, LatentAttention)(model),
}
