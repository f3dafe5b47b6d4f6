"""A block laid out: stages below one another on the main line, each with its residual path and its sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen, replace
from llmcmp.plots.architecture.measure import LEADING
from llmcmp.plots.architecture.place import SIZES, chain, is_bold, line_width, lines_height, needs, place, shown
from llmcmp.plots.architecture.placed import Placed, Sum, Text, Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.plots.architecture.scene import Box, Frame, Stage

ARROW = 12.0  # between boxes on one line
RADIUS = 4.5  # of a ⊕
TURN = 6.0  # from a box to where its line turns
RESIDUAL = 26.0  # beside the boxes of a frame, for the residual path
INSET = 10.0  # from the frame to the residual path
BETWEEN = 12.0  # parallel branches
LEAST = 92.0  # width of a small box on the main line
BADGE = 15.0
HEADING = 8.0  # from a frame to its heading


@frozen
class Laid:
    """Pieces of a drawing, and where its main line goes on."""

    children: tuple[Placed, ...] = ()
    wires: tuple[Wire, ...] = ()
    sums: tuple[Sum, ...] = ()
    texts: tuple[Text, ...] = ()
    y: float

    def then(self, other: Laid) -> Laid:
        """Both, the other one below."""
        return Laid(
            children=self.children + other.children,
            wires=self.wires + other.wires,
            sums=self.sums + other.sums,
            texts=self.texts + other.texts,
            y=other.y,
        )


def box_width(box: Box) -> float:
    """A box that stands alone on a line."""
    return max(needs(box)[0], LEAST)


def branch_width(branch: Sequence[Box]) -> float:
    return max(box_width(box) for box in branch)


def stage_width(stage: Stage) -> float:
    """Branches side by side, or the boxes on the main line where these are wider."""
    branches = sum(map(branch_width, stage.branches)) + BETWEEN * (len(stage.branches) - 1)
    return max([branches] + [row_width(row) for row in (stage.lead, stage.shared, stage.trail)])


def row_width(row: Sequence[Box]) -> float:
    """Boxes side by side."""
    return sum(map(box_width, row)) + BETWEEN * max(0, len(row) - 1)


def down(boxes: Sequence[Box], x: float, y: float, wide: float = 0.0) -> Laid:
    """Boxes below one another on the line at `x`; those with an inside take the whole width."""
    laid = Laid(y=y)
    for box in boxes:
        high, across = needs(box)[1], wide if box.rows and wide else box_width(box)
        placed = place(box, x - across / 2, laid.y + ARROW, across, high)
        laid = laid.then(Laid(children=(placed,), wires=tuple(chain(x, (laid.y, placed.y))), y=placed.bottom))
    return laid


def stage(step: Stage, x: float, y: float, wide: float) -> Laid:
    """One residual step around the main line at `x`, its boxes at most `wide`."""
    laid = down(step.lead, x, y)
    fork = laid.y + TURN
    laid = laid.then(Laid(wires=(Wire(points=((x, laid.y), (x, fork)), plain=True),), y=fork))
    laid = laid.then(down(step.shared, x, fork))
    laid = laid.then(
        down(step.branches[0], x, laid.y, wide) if len(step.branches) == 1 else _parallel(step, x, laid.y, wide)
    )
    middle = laid.y + ARROW + RADIUS
    side = x - wide / 2 - (RESIDUAL - INSET)
    around = Wire(points=((x, fork), (side, fork), (side, middle), (x - RADIUS, middle)), kind="residual")
    joined = (Wire(points=((x, laid.y), (x, middle - RADIUS))), around)
    scale = (Text(text=step.scale, x=side + 4, y=fork - 6, size=SIZES["normal"], align="left"),) if step.scale else ()
    laid = laid.then(Laid(wires=joined, sums=(Sum(x=x, y=middle),), texts=scale, y=middle + RADIUS))
    return laid.then(down(step.trail, x, laid.y))


def _parallel(step: Stage, x: float, y: float, wide: float) -> Laid:
    """Branches side by side, from one line and back to it."""
    natural = [branch_width(branch) for branch in step.branches]
    spare = (wide - sum(natural) - BETWEEN * (len(natural) - 1)) / len(natural)
    bus, left = y + TURN, x - wide / 2
    laid = Laid(wires=(Wire(points=((x, y), (x, bus)), plain=True),), y=bus)
    ends: list[tuple[float, float]] = []
    for branch, least in zip(step.branches, natural, strict=True):
        across = least + max(0.0, spare)
        middle = left + across / 2
        column = down(branch, middle, bus, across)
        ends.append((middle, column.y))
        level = Wire(points=((x, bus), (middle, bus)), plain=True)
        laid = laid.then(column).then(Laid(wires=(level,), y=bus))
        left += across + BETWEEN
    meet = max(end for _, end in ends) + TURN
    back = tuple(Wire(points=((middle, end), (middle, meet), (x, meet)), plain=True) for middle, end in ends)
    return laid.then(Laid(wires=back, y=meet))


# Frames


def frame_width(frame: Frame, badge: bool) -> float:
    """Wide enough for its stages with a residual path, and for its heading left of the main line."""
    heading = HEADING + (BADGE + 6 if badge else 0) + max(map(line_width, frame.lines)) + 6
    return max(2 * heading, max(map(stage_width, frame.stages)) + 2 * RESIDUAL)


def place_frame(frame: Frame, number: int, x: float, y: float, wide: float, badge: bool) -> Placed:
    """A frame at its natural height; the main line enters and leaves in the middle."""
    middle, top = x + wide / 2, y + HEADING
    start = top + lines_height(frame.lines)
    laid = Laid(wires=(Wire(points=((middle, y), (middle, start)), plain=True),), y=start)
    for step in frame.stages:
        laid = laid.then(stage(step, middle, laid.y, wide - 2 * RESIDUAL))
    left = x + HEADING + (BADGE + 6 if badge else 0)
    badges = (cell(number, frame.letter, x + HEADING, top, BADGE, BADGE),) if badge else ()
    return Placed(
        shape="frame",
        x=x,
        y=y,
        width=wide,
        height=laid.y + ARROW - y,
        number=number,
        mark=frame.mark,
        address=frame.address,
        texts=(*heading(frame, left, top), *laid.texts),
        children=(*badges, *laid.children),
        wires=laid.wires,
        sums=laid.sums,
    )


def stretched(placed: Placed, high: float) -> Placed:
    """A frame made higher, its main line going on to its end."""
    flow = placed.middle, placed.bottom - ARROW
    rest = Wire(points=(flow, (placed.middle, placed.y + high)), plain=True)
    return replace(placed, height=high, wires=(*placed.wires, rest))


def heading(frame: Frame, x: float, y: float) -> tuple[Text, ...]:
    """What stands in the frame's top left corner."""
    texts: list[Text] = []
    for line in frame.lines:
        size = SIZES[line.size]
        at = y + size * LEADING / 2
        bold, pale = is_bold(line), line.size == "small"
        texts.append(
            Text(text=shown(line), x=x, y=at, size=size, bold=bold, marked=line.marked, pale=pale, align="left")
        )
        y += size * LEADING
    return tuple(texts)


def cell(number: int, letter: str, x: float, y: float, wide: float, high: float) -> Placed:
    """One layer in the strip of layers, or the badge of a frame; a letter where there is room for it."""
    text = Text(text=letter, x=x + wide / 2, y=y + high / 2, size=SIZES["normal"], bold=True)
    return Placed(
        shape="cell", x=x, y=y, width=wide, height=high, number=number, texts=(text,) if wide >= BADGE * 0.6 else ()
    )
