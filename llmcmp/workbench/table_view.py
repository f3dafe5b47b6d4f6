"""A Table on the screen: headings stay above, names at the left, long texts wrap, and a last column may be drawn.

It draws the same grid as the terminal and the files do (tables/grid.py). Only whole columns are shown: where not all of
them fit, arrows in the heading count the others.
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

from llmcmp.frozen import frozen, replace
from llmcmp.workbench.lines import Lines, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

    from llmcmp.tables.grid import Cell, Grid

WIDEST = (30, 22, 13)  # columns from which on a text is wrapped: the first of them with which all fits, else the last
GAP = 2
LEAST_DRAWN = 12  # columns below which nothing is drawn
ARROWS = 5  # columns for the arrow at the right
ROOMY = 24  # lines from which on groups stand apart

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
    texts: dict[int, str]
    group: str = ""


class TableView(Lines):
    """A grid with a cursor on a line and one on a column."""

    DEFAULT_CSS = """
    TableView > .lines--cursor { background: transparent; }
    TableView:focus > .lines--cursor { background: $primary 30%; }
    """
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
        self._laid: Grid | None = None
        self._pieces: list[_Piece] = []
        self._widths: list[int] = []
        self._shown: list[int] = []
        self._right: list[bool] = []
        self._extra: Drawn | None = None
        self._emphasis: Callable[[int, int], Emphasis] = lambda line, column: ""
        self._columns, self.column, self._baseline, self._first = columns, 1, 0, 1

    def put(
        self,
        laid: Grid,
        *,
        drawn: Drawn | None = None,
        emphasis: Callable[[int, int], Emphasis] | None = None,
        baseline: int = 0,
    ) -> None:
        """Show a grid; `emphasis` of (line, column) says how a cell stands out, `baseline` marks a column's heading."""
        self._laid, self._extra, self._baseline = laid, drawn, baseline
        self._emphasis = emphasis or (lambda line, column: "")
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """Widths, lines and columns for the grid in this widget."""
        if self._laid is None:
            return
        rows: list[Sequence[Cell]] = [_marked(self._laid.headings, self._baseline)]
        rows += [line.cells for line in self._laid.lines]
        columns = list(zip(*rows, strict=True))
        self._right = [any(cell.numeric for cell in column) for column in columns]
        room = self.room - (GAP + LEAST_DRAWN if self._extra else 0)
        for widest in WIDEST:
            self._widths = [_width(column, widest) for column in columns]
            if sum(self._widths) + GAP * (len(columns) - 1) <= room:
                break
        self.column = max(1, min(self.column, len(columns) - 1))
        self._reveal_column()
        self._shown = self._seen()
        self._widen(columns[0])
        self._pieces = self._cut(self._laid)
        self.cursor = self.validate_cursor(self.cursor)
        if self._pieces and self._pieces[self.cursor].number < 0:
            self.action_move(1)
        self.changed()

    def _widen(self, names: Sequence[Cell]) -> None:
        """Give the names what makes room for no other column, so that they need not wrap, or less."""
        kept = self._widths[0]
        for width in range(_width(names, WIDEST[0]), kept, -1):
            self._widths[0] = width
            used = sum(self._widths[column] + GAP for column in self._shown)
            if self._seen() == self._shown and (self._extra is None or used + LEAST_DRAWN <= self.room):
                return
        self._widths[0] = kept

    def _seen(self) -> list[int]:
        """The columns on the screen: the first, and as many from `_first` on as fit whole."""
        room = self.room - self._widths[0] - (GAP + LEAST_DRAWN if self._extra else 0)
        seen: list[int] = []
        for column in range(self._first, len(self._widths)):
            last = column == len(self._widths) - 1
            room -= self._widths[column] + GAP
            if seen and room < (0 if last else ARROWS):
                break
            seen.append(column)
        return [0, *seen]

    def _reveal_column(self) -> None:
        """Move the window of columns so that the column under the cursor is in it."""
        self._first = max(1, min(self._first, self.column))
        while self.column not in self._seen():
            self._first += 1
        while self._first > 1 and self._all_seen_from(self._first - 1):
            self._first -= 1

    def _all_seen_from(self, first: int) -> bool:
        kept, self._first = self._first, first
        seen = self._seen()
        self._first = kept
        return seen[-1] == len(self._widths) - 1 and self.column in seen

    def _cut(self, laid: Grid) -> list[_Piece]:
        pieces: list[_Piece] = []
        group, seen = "", self._shown
        for number, line in enumerate(laid.lines):
            if line.group != group:
                group = line.group
                pieces += [_Piece(number=-1, texts={})] if pieces and self.size.height >= ROOMY else []
                pieces.append(_Piece(number=-1, texts={}, group=group))
            wrapped = {column: _wrapped(line.cells[column].text, self._widths[column]) for column in seen}
            if self._extra is not None:  # a line a bar
                wrapped[0] = [shortened(line.cells[0].text, self._widths[0])]
            for depth in range(max(map(len, wrapped.values()))):
                texts = {column: lines[depth] if depth < len(lines) else "" for column, lines in wrapped.items()}
                pieces.append(_Piece(number=number, texts=texts))
        return pieces

    @property
    def at(self) -> int:
        """The line of the grid under the cursor, -1 where there is none."""
        return self._pieces[self.cursor].number if self.cursor < len(self._pieces) else -1

    def count(self) -> int:
        return len(self._pieces)

    def line(self, number: int, width: int, base: Style) -> Strip:
        if self._laid is None or not self._widths:
            return Strip.blank(width, base)
        if number < 0:
            return self._heading(self._laid, width, base)
        piece = self._pieces[number]
        if piece.number < 0:
            return Strip([Segment(piece.group, base + self.style("group"))]).adjust_cell_length(width, base)
        if piece.number == self.at:
            base += self.style("cursor")
        segments = self._cells(piece, base)
        room = width - sum(segment.cell_length for segment in segments) - GAP
        if self._extra is not None and room >= LEAST_DRAWN:
            first = number == 0 or self._pieces[number - 1].number != piece.number
            segments.append(Segment(" " * GAP, base))
            segments += self._extra.line(piece.number, room, base) if first else [Segment(" " * room, base)]
        return Strip(segments).adjust_cell_length(width, base)

    def _cells(self, piece: _Piece, base: Style) -> list[Segment]:
        segments: list[Segment] = []
        for column in self._shown:
            text = piece.texts[column]
            kind = self._emphasis(piece.number, column) or ("dim" if text in ("—", "undisclosed") else "")
            segments += [Segment(" " * GAP, base)] if column else []
            segments.append(Segment(self._aligned(text, column), base + self.style(kind) if kind else base))
        return segments

    def _heading(self, laid: Grid, width: int, base: Style) -> Strip:
        head, dim, seen = base + self.style("head"), base + self.style("dim"), self._shown
        headings = _marked(laid.headings, self._baseline)
        segments: list[Segment] = []
        for column in seen:
            look = head + self.style("mark") if column and column == self._baseline else head
            if self._columns and column == self.column and self.has_focus:
                look += self.style("cursor")
            text = self._aligned(headings[column].text, column)
            if not column and self._first > 1:
                arrow = f" ‹ {self._first - 1}"
                segments += [Segment(text[: -len(arrow)], look), Segment(arrow, dim)]
                continue
            segments += [Segment(" " * GAP, base)] if column else []
            segments.append(Segment(text, look))
        more = len(self._widths) - 1 - seen[-1]
        room = width - sum(segment.cell_length for segment in segments)
        if more:
            segments.append(Segment(f"{more} ›".rjust(room) if room >= ARROWS - GAP else "", dim))
        elif self._extra is not None and room >= LEAST_DRAWN + GAP:
            segments += [Segment(" " * GAP, base), *self._extra.heading(room - GAP, dim)]
        return Strip(segments).adjust_cell_length(width, base)

    def _aligned(self, text: str, column: int) -> str:
        width = self._widths[column]
        fitted = set_cell_size(text, width) if cell_len(text) >= width else text
        return " " * (width - cell_len(fitted)) + fitted if self._right[column] else set_cell_size(fitted, width)

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
        if self._widths:
            self.column = max(1, min(self.column + step, len(self._widths) - 1))
            self._lay_out()

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.action_column(1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.action_column(-1)

    def action_pick(self) -> None:
        if self._widths:
            self.post_message(self.Picked(self, self.at, self.column))

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """A click on a heading picks its column; one on an arrow shows more columns."""
        event.stop()
        column, end = -1, 0
        for seen in self._shown:
            end += self._widths[seen] + (GAP if seen else 0)
            if event.x < end:
                column = seen
                break
        if event.line < 0:
            self._click_heading(column)
        elif column > 0:
            self.column = column
        self.refresh()

    def _click_heading(self, column: int) -> None:
        if column < 0:
            self.action_column(1)
        elif column == 0:
            self.action_column(-1)
        else:
            self.column = column
            self.post_message(self.Picked(self, -1, column))

    def on_focus(self, event: events.Focus) -> None:
        self.refresh()

    def on_blur(self, event: events.Blur) -> None:
        self.refresh()


def _marked(headings: Sequence[Cell], baseline: int) -> Sequence[Cell]:
    """The headings, the baseline's with its sign."""
    if not baseline:
        return headings
    return [replace(cell, text=f"◆ {cell.text}") if n == baseline else cell for n, cell in enumerate(headings)]


def _width(cells: Sequence[Cell], widest: int) -> int:
    heading, *others = cells
    widths = [
        cell_len(cell.text) if cell.numeric and len(cell.text) < 12 else min(cell_len(cell.text), widest)
        for cell in others
    ]
    return max((cell_len(heading.text), *widths))


def _wrapped(text: str, width: int) -> list[str]:
    return [text] if cell_len(text) <= width else wrap(text, width) or [""]
