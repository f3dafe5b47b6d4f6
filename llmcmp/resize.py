"""A model of other sizes and the same shape: every component rebuilt by the rules of sizes.py.

What holds no whole number stays untouched: biases, norms, placement, activations, scales, soft caps. A whole number
that no rule knows is an error, never a size that silently stays.
"""

from __future__ import annotations

import re
from functools import cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, cast

from llmcmp.frozen import field_names, replace
from llmcmp.sizes import new_size

if TYPE_CHECKING:
    from llmcmp.model import Block, Stack, Step, Tower
    from llmcmp.sizes import Sizes


@cache
def size_fields(cls: type[Any]) -> tuple[str, ...]:
    """The fields of a class of records that hold whole numbers."""
    kinds: dict[str, str] = get_annotations(cls)
    return tuple(name for name in field_names(cls) if re.search(r"\bint\b|\bAxis\b", kinds[name]))


def sizes_of(record: Any) -> tuple[str, ...]:
    """The fields of a record that hold whole numbers."""
    return size_fields(cast("type[Any]", type(record)))


def resize_record(record: Any, sizes: Sizes) -> Any:
    """A component, or a record within one, with all its sizes changed."""
    numbers, changes = sizes_of(record), dict[str, Any]()
    for name in fields_of(record):
        value: Any = getattr(record, name)
        if fields_of(value):
            changes[name] = resize_record(value, sizes)
        elif name in numbers and value is not None:
            changes[name] = _resized(record, name, value, sizes)
    return replace(record, **changes) if changes else record


def fields_of(value: Any) -> tuple[str, ...]:
    """The fields of a record; none, for any other value."""
    return field_names(cast("type[Any]", type(value)))


def _resized(record: Any, name: str, value: Any, sizes: Sizes) -> Any:
    match value:
        case int():
            return new_size(record, name, value, sizes)
        case (str(axis), int(size)):
            return axis, sizes.width(size)
        case _:  # ids that cut the vocabulary
            share = sizes.vocabulary / record.vocabulary
            return tuple(max(1 + i, round(cut * share)) for i, cut in enumerate(value))


def resize_tower(tower: Tower, sizes: Sizes) -> Tower:
    """A tower with all its sizes changed, and of each stack the share `depth` in whole periods of its pattern."""
    return replace(
        tower,
        entry=tuple((name, resize_record(component, sizes)) for name, component in tower.entry),
        stacks=tuple(_resized_stack(stack, sizes) for stack in tower.stacks),
        exit=tuple((name, resize_record(component, sizes)) for name, component in tower.exit),
    )


def _resized_stack(stack: Stack, sizes: Sizes) -> Stack:
    pattern = stack.blocks[: period(stack)]
    known = {block: _resized_block(block, sizes) for block in pattern}
    blocks = tuple(known[block] for block in pattern)
    return replace(stack, blocks=blocks, layers=fewer_layers(stack, sizes.depth))


def _resized_block(block: Block, sizes: Sizes) -> Block:
    return replace(block, steps=tuple(_resized_step(step, sizes) for step in block.steps))


def _resized_step(step: Step, sizes: Sizes) -> Step:
    branches = tuple(
        replace(
            branch,
            mixer=resize_record(branch.mixer, sizes),
            before=None if branch.before is None else resize_record(branch.before, sizes),
            after=None if branch.after is None else resize_record(branch.after, sizes),
        )
        for branch in step.branches
    )
    shared = None if step.shared_norm is None else resize_record(step.shared_norm, sizes)
    return replace(step, branches=branches, shared_norm=shared)


@cache
def period(stack: Stack) -> int:
    """After how many layers a stack begins anew: its pattern, or a shorter one that the layers run through twice."""
    known: dict[Block, int] = {}
    pattern = [known.setdefault(block, len(known)) for block in stack.blocks]
    layers = [pattern[layer % len(pattern)] for layer in range(stack.layers)]
    shorter = (length for length in range(1, len(pattern)) if 2 * length <= len(layers))
    return next((length for length in shorter if layers[length:] == layers[:-length]), len(pattern))


def fewer_layers(stack: Stack, depth: float) -> int:
    """The share `depth` of its layers in whole periods, at least one; all of them, where the share is 1."""
    if depth == 1:
        return stack.layers
    length = period(stack)
    return max(1, round(stack.layers * depth / length)) * length
