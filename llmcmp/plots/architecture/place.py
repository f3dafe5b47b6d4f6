"""Boxes into rectangles: as wide as their texts need, cells of a row sharing its width by their spans."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from llmcmp.plots.architecture.measure import LEADING, width
from llmcmp.plots.architecture.placed import Placed, Text, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.ops import Part
    from llmcmp.plots.architecture.scene import Box, Line

SIZES = {"title": 8.5, "normal": 7.2, "small": 6.4}
MARK = "◆ "
PAD_X, PAD_Y = 6.0, 4.0
GAP_X, GAP_Y = 6.0, 8.0
PILE = 5.0  # by how much the boxes of a pile are shifted, twice


def shown(line: Line) -> str:
    """The text of a line, with its mark."""
    return MARK + line.text if line.marked else line.text


def is_bold(line: Line) -> bool:
    """Titles are bold, and so is what differs."""
    return line.size == "title" or line.marked


def line_width(line: Line) -> float:
    """Points that a line takes."""
    return width(shown(line), SIZES[line.size], is_bold(line))


def lines_height(lines: Sequence[Line]) -> float:
    """Points that lines take below one another."""
    return sum(SIZES[line.size] * LEADING for line in lines)


def needs(box: Box) -> tuple[float, float]:
    """The least width and height of a box."""
    if box.look == "blank":
        return 0.0, 0.0
    wide = max([line_width(line) for line in box.lines] + [row_needs(row)[0] for row in box.rows], default=0.0)
    high = lines_height(box.lines) + sum(row_needs(row)[1] for row in box.rows)
    high += GAP_Y * max(0, len(box.rows) - 1) + (PAD_Y if box.rows and box.lines else 0)
    pile = 2 * PILE if box.look == "many" else 0
    return wide + 2 * PAD_X + pile, high + 2 * PAD_Y + pile


def row_needs(row: Sequence[Box]) -> tuple[float, float]:
    """The least width and height of a row, whose cells have widths in proportion to their spans."""
    unit = max((needs(box)[0] - GAP_X * (box.span - 1)) / box.span for box in row)
    places = sum(box.span for box in row)
    return unit * places + GAP_X * (places - 1), max(needs(box)[1] for box in row)


def place(box: Box, x: float, y: float, wide: float, high: float, part: Part | None = None) -> Placed:
    """A box in its rectangle; lines above its rows, or in the middle where it has none. `part`: that around it."""
    part = box.part or part
    pile = 2 * PILE if box.look == "many" else 0
    inner = wide - pile - 2 * PAD_X
    written = lines_height(box.lines)
    top = y + PAD_Y if box.rows else y + (high - written) / 2
    texts = tuple(write(box.lines, x + (wide - pile) / 2, top))
    rows = tuple(_rows(box, x + PAD_X, y + PAD_Y + written + (PAD_Y if box.lines else 0), inner, part))
    children = tuple(child for row in rows for child in row if child.shape != "blank")
    return Placed(
        shape=box.look,
        x=x,
        y=y,
        width=wide,
        height=high,
        part=part,
        mark=box.mark,
        address=box.address,
        texts=texts,
        children=children,
        wires=tuple(_inner_wires(rows)),
    )


def write(lines: Sequence[Line], middle: float, top: float) -> Iterator[Text]:
    """Lines below one another, centred."""
    for line in lines:
        size = SIZES[line.size]
        yield Text(
            text=shown(line),
            x=middle,
            y=top + size * LEADING / 2,
            size=size,
            bold=is_bold(line),
            marked=line.marked,
            pale=line.size == "small",
        )
        top += size * LEADING


def _rows(box: Box, x: float, y: float, wide: float, part: Part | None) -> Iterator[tuple[Placed, ...]]:
    for row in box.rows:
        high = row_needs(row)[1]
        places = sum(cell.span for cell in row)
        unit = (wide - GAP_X * (places - 1)) / places
        cells: list[Placed] = []
        left = x
        for cell in row:
            across = unit * cell.span + GAP_X * (cell.span - 1)
            cells.append(place(cell, left, y, across, high, part))
            left += across + GAP_X
        yield tuple(cells)
        y += high + GAP_Y


def _inner_wires(rows: Sequence[Sequence[Placed]]) -> Iterator[Wire]:
    """From each box to the next below it, through the middle of the narrower one; blanks are passed."""
    for i, upper_row in enumerate(rows):
        for j, lower_row in enumerate(rows[i + 1 :], start=i + 1):
            for upper in upper_row:
                for lower in lower_row:
                    if _joined(upper, lower, rows[i + 1 : j]):
                        x = min(upper, lower, key=lambda cell: cell.width).middle
                        yield Wire(points=((x, upper.bottom), (x, lower.y)), kind="inner")


def _joined(upper: Placed, lower: Placed, between: Sequence[Sequence[Placed]]) -> bool:
    narrow, wide = sorted((upper, lower), key=lambda cell: cell.width)
    x = narrow.middle
    covers = wide.x <= x <= wide.right
    clear = all(cell.shape == "blank" for row in between for cell in row if cell.x - GAP_X < x < cell.right + GAP_X)
    return covers and clear and "blank" not in (upper.shape, lower.shape)


def chain(x: float, stops: Sequence[float]) -> Iterator[Wire]:
    """Arrows down a vertical line, from each stop to the next."""
    for above, below in pairwise(stops):
        yield Wire(points=((x, above), (x, below)))
