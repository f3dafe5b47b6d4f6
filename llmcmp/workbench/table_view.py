"""A Table on the screen: headings that stay above, names that stay at the left, long texts wrapped, one more column drawn.

It draws the same grid as the terminal and the files do (tables/grid.py).
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from llmcmp.frozen import frozen
from llmcmp.workbench.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

    from llmcmp.tables.grid import Cell, Grid

WIDEST = 26  # columns from which on a text is wrapped
GAP = 2
LEAST_DRAWN = 12  # columns below which nothing is drawn

Emphasis = Literal["", "dim", "strong", "warning", "mark"]


@frozen(eq=False)
class Drawn:
    """A last column that is drawn over the room that the others leave: its heading, and a line of the grid."""

    heading: Callable[[int, Style], list[Segment]]
    line: Callable[[int, int, Style], list[Segment]]


@frozen
class _Piece:
    """One line on the screen: a part of line `number` of the grid, a group's name, or a blank before it."""

    number: int
    texts: tuple[str, ...] = ()
    group: str = ""


class TableView(Lines):
    """A grid with a cursor on a line and one on a column."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "Column left", id="table.left", show=False, tooltip="The column to the left"),
        Binding("right", "column(1)", "Column right", id="table.right", show=False, tooltip="The column to the right"),
        Binding("b", "pick", "Baseline", id="table.baseline", show=False, tooltip="Compare all with this model"),
    ]
    header = 1

    class Picked(Message):
        """A line and a column were picked, or a heading alone (line -1)."""

        def __init__(self, view: TableView, line: int, column: int) -> None:
            super().__init__()
            self.view, self.line, self.column = view, line, column

        @property
        def control(self) -> TableView:
            return self.view

    def __init__(self, *, id: str | None = None, columns: bool = False) -> None:
        """`columns`: the cursor marks a column too."""
        super().__init__(id=id)
        self._grid: Grid | None = None
        self._pieces: list[_Piece] = []
        self._widths: list[int] = []
        self._right: list[bool] = []
        self._drawn: Drawn | None = None
        self._emphasis: Callable[[int, int], Emphasis] = lambda line, column: ""
        self._columns, self.column, self._base = columns, 1, 0

    def put(
        self,
        laid: Grid,
        *,
        drawn: Drawn | None = None,
        emphasis: Callable[[int, int], Emphasis] | None = None,
        baseline: int = 0,
    ) -> None:
        """Show a grid; `emphasis` of (line, column) says how a cell stands out, `baseline` marks a column's heading."""
        self._grid, self._drawn, self._base = laid, drawn, baseline
        self._emphasis = emphasis or (lambda line, column: "")
        rows: list[Sequence[Cell]] = [laid.headings, *(line.cells for line in laid.lines)]
        columns = list(zip(*rows, strict=True))
        self._right = [any(cell.numeric for cell in column) for column in columns]
        self._widths = [_width(column) for column in columns]
        if baseline:
            self._widths[baseline] = max(self._widths[baseline], cell_len(laid.headings[baseline].text) + 2)
        self._pieces = list(self._cut(laid))
        self.column = max(1, min(self.column, len(self._widths) - 1))
        self.cursor = self.validate_cursor(self.cursor)
        if not self._pieces or self._pieces[self.cursor].number < 0:
            self.action_move(1)
        self.resized(sum(self._widths) + GAP * (len(self._widths) - 1) + (GAP + LEAST_DRAWN if drawn else 0))

    def _cut(self, laid: Grid) -> list[_Piece]:
        pieces: list[_Piece] = []
        group = ""
        for number, line in enumerate(laid.lines):
            if line.group != group:
                group = line.group
                pieces += [_Piece(number=-1)] if pieces else []
                pieces.append(_Piece(number=-1, group=group))
            wrapped = [_wrapped(cell.text, width) for cell, width in zip(line.cells, self._widths, strict=True)]
            for depth in range(max(map(len, wrapped))):
                texts = tuple(lines[depth] if depth < len(lines) else "" for lines in wrapped)
                pieces.append(_Piece(number=number, texts=texts))
        return pieces

    @property
    def at(self) -> int:
        """The line of the grid under the cursor, -1 where there is none."""
        return self._pieces[self.cursor].number if self.cursor < len(self._pieces) else -1

    def count(self) -> int:
        return len(self._pieces)

    def line(self, number: int, width: int, base: Style) -> Strip:
        if self._grid is None:
            return Strip.blank(width, base)
        if number < 0:
            return self._heading(width, base)
        piece = self._pieces[number]
        if piece.number < 0:
            return Strip([Segment(piece.group.upper(), base + self.style("group"))]).adjust_cell_length(width, base)
        if piece.number == self.at:
            base += self.style("cursor")
        segments = self._cells(piece, base)
        room = width - sum(segment.cell_length for segment in segments) - GAP
        if self._drawn is not None and room >= LEAST_DRAWN:
            first = number == 0 or self._pieces[number - 1].number != piece.number
            segments.append(Segment(" " * GAP, base))
            segments += self._drawn.line(piece.number, room, base) if first else [Segment(" " * room, base)]
        return Strip(segments).adjust_cell_length(width, base)

    def _cells(self, piece: _Piece, base: Style) -> list[Segment]:
        segments: list[Segment] = []
        for column, text in enumerate(piece.texts):
            if column:
                segments.append(Segment(" " * GAP, base))
            kind = self._emphasis(piece.number, column)
            if not kind and text in ("—", "undisclosed"):
                kind = "dim"
            segments.append(Segment(self._aligned(text, column), base + self.style(kind) if kind else base))
        return segments

    def _heading(self, width: int, base: Style) -> Strip:
        assert self._grid is not None
        head = base + self.style("head")
        segments: list[Segment] = []
        for column, cell in enumerate(self._grid.headings):
            if column:
                segments.append(Segment(" " * GAP, base))
            text = f"◆ {cell.text}" if column and column == self._base else cell.text
            look = head + self.style("mark") if column and column == self._base else head
            if self._columns and column == self.column and self.has_focus:
                look += self.style("cursor")
            segments.append(Segment(self._aligned(text, column), look))
        room = width - sum(segment.cell_length for segment in segments) - GAP
        if self._drawn is not None and room >= LEAST_DRAWN:
            segments += [Segment(" " * GAP, base), *self._drawn.heading(room, base + self.style("dim"))]
        return Strip(segments).adjust_cell_length(width, base)

    def _aligned(self, text: str, column: int) -> str:
        width = self._widths[column]
        fitted = set_cell_size(text, width) if cell_len(text) >= width else text
        return " " * (width - cell_len(fitted)) + fitted if self._right[column] else set_cell_size(fitted, width)

    def fitted(self, strip: Strip, base: Style) -> Strip:
        left, fixed = round(self.scroll_x), self._widths[0] if self._widths else 0
        if not left or fixed >= self.size.width:
            return strip.crop_extend(left, left + self.size.width, base)
        rest = strip.crop_extend(fixed + left, left + self.size.width, base)
        return Strip.join([strip.crop(0, fixed), rest])

    def watch_cursor(self, old: int, new: int) -> None:
        super().watch_cursor(old, new)
        self.refresh()

    def action_move(self, step: int) -> None:
        """To the next line of the grid: past groups, and past the rest of a wrapped line."""
        way = 1 if step > 0 else -1
        spot = max(0, min(self.cursor + step, self.count() - 1))
        while 0 <= spot < self.count() and (self._pieces[spot].number in (-1, self.at if abs(step) == 1 else -1)):
            spot += way
        if 0 <= spot < self.count():
            self.cursor = spot
        elif way < 0:
            self.scroll_to(y=0, animate=False)

    def action_column(self, step: int) -> None:
        if not self._widths:
            return
        self.column = max(1, min(self.column + step, len(self._widths) - 1))
        left = sum(self._widths[: self.column]) + GAP * self.column
        seen, room = round(self.scroll_x) + self._widths[0] + GAP, self.size.width
        if left < seen:
            self.scroll_to(x=left - self._widths[0] - GAP, animate=False)
        elif left + self._widths[self.column] > round(self.scroll_x) + room:
            self.scroll_to(x=left + self._widths[self.column] - room, animate=False)
        self.refresh()

    def action_pick(self) -> None:
        if self._widths:
            self.post_message(self.Picked(self, self.at, self.column))

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """A click on a heading picks its column."""
        event.stop()
        ends = [sum(self._widths[: n + 1]) + GAP * n for n in range(len(self._widths))]
        inside = event.x if event.x - round(self.scroll_x) >= (self._widths or [0])[0] else 0
        column = next((number for number, end in enumerate(ends) if inside <= end), len(ends) - 1)
        if column > 0:
            self.column = column
        if event.line < 0 < column:
            self.post_message(self.Picked(self, -1, column))
        self.refresh()

    def on_focus(self, event: events.Focus) -> None:
        self.refresh()

    def on_blur(self, event: events.Blur) -> None:
        self.refresh()


def _width(cells: Sequence[Cell]) -> int:
    heading, *others = cells
    widths = [cell_len(cell.text) if cell.numeric else min(cell_len(cell.text), WIDEST) for cell in others]
    return max((cell_len(heading.text), *widths))


def _wrapped(text: str, width: int) -> list[str]:
    return [text] if cell_len(text) <= width else wrap(text, width) or [""]
