"""A tower laid out: what tokens become, a strip that says which block each layer is, the blocks, what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.plots.architecture.flow import (
    ARROW,
    BETWEEN,
    RADIUS,
    TURN,
    Laid,
    cell,
    down,
    frame_width,
    place_frame,
    row_width,
    stretched,
)
from llmcmp.plots.architecture.measure import LEADING, width
from llmcmp.plots.architecture.place import SIZES, chain, needs, place
from llmcmp.plots.architecture.placed import Placed, Sum, Text, Wire

if TYPE_CHECKING:
    from llmcmp.plots.architecture.scene import Column, Entry, Frame

MARGIN = 14.0  # beside the frames, where the line between tied tables runs
ACROSS = 3  # frames side by side, at most
FRAMES = 16.0  # between frames
WORD = SIZES["title"]
CELL, STRIP = 15.0, 13.0  # widest layer in the strip, and its height
ENDS = 36.0  # beside the strip, for the numbers of its first and last layer


def column_width(column: Column) -> float:
    """The widest of its rows, and a margin."""
    rows = [row_width((entry.main, *entry.summed, *entry.beside)) for entry in column.entry]
    rows += [row_width((box,)) for box in column.exit]
    rows += [_frames_width(column, group) for group in _groups(column)]
    return max(rows) + 2 * MARGIN


def _groups(column: Column) -> list[tuple[Frame, ...]]:
    """Rows of frames, about equally many in each."""
    many = len(column.frames)
    across = -(-many // -(-many // ACROSS)) if many else 1
    return [column.frames[start : start + across] for start in range(0, many, across)]


def _frames_width(column: Column, group: tuple[Frame, ...]) -> float:
    badge = len(column.frames) > 1
    return sum(frame_width(frame, badge) for frame in group) + FRAMES * (len(group) - 1)


def place_column(column: Column, x: float, y: float) -> Placed:
    """A tower at its natural size."""
    wide = column_width(column)
    middle = x + wide / 2
    reads = Text(text=column.reads, x=middle, y=y + WORD * LEADING / 2, size=WORD)
    laid = Laid(texts=(reads,), y=y + WORD * LEADING)
    for entry in column.entry:
        laid = laid.then(_entry(entry, middle, laid.y))
    if len(column.frames) > 1:
        laid = laid.then(_strip(column, middle, laid.y, wide - 2 * (MARGIN + ENDS)))
    for group in _groups(column):
        laid = laid.then(_frames(column, group, middle, laid.y))
    laid = laid.then(down(column.exit, middle, laid.y))
    end = laid.y + ARROW
    gives = Text(text=column.gives, x=middle, y=end + WORD * LEADING / 2, size=WORD)
    laid = laid.then(Laid(texts=(gives,), wires=tuple(chain(middle, (laid.y, end))), y=end + WORD * LEADING))
    return Placed(
        shape="tower",
        x=x,
        y=y,
        width=wide,
        height=laid.y - y,
        texts=laid.texts,
        children=laid.children,
        wires=(*laid.wires, *_tied(column, laid.children, x)),
        sums=laid.sums,
    )


def _tied(column: Column, children: tuple[Placed, ...], x: float) -> tuple[Wire, ...]:
    """A line between the token table and the head that is the same table."""
    if not column.tied:
        return ()
    ends = [
        child
        for child in children
        if child.address in (column.entry[0].main.address, column.exit[-1].address) and child.shape == "card"
    ]
    (left, top), (low, bottom) = ((end.x, end.y + end.height / 2) for end in (ends[0], ends[-1]))
    return (Wire(points=((left, top), (x + 4, top), (x + 4, bottom), (low, bottom)), kind="tied"),)


# The way in


def _entry(entry: Entry, x: float, y: float) -> Laid:
    """Boxes side by side; what is summed joins at a ⊕ on the main line."""
    row = (entry.main, *entry.summed, *entry.beside)
    high = max(needs(box)[1] for box in row)
    left, top = x - row_width(row) / 2, y + ARROW + (TURN if len(row) > 1 else 0)
    placed: list[Placed] = []
    for box in row:
        placed.append(place(box, left, top, row_width((box,)), high))
        left = placed[-1].right + BETWEEN
    main = placed[0]
    laid = Laid(children=tuple(placed), wires=_into(x, y, main), y=main.bottom)
    if entry.summed:
        return laid.then(_summed(placed[: 1 + len(entry.summed)], x, main.bottom))
    if main.middle == x:
        return laid
    turn = main.bottom + TURN
    back = Wire(points=((main.middle, main.bottom), (main.middle, turn), (x, turn)), plain=True)
    return laid.then(Laid(wires=(back,), y=turn))


def _into(x: float, y: float, main: Placed) -> tuple[Wire, ...]:
    if main.middle == x:
        return tuple(chain(x, (y, main.y)))
    turn = y + TURN
    return (Wire(points=((x, y), (x, turn), (main.middle, turn), (main.middle, main.y))),)


def _summed(boxes: list[Placed], x: float, y: float) -> Laid:
    middle = y + ARROW + RADIUS
    wires: list[Wire] = []
    for box in boxes:
        if abs(box.middle - x) < RADIUS:
            wires.append(Wire(points=((x, y), (x, middle - RADIUS))))
        else:
            edge = x - RADIUS if box.middle < x else x + RADIUS
            wires.append(Wire(points=((box.middle, y), (box.middle, middle), (edge, middle))))
    return Laid(wires=tuple(wires), sums=(Sum(x=x, y=middle),), y=middle + RADIUS)


# The layers


def _strip(column: Column, x: float, y: float, room: float) -> Laid:
    """One cell a layer, lettered and shaded as the frame of its block."""
    depth = column.depth
    wide = min(CELL, room / depth)
    left, top = x - wide * depth / 2, y + ARROW
    kinds = {layer: number for number, frame in enumerate(column.frames) for layer in frame.numbers}
    cells = tuple(
        cell(kinds[layer], column.frames[kinds[layer]].letter, left + wide * layer, top, wide, STRIP)
        for layer in range(depth)
    )
    level, size = top + STRIP / 2, SIZES["normal"]
    texts = (
        Text(text="layer 0", x=left - 4, y=level, size=size, pale=True, align="right"),
        Text(text=f"{depth - 1}", x=left + wide * depth + 4, y=level, size=size, pale=True, align="left"),
    )
    assert width("layer 0", size) + 4 < ENDS
    return Laid(children=cells, texts=texts, wires=tuple(chain(x, (y, top))), y=top + STRIP)


def _frames(column: Column, group: tuple[Frame, ...], x: float, y: float) -> Laid:
    """Frames side by side, all of one height; a single one stands on the main line."""
    badge = len(column.frames) > 1
    left, top = x - _frames_width(column, group) / 2, y + ARROW + (TURN if badge else 0)
    placed: list[Placed] = []
    for frame in group:
        wide = frame_width(frame, badge)
        placed.append(place_frame(frame, column.frames.index(frame), left, top, wide, badge))
        left += wide + FRAMES
    high = max(frame.height for frame in placed)
    frames = tuple(stretched(frame, high) for frame in placed)
    if not badge:
        return Laid(children=frames, wires=tuple(chain(x, (y, top))), y=top + high)
    above, below = y + TURN, top + high + TURN
    wires = [Wire(points=((x, y), (x, above)), kind="zoom", plain=True)]
    for frame in frames:
        wires.append(Wire(points=((x, above), (frame.middle, above), (frame.middle, top)), kind="zoom"))
        ends = ((frame.middle, frame.bottom), (frame.middle, below), (x, below))
        wires.append(Wire(points=ends, kind="zoom", plain=True))
    return Laid(children=frames, wires=tuple(wires), y=below)
