"""What differs between two models of one shape, in lines for people: "heads 32 → 8"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.resize import fields_of, period, sizes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.model import Tower

# What people call a field; the others by their own name. Lines come in this order, then the others.
LABELS = {
    "hidden": "hidden",
    "width": "narrow embedding",
    "heads": "heads",
    "kv_heads": "KV heads",
    "head_dim": "head size",
    "query_rank": "query rank",
    "kv_rank": "KV rank",
    "nope_dim": "key size without rotation",
    "rope_dim": "rotary key size",
    "value_dim": "value size",
    "window": "window",
    "memory": "memory",
    "intermediate": "feed-forward",
    "experts": "experts",
    "layers": "layers",
    "vocabulary": "vocabulary",
    "rows": "learned positions",
    "cutoffs": "vocabulary cutoffs",
}
# Linear maps between towers' parts follow the widths that they join.
FOLLOWING = ("inner", "outer")


def changed(old: Iterable[Tower], new: Iterable[Tower]) -> tuple[str, ...]:
    """One line for each kind of size that differs."""
    pairs: dict[str, dict[tuple[str, str], None]] = {}
    for name, before, after in _tower_pairs(tuple(old), tuple(new)):
        if before != after:
            pairs.setdefault(name, {})[before, after] = None
    # A norm's width is the hidden size, and no news.
    pairs["width"] = {pair: None for pair in pairs.get("width", {}) if pair not in pairs.get("hidden", {})}
    order = sorted((name for name in pairs if pairs[name]), key=[*LABELS, *pairs].index)
    return tuple(f"{LABELS.get(name, name.replace('_', ' '))} {_joined(pairs[name])}" for name in order)


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{before} → {after}" for before, after in pairs)


def _tower_pairs(old: tuple[Tower, ...], new: tuple[Tower, ...]) -> Iterator[tuple[str, str, str]]:
    for before, after in zip(old, new, strict=True):
        for (_, one), (_, other) in zip((*before.entry, *before.exit), (*after.entry, *after.exit), strict=True):
            yield from _pairs(one, other)
        for stack, tiny in zip(before.stacks, after.stacks, strict=True):
            for block, small in zip(stack.blocks[: period(stack)], tiny.blocks, strict=True):
                for (_, one), (_, other) in zip(block.parts(), small.parts(), strict=True):
                    yield from _pairs(one, other)
        side = "layers" if len(old) == 1 else f"{before.side} layers"
        yield side, _layers(before), _layers(after)


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """(field, size before, size after) of a record and those within it."""
    numbers = sizes_of(old)
    for name in fields_of(old):
        before, after = getattr(old, name), getattr(new, name)
        if fields_of(before):
            yield from _pairs(before, after)
        elif name in numbers and before is not None and name not in FOLLOWING:
            yield name, _shown(before), _shown(after)


def _shown(value: int | tuple[int, ...]) -> str:
    return f"{value:,}" if isinstance(value, int) else " / ".join(f"{part:,}" for part in value)


def _layers(tower: Tower) -> str:
    stacks = " + ".join(str(stack.layers) for stack in tower.stacks)
    return f"{tower.depth} ({stacks})" if len(tower.stacks) > 1 else str(tower.depth)
