"""A grid of characters, each of which may hold 2 × 4 braille dots in one colour, or a sign."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterator

# The bit of a dot in a braille character, by row and column (Unicode 16, block U+2800).
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """Characters and styles by row; (0, 0) is the upper left."""

    def __init__(self, width: int, height: int, ground: Style) -> None:
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._signs = [[" "] * width for _ in range(height)]
        self._styles = [[ground] * width for _ in range(height)]

    def dot(self, x: int, y: int, style: Style) -> None:
        """A dot at a place on the grid of dots; outside of it, nothing."""
        column, row = x // 2, y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._dots[row][column] |= _BITS[y % 4][x % 2]
            self._styles[row][column] = style

    def line(self, start: tuple[int, int], end: tuple[int, int], style: Style) -> None:
        """Dots along a straight line."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            x = start[0] + (end[0] - start[0]) * step / steps
            y = start[1] + (end[1] - start[1]) * step / steps
            self.dot(round(x), round(y), style)

    def write(self, x: int, y: int, text: str, style: Style, *, under: bool = False) -> None:
        """Signs from a place on; `under`: only where there is nothing yet."""
        for column, sign in enumerate(text, start=x):
            if 0 <= column < self.width and 0 <= y < self.height:
                if under and (self._dots[y][column] or self._signs[y][column] != " "):
                    continue
                self._signs[y][column], self._styles[y][column] = sign, style
                self._dots[y][column] = 0

    def rows(self) -> list[Strip]:
        """The lines, ready to be shown."""
        return [Strip(list(self._row(row)), self.width) for row in range(self.height)]

    def _row(self, row: int) -> Iterator[Segment]:
        cells = zip(self._dots[row], self._signs[row], self._styles[row], strict=True)
        drawn = ((chr(0x2800 + dots) if dots else sign, style) for dots, sign, style in cells)
        for style, run in groupby(drawn, key=lambda cell: cell[1]):
            yield Segment("".join(sign for sign, _ in run), style)
