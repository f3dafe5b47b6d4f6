"""What differs between two models, field by field of their components; texts are never compared.

Towers pair by side, what stands before and after the layers by name, distinct blocks by likeness, sub-layers by name.
An address is a component's place: "decoder.embedding", "decoder.0.attention" in the first distinct block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.changes import LABELS
from llmcmp.frozen import frozen
from llmcmp.resize import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llmcmp.components.base import Component
    from llmcmp.model import Layers, Model, Tower

# What all parts of a model share is told where it first differs, and not again. Widths go by several names.
SHARED = {
    **dict.fromkeys(("hidden", "width", "inner", "outer"), "width"),
    **{name: name for name in ("vocabulary", "epsilon", "unit_offset")},
}


@frozen(eq=False)
class Difference:
    """A field that differs. Where one model has nothing at an address, its own is None and `field` is empty."""

    left: str | None
    right: str | None
    field: str = ""
    before: Any = None
    after: Any = None


def differences(one: Model, other: Model) -> tuple[Difference, ...]:
    """Every field in which two models differ, in the order of execution. Raises UndisclosedError.

    What all components share, their width say, is told once. Cards are no part of this.
    """
    return tuple(_told_once(_everything(one, other)))


def _everything(one: Model, other: Model) -> Iterator[Difference]:
    for left, right in _pair_towers(one.disclosed_towers(), other.disclosed_towers()):
        if left is None or right is None:
            yield _alone(None if left is None else left.side, None if right is None else right.side)
        else:
            yield from _towers(left, right, f"{left.side}.", f"{right.side}.")
    ours, theirs = dict(one.apart), dict(other.apart)
    for name in dict.fromkeys((*ours, *theirs)):
        if name in ours and name in theirs:
            yield from _apart(ours[name], theirs[name], f"apart.{name}")
        else:
            yield _alone(f"apart.{name}" if name in ours else None, f"apart.{name}" if name in theirs else None)


def _alone(left: str | None, right: str | None) -> Difference:
    """What only one of the models has."""
    return Difference(left=left, right=right)


def _pair_towers(one: tuple[Tower, ...], other: tuple[Tower, ...]) -> list[tuple[Tower | None, Tower | None]]:
    """By side; where both models have one tower, the two, whichever side they are on."""
    if len(one) == len(other) == 1:
        return [(one[0], other[0])]
    ours, theirs = ({tower.side: tower for tower in towers} for towers in (one, other))
    return [(ours.get(side), theirs.get(side)) for side in dict.fromkeys((*ours, *theirs))]


def _towers(one: Tower, other: Tower, left: str, right: str) -> Iterator[Difference]:
    """`left` and `right` are what addresses begin with."""
    yield from _parts(dict(one.entry), dict(other.entry), left, right)
    yield from _blocks(one.layers(), other.layers(), left, right)
    yield from _parts(dict(one.exit), dict(other.exit), left, right)


def _apart(one: Tower, other: Tower, address: str) -> Iterator[Difference]:
    """A module beside the model: one address, its parts' fields."""
    for each in _towers(one, other, "", ""):
        field = f"{each.left or each.right}.{each.field}".rstrip(".")
        there = (each.left is not None, each.right is not None) if not each.field else (each.before, each.after)
        yield Difference(left=address, right=address, field=field, before=there[0], after=there[1])


# Blocks


def _blocks(one: list[Layers], other: list[Layers], left: str, right: str) -> Iterator[Difference]:
    pairs = pair_blocks(one, other)
    for number, layers in enumerate(one):
        if number in pairs:
            partner = pairs[number]
            yield from _block(layers, other[partner], f"{left}{number}", f"{right}{partner}")
        else:
            yield _alone(f"{left}{number}", None)
    for number in range(len(other)):
        if number not in pairs.values():
            yield _alone(None, f"{right}{number}")


def pair_blocks(one: list[Layers], other: list[Layers]) -> dict[int, int]:
    """Which distinct block stands for which: the likest pair first; of equals, those in the same place."""
    scored = [
        (-likeness(a, b), abs(i - j), i, j)
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if likeness(a, b) > 0
    ]
    pairs: dict[int, int] = {}
    for _, _, i, j in sorted(scored):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def likeness(one: Layers, other: Layers) -> float:
    """Parts of one kind at the same place count whole, and the more, the fewer of their fields differ."""
    ours, theirs = dict(one.block.parts()), dict(other.block.parts())
    same = [name for name in ours if name in theirs and type(ours[name]) is type(theirs[name])]
    return sum(1 + 1 / (1 + _unlike(ours[name], theirs[name])) for name in same)


def _unlike(one: object, other: object) -> int:
    """Fields that differ; records within, such as a position, count once."""
    return len({field.partition(".")[0] for field, _, _ in changed(one, other)})


def _block(one: Layers, other: Layers, left: str, right: str) -> Iterator[Difference]:
    facts = (
        ("layers", one.numbers, other.numbers),
        ("shared", one.shared, other.shared),
        ("placement", one.block.placement, other.block.placement),
        ("steps", _steps(one), _steps(other)),
    )
    for field, before, after in facts:
        if before != after:
            yield Difference(left=left, right=right, field=field, before=before, after=after)
    yield from _parts(dict(one.block.parts()), dict(other.block.parts()), f"{left}.", f"{right}.")


def _steps(layers: Layers) -> tuple[str, ...]:
    """Which branches run one after the other, and which at once."""
    return tuple(" + ".join(branch.name for branch in step.branches) for step in layers.block.steps)


def _parts(one: Mapping[str, Component], other: Mapping[str, Component], left: str, right: str) -> Iterator[Difference]:
    for name in dict.fromkeys((*one, *other)):
        if name not in other:
            yield _alone(left + name, None)
        elif name not in one:
            yield _alone(None, right + name)
        else:
            for field, before, after in changed(one[name], other[name]):
                yield Difference(left=left + name, right=right + name, field=field, before=before, after=after)


# Fields


def changed(one: object, other: object, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(field, before, after) for each field in which two records differ; "kind", where they are of two kinds."""
    if type(one) is not type(other):
        yield prefix + "kind", type(one).__name__, type(other).__name__
        return
    for name in fields_of(one):
        before, after = getattr(one, name), getattr(other, name)
        if fields_of(before) and type(before) is type(after):
            yield from changed(before, after, f"{prefix}{name}.")
        elif _named(before) and _named(after):
            for each in dict.fromkeys((*before, *after)):
                if (each in before) != (each in after):
                    yield f"{prefix}{name}.{each}", each in before, each in after
        elif before != after:
            yield prefix + name, before, after


def _named(value: object) -> bool:
    """Whether a value is a list of names, such as projections that have a bias."""
    return isinstance(value, tuple) and all(isinstance(item, str) for item in cast("tuple[object, ...]", value))


def _told_once(found: Iterable[Difference]) -> Iterator[Difference]:
    told: set[tuple[str, object, object]] = set()
    for difference in found:
        kind = SHARED.get(difference.field.rpartition(".")[2])
        if kind is not None:
            change = kind, _size(difference.before), _size(difference.after)
            if change in told:
                continue
            told.add(change)
        yield difference


def _size(value: object) -> object:
    """The size of an axis; any other value as it is."""
    return cast("tuple[str, int]", value)[1] if isinstance(value, tuple) else value


def label(field: str) -> str:
    """What people call a field: "KV heads", "router scale"."""
    *owners, name = field.split(".")
    return " ".join((*owners, LABELS.get(name, name))).replace("_", " ")


def shown(value: object) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if value.is_integer() else f"{value:g}"
        case tuple():
            return ", ".join(map(shown, cast("tuple[object, ...]", value)))
        case _:
            return str(getattr(value, "label", value))
