"""A Model against the tensors of a file, one by one: every tensor of each has its place in the other, or differs.

Names are mapped by a table (sources/huggingface, gguf/names.py): what no table names differs, nothing is guessed.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, assert_never

from llmcmp.frozen import frozen
from llmcmp.sources.huggingface.names import find
from llmcmp.sources.huggingface.targets import Fused, OneOf, Reshaped, Zero
from llmcmp.sources.weights.places import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.model import Model
    from llmcmp.sources.huggingface.targets import Names, Target
    from llmcmp.sources.weights.contents import FileContents, Tensor
    from llmcmp.sources.weights.places import Place

Shape = tuple[int, ...]


@frozen
class Dictionary:
    """How the tensors of a file are called.

    `prefixes` are (theirs, the table's), tried in turn on a name that is not in the table. `computed` are tensors that
    a program computes anew, so that no parameter is in them (tables of rotations, masks); `beside` those of modules
    that are no part of the model: a vision tower, heads for further tokens. Both are regular expressions.
    """

    names: Names
    prefixes: tuple[tuple[str, str], ...] = ()
    computed: str = r"(?!)"
    beside: str = r"(?!)"

    def find(self, name: str) -> tuple[Target, int | None] | None:
        """What of ours a tensor holds, and which expert's."""
        for theirs, own in (("", ""), *self.prefixes):
            if name.startswith(theirs) and (found := find(own + name[len(theirs) :], self.names)) is not None:
                return found
        return None


@frozen
class Difference:
    """One tensor that config and file disagree on: what the config says of it, and what the file holds."""

    tensor: str
    ours: str
    expected: str
    held: str


@frozen
class Findings:
    """What a comparison found. `matched` tensors of the file are as the config says; `parameters` of ours are in them.

    `beside` and `computed`: the names of tensors that are no part of the model.
    """

    matched: dict[str, str]
    differences: tuple[Difference, ...]
    beside: tuple[str, ...]
    computed: tuple[str, ...]


def compare(model: Model, contents: FileContents, dictionary: Dictionary) -> Findings:
    """Every tensor of the file against the model, and every tensor of the model against the file."""
    held = _Held(model, dictionary)
    for tensor in contents.tensors:
        held.take(tensor)
    held.differences.extend(held.missing())
    return Findings(
        matched=held.matched,
        differences=tuple(held.differences),
        beside=tuple(held.beside),
        computed=tuple(held.computed),
    )


class _Held:
    """The model's tensors, and which of them a file has been found to hold."""

    def __init__(self, model: Model, dictionary: Dictionary) -> None:
        self.places = places(model)
        self.depth = sum(tower.depth for tower in model.towers)
        self.apart = bool(model.apart)
        self.dictionary = dictionary
        self.is_beside, self.is_computed = (re.compile(p).fullmatch for p in (dictionary.beside, dictionary.computed))
        self.filled: set[tuple[str, int | None]] = set()
        self.stacks: dict[str, int] = {}
        self.matched: dict[str, str] = {}
        self.differences: list[Difference] = []
        self.beside: list[str] = []
        self.computed: list[str] = []

    def take(self, tensor: Tensor) -> None:
        """Find the place of one tensor of the file."""
        if self.is_computed(tensor.name):
            self.computed.append(tensor.name)
        elif self.is_beside(tensor.name) or self._is_later(tensor.name):
            self.beside.append(tensor.name)
        elif (found := self.dictionary.find(tensor.name)) is None:
            self._differs(tensor, "—", "no such tensor")
        else:
            self._place(tensor, *found)

    def _is_later(self, name: str) -> bool:
        """Whether a tensor stands in a layer after the last one: modules for further tokens are stored there."""
        layer = re.search(r"(?:^|\.)(?:layers|blk)\.(\d+)\.", name)
        return self.apart and layer is not None and int(layer[1]) >= self.depth

    def _place(self, tensor: Tensor, target: Target, expert: int | None) -> None:
        match target:
            case Zero():
                self.computed.append(tensor.name)
                return
            case str():
                names, fused = (target,), None
            case OneOf():
                names, fused = (next((n for n in target.names if n in self.places), target.names[0]),), None
            case Fused():
                names, fused = target.names, target
            case Reshaped():
                names, fused = (target.name,), None
            case _:
                assert_never(target)
        ours = together(names)
        found = [self.places[name] for name in names if name in self.places]
        if len(found) < len(names):
            self._differs(tensor, ours, "no such tensor")
            return
        expected = _expected(found, fused, one=expert is not None)
        alike = elements if isinstance(target, Reshaped) else squeezed
        if expected is None or alike(tensor.shape) != alike(expected):
            self._differs(tensor, ours, "not to be fused" if expected is None else shown(expected))
        elif expert is not None and found[0].experts is not None and expert >= found[0].experts:
            self._differs(tensor, ours, f"{found[0].experts} experts")
        else:
            self.matched[tensor.name] = ours
        # What is there with another shape is not missing too.
        self._fill(found, expert)

    def _fill(self, found: Iterable[Place], expert: int | None) -> None:
        for place in found:
            if (place.key, expert) not in self.filled:
                self.filled.add((place.key, expert))
                if expert is not None:
                    self.stacks[place.key] = self.stacks.get(place.key, 0) + 1

    def _differs(self, tensor: Tensor, ours: str, expected: str) -> None:
        self.differences.append(Difference(tensor=tensor.name, ours=ours, expected=expected, held=shown(tensor.shape)))

    def missing(self) -> Iterator[Difference]:
        """The tensors of the model that no tensor of the file holds, or not all experts of."""
        seen: set[str] = set()
        for name, place in self.places.items():
            if place.key in seen or (place.key, None) in self.filled:
                continue
            seen.add(place.key)
            count = self.stacks.get(place.key, 0)
            if count < (place.experts or 1):
                held = f"{count} of {place.experts} experts" if count else "no such tensor"
                yield Difference(tensor="—", ours=name, expected=shown(place.shape), held=held)


def _expected(found: list[Place], fused: Fused | None, *, one: bool) -> Shape | None:
    """The shape of a tensor that holds these: of `one` expert where they are stacked; None where they cannot be one."""
    shapes = [place.shape[1:] if one and place.experts is not None else place.shape for place in found]
    if fused is None:
        return shapes[0]
    axis = 1 if found[0].experts is not None and not one else 0  # of outputs
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rest) != 1:
        return None
    joined = list(shapes[0])
    joined[axis] = sum(shape[axis] for shape in shapes)
    if fused.inputs_first and len(joined) > axis + 1:
        joined[axis], joined[axis + 1] = joined[axis + 1], joined[axis]
    return tuple(joined)


def together(names: tuple[str, ...]) -> str:
    """Several names as one, what they differ in within braces.

    >>> together(("layers.0.attention.query.weight", "layers.0.attention.key.weight"))
    'layers.0.attention.{query, key}.weight'
    """
    if len(names) == 1:
        return names[0]
    parts = [name.split(".") for name in names]
    start = next((i for i, column in enumerate(zip(*parts, strict=False)) if len(set(column)) > 1), 0)
    shortest = min(map(len, parts)) - start - 1
    backwards = zip(*(reversed(part) for part in parts), strict=False)
    end = next((i for i, column in enumerate(backwards) if len(set(column)) > 1 or i >= shortest), 0)
    inner = ", ".join(".".join(part[start : len(part) - end]) for part in parts)
    return ".".join([*parts[0][:start], f"{{{inner}}}", *parts[0][len(parts[0]) - end :]])


def squeezed(shape: Shape) -> Shape:
    """A shape without axes of one: a depthwise convolution's middle axis, a gate's only output, say."""
    return tuple(size for size in shape if size != 1)


def shown(shape: Shape) -> str:
    """A shape as tables show it."""
    return " × ".join(f"{size:,}" for size in shape) or "a single number"


def elements(shape: Shape) -> int:
    """Elements of a shape."""
    return prod(shape)
