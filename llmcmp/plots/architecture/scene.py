"""What a drawing of a model shows: boxes, their texts and how they nest, before anything has a size or a place.

Pure data, so that tests can ask it what is drawn. `address` names the component that a box shows, "decoder.0.attention"
for that of the first distinct block; `fields` are the fields of that component which a line spells out. Both are what
a difference marks by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Part

# card: a component; part: what holds weights in it; many: a pile of parts; operation: what holds none; bare: text
# alone; blank: an empty place in a row.
Look = Literal["card", "part", "many", "operation", "bare", "blank"]
Size = Literal["title", "normal", "small"]
# Of a box in a difference: it differs from the other side's, or the other side has none.
Mark = Literal["", "differs", "alone"]

EVERY = "*"  # stands for all fields of a component


@frozen
class Line:
    """One line of text."""

    text: str
    fields: tuple[str, ...] = ()
    size: Size = "normal"
    marked: bool = False


@frozen
class Box:
    """Lines of text, and below them rows of boxes; `span` is how many places of its row it takes.

    `part` says whose colour it has (that of the box around it, if not given). `tensors` are the names, within the
    component, of the weights that it stands for.
    """

    look: Look
    lines: tuple[Line, ...] = ()
    rows: tuple[tuple[Box, ...], ...] = ()
    span: int = 1
    part: Part | None = None
    address: str = ""
    tensors: tuple[str, ...] = ()
    mark: Mark = ""

    def walk(self) -> Iterator[Box]:
        """The box and all that are in it."""
        yield self
        for row in self.rows:
            for box in row:
                yield from box.walk()


@frozen
class Stage:
    """One residual step: `lead`, on the main line; there it branches into `shared` and `branches`, and joins at a sum.

    `trail` is on the main line after the sum. Each branch is a column of boxes. `scale` says by what the residual is
    multiplied.
    """

    branches: tuple[tuple[Box, ...], ...]
    lead: tuple[Box, ...] = ()
    shared: tuple[Box, ...] = ()
    trail: tuple[Box, ...] = ()
    scale: str = ""

    def boxes(self) -> Iterator[Box]:
        """All boxes, from top to bottom."""
        yield from (*self.lead, *self.shared)
        for branch in self.branches:
            yield from branch
        yield from self.trail


@frozen
class Frame:
    """A distinct block, drawn once, with the layers (`numbers`) that it stands at."""

    letter: str
    lines: tuple[Line, ...]
    stages: tuple[Stage, ...]
    numbers: tuple[int, ...]
    address: str
    mark: Mark = ""


@frozen
class Entry:
    """What tokens become on their way into the layers: a box, those `summed` with it, and those that act elsewhere."""

    main: Box
    summed: tuple[Box, ...] = ()
    beside: tuple[Box, ...] = ()


@frozen
class Column:
    """One tower, from what it reads to what it gives. `tied`: its head is its token table."""

    reads: str
    entry: tuple[Entry, ...]
    frames: tuple[Frame, ...]
    exit: tuple[Box, ...]
    gives: str
    tied: bool = False

    @property
    def depth(self) -> int:
        """Layers."""
        return sum(len(frame.numbers) for frame in self.frames)

    def boxes(self) -> Iterator[Box]:
        """The outermost boxes, from top to bottom."""
        for entry in self.entry:
            yield from (entry.main, *entry.summed, *entry.beside)
        for frame in self.frames:
            for stage in frame.stages:
                yield from stage.boxes()
        yield from self.exit


@frozen
class Share:
    """Parameters of one kind of component, and their share of the total."""

    part: Part
    label: str
    share: float


@frozen
class Scene:
    """A model's drawing: its name, key figures as (value, what it is), towers, what stands apart, where weights sit."""

    title: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    apart: tuple[Box, ...]
    shares: tuple[Share, ...]
    print: tuple[str, ...]

    def boxes(self) -> Iterator[Box]:
        """Every box, those within others too."""
        for column in self.columns:
            for box in column.boxes():
                yield from box.walk()
        for box in self.apart:
            yield from box.walk()
