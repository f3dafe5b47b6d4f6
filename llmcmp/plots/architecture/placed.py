"""What layout makes of a scene: rectangles with texts at places, lines between them, in points from the top left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Part
    from llmcmp.plots.architecture.scene import Mark

# The looks of boxes, and those of what is drawn around them: page, tower, frame of a block, a cell of the strip of
# layers, and a piece of the bar of shares.
Shape = Literal[
    "card", "part", "many", "operation", "bare", "blank", "page", "tower", "frame", "cell", "share", "swatch"
]
Point = tuple[float, float]


@frozen
class Text:
    """One line, centred at `x` or beginning there; `y` is its middle."""

    text: str
    x: float
    y: float
    size: float
    bold: bool = False
    marked: bool = False
    pale: bool = False
    align: Literal["center", "left", "right"] = "center"


@frozen
class Wire:
    """A line through `points`, with an arrow at its end unless `plain`. `kind`: what flows along it."""

    points: tuple[Point, ...]
    kind: Literal["main", "residual", "inner", "zoom", "cross", "tied"] = "main"
    plain: bool = False


@frozen
class Sum:
    """A ⊕ around a point."""

    x: float
    y: float


@frozen
class Placed:
    """A rectangle, what is written in it, what it holds and the lines between what it holds."""

    shape: Shape
    x: float
    y: float
    width: float
    height: float
    part: Part | None = None
    number: int = 0
    mark: Mark = ""
    address: str = ""
    texts: tuple[Text, ...] = ()
    children: tuple[Placed, ...] = ()
    wires: tuple[Wire, ...] = ()
    sums: tuple[Sum, ...] = ()

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The horizontal middle."""
        return self.x + self.width / 2

    def walk(self) -> Iterator[Placed]:
        """The rectangle and all that are in it."""
        yield self
        for child in self.children:
            yield from child.walk()
