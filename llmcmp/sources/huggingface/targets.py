"""What a name of transformers stands for among ours: one tensor, several fused, one of several, or nothing.

Ours are unfused and have outputs first. A name is a module's, whose weight and bias go along, or a whole tensor's. "*"
is the layer, "#" the number of an expert that is a module of its own; ours are stacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from llmcmp.frozen import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Fused:
    """Several of our tensors in one of theirs, along the outputs.

    They stand one after another, or take `turns`: a few outputs of each, as often as the attention or mixer has heads
    of that name, or single "rows". `inputs_first`: theirs is transposed.
    """

    names: tuple[str, ...]
    turns: Literal["heads", "kv_heads", "key_heads", "rows"] | None = None
    inputs_first: bool = False


@frozen
class OneOf:
    """The one of several that the model has: a norm that stands before or after its sub-layer, say."""

    names: tuple[str, ...]


@frozen
class Reshaped:
    """One of our tensors under other axes: GGUF splits some by heads, or turns them round."""

    name: str


@frozen
class Zero:
    """A tensor that a class stores and no model uses: it has to be zero."""


Target: TypeAlias = str | Fused | OneOf | Reshaped | Zero
Names: TypeAlias = dict[str, Target]


def under(theirs: str, ours: str, names: Mapping[str, Target]) -> Names:
    """A table with something before the names of both sides."""
    return {theirs + name: _under(ours, target) for name, target in names.items()}


def _under(ours: str, target: Target) -> Target:
    match target:
        case str():
            return ours + target
        case Fused() | OneOf():
            return replace(target, names=tuple(ours + name for name in target.names))
        case Reshaped():
            return Reshaped(name=ours + target.name)
        case Zero():
            return target
