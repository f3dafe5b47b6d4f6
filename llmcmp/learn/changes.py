"""What-if changes that an example makes to a model: components replaced wherever they stand.

An override (sources/overrides.py) changes a value in one table of a preset. A lesson compares mechanisms on any model,
also where a preset has several attentions, or where the other mechanism is another component; so changes are
functions of components here. Where an override can say the same, the tests hold both to the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from llmcmp.card import Card
from llmcmp.components.attention import Attention
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import AdaptiveHead, LanguageHead
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import LearnedPositions, Rotary, Sinusoidal
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.frozen import replace
from llmcmp.model import Block, Branch, Stack, Step, walk
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
    return replace(
        model, card=change(model.card), towers=_rebuilt(model.towers, change), apart=_rebuilt(model.apart, change)
    )


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
    return lambda record: (
        own if own is not None and isinstance(record, Mamba | Mamba2 | GatedDeltaNet | ShortConvolution) else record
    )


def _causal(part: Attention | Card) -> Attention | Card:
    """A prefix decoder's attention, and the class that its card states."""
    if isinstance(part, Card):
        return replace(part, architecture="decoder-only")
    return replace(part, direction="causal")


def _serial(block: Block) -> Block:
    """Parallel branches one after the other, each with a norm of its own."""
    steps = tuple(
        Step(branches=(replace(branch, before=branch.before or step.shared_norm),))
        for step in block.steps
        for branch in step.branches
    )
    return replace(block, steps=steps)


def _one_table(model: Model) -> Callable[[Any], Any]:
    """Clusters of words replaced by one table as wide as the model, which is the head too."""

    def change(record: Any) -> Any:
        match record:
            case AdaptiveEmbedding():
                return TokenEmbedding(vocabulary=record.vocabulary, width=record.hidden)
            case AdaptiveHead(embedding=TokenEmbedding() as table):  # changed before the head that holds it
                return LanguageHead(width=table.width, vocabulary=table.vocabulary, tied=True)
            case _:
                return record

    return change


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
    "sliding window": _each(Attention, lambda a: replace(a, chunked=False)),
    "causal mask": _each((Attention, Card), _causal),
    "no output gate": _each(Attention, lambda a: replace(a, output_gate=False, head_gate=None)),
    "whole head rotated": _each(Rotary, lambda rotary: replace(rotary, fraction=1.0)),
    "sinusoidal positions": _each(LearnedPositions, lambda table: Sinusoidal()),
    "serial block": _each(Block, _serial),
    "weights of its own in each layer": _each(Stack, lambda stack: replace(stack, shared=False)),
    "one table of full width": _one_table,
    "no output norms": _each(Branch, lambda branch: replace(branch, after=None)),
    "attention instead": _attention_everywhere,
    "convolutions of 3 instead": _each(Attention, lambda a: ShortConvolution(hidden=a.hidden, kernel=3)),
    "two matrices": _each(Gated, _ungated),
    "three matrices": _each(Plain, _gated),
    "every expert visited": _each(Experts, lambda e: replace(e, per_token=e.experts)),
    "one expert a token": _each(Experts, lambda e: replace(e, per_token=1)),
    "no shared expert": _each(Experts, lambda e: replace(e, shared=None, shared_gate=False)),
    "head of its own": _each(LanguageHead, lambda head: replace(head, tied=False)),
    "LayerNorm": _each(RMSNorm, lambda norm: LayerNorm(width=norm.width, epsilon=norm.epsilon, weight=norm.weight)),
    "RMSNorm": _each(LayerNorm, lambda norm: RMSNorm(width=norm.width, epsilon=norm.epsilon, weight=norm.weight)),
}
