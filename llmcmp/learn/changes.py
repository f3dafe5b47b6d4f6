"""What-if changes that an example makes to a model: components replaced wherever they stand.

An override (sources/overrides.py) changes a value in one table of a preset. A lesson compares mechanisms on any model,
also where a preset has several attentions, or where the other mechanism is another component; so changes are
functions of components here. Where an override can say the same, the tests hold both to the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from llmcmp.components.attention import Attention
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import LanguageHead
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import NO_POSITION
from llmcmp.frozen import replace
from llmcmp.model import walk
from llmcmp.resize import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model

T = TypeVar("T")
Change: TypeAlias = "Callable[[Model], Callable[[Any], Any]]"

AS_RELEASED = "as released"


def changed(model: Model, name: str) -> Model:
    """The model after a change; the same model where nothing in it is concerned."""
    change = CHANGES[name](model)
    return replace(model, towers=_rebuilt(model.towers, change), apart=_rebuilt(model.apart, change))


def _rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """A record with everything within it changed, from the inside out."""
    if isinstance(value, tuple):
        return tuple(_rebuilt(part, change) for part in value)  # pyright: ignore[reportUnknownVariableType]
    fields = fields_of(value)
    if not fields:
        return value
    inner = {name: _rebuilt(getattr(value, name), change) for name in fields}
    return change(replace(value, **inner))


def _each(kind: type[T] | tuple[type[T], ...], new: Callable[[T], Any]) -> Change:
    """A change of every component of a kind, whatever model it stands in."""
    return lambda model: lambda record: new(record) if isinstance(record, kind) else record


def _ungated(network: Gated) -> Plain:
    return Plain(
        hidden=network.hidden, intermediate=network.intermediate, activation=network.activation, bias=network.bias
    )


def _gated(network: Plain) -> Gated:
    return Gated(
        hidden=network.hidden, intermediate=network.intermediate, activation=network.activation, bias=network.bias
    )


def _attention_everywhere(model: Model) -> Callable[[Any], Any]:
    """The model's own attention in the place of its recurrent mixers."""
    own = next((use.component for use in walk(model) if isinstance(use.component, Attention)), None)
    return lambda record: own if own is not None and isinstance(record, Mamba | Mamba2 | GatedDeltaNet) else record


def _window(size: int) -> Change:
    return _each(Attention, lambda a: a if a.direction != "causal" else replace(a, window=size, chunked=False))


CHANGES: dict[str, Change] = {
    "kv_heads = heads": _each((Attention, CrossAttention), lambda a: replace(a, kv_heads=a.heads)),
    "kv_heads = 1": _each((Attention, CrossAttention), lambda a: replace(a, kv_heads=1)),
    "no window": _each(Attention, lambda a: replace(a, window=None, chunked=False)),
    "window 1,024 in every layer": _window(1024),
    "no QK norm": _each(Attention, lambda a: replace(a, qk_norm=None)),
    "no sinks": _each(Attention, lambda a: replace(a, sinks=False)),
    "no soft cap": _each((Attention, LanguageHead), lambda part: replace(part, soft_cap=None)),
    "no rotation": _each(Attention, lambda a: replace(a, position=NO_POSITION)),
    "attention instead": _attention_everywhere,
    "two matrices": _each(Gated, _ungated),
    "three matrices": _each(Plain, _gated),
    "every expert visited": _each(Experts, lambda e: replace(e, per_token=e.experts)),
    "one expert a token": _each(Experts, lambda e: replace(e, per_token=1)),
    "no shared expert": _each(Experts, lambda e: replace(e, shared=None, shared_gate=False)),
    "head tied": _each(LanguageHead, lambda head: replace(head, tied=True)),
    "head of its own": _each(LanguageHead, lambda head: replace(head, tied=False)),
    "LayerNorm": _each(RMSNorm, lambda norm: LayerNorm(width=norm.width, epsilon=norm.epsilon)),
    "RMSNorm": _each(LayerNorm, lambda norm: RMSNorm(width=norm.width, epsilon=norm.epsilon)),
}
