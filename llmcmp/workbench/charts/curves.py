"""Curves on two logarithmic axes, with a mark on each at the context that is set, and a budget line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from llmcmp import units
from llmcmp.frozen import frozen
from llmcmp.workbench.background import dark
from llmcmp.workbench.charts.axes import Axis, around
from llmcmp.workbench.charts.canvas import Canvas
from llmcmp.workbench.lines import shortened
from llmcmp.workbench.themes import mark, series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.tables.table import Curve

LEGEND = 22  # columns of a legend beside the chart
BESIDE = 72  # columns from which on there is room for one


@frozen
class Drawing:
    """What a chart shows: curves in base units, how values are written, the context that is set, a budget."""

    curves: tuple[Curve, ...]
    show: Callable[[float], str]
    base: int
    context: int
    budget: int | None = None


@frozen
class Look:
    """The styles of a chart."""

    ground: Style
    axis: Style
    budget: Style
    dark: bool


def chart(drawing: Drawing, width: int, height: int, look: Look) -> list[Strip]:
    """The lines of a chart with its legend: beside it where there is room, else above it."""
    if width >= BESIDE:
        drawn = plot(drawing, width - LEGEND, height, look)
        legend = _legend_lines(drawing, LEGEND, height, look)
        return [Strip.join([row, beside]) for row, beside in zip(drawn, legend, strict=True)]
    legend = _legend_rows(drawing, width, look)[: max(1, height // 4)]
    return [*legend, *plot(drawing, width, height - len(legend), look)]


def plot(drawing: Drawing, width: int, height: int, look: Look) -> list[Strip]:
    """Axes and curves."""
    across, up = _axes(drawing)
    labels = {tick: drawing.show(tick) for tick in up.ticks(max(2, (height - 2) // 3))}
    left = max((len(label) for label in labels.values()), default=0) + 1
    canvas = Canvas(width, height, look.ground)
    field = _Field(canvas=canvas, across=across, up=up, left=left + 1, width=width - left - 2, height=height - 2)
    _draw_axes(field, labels, look)
    for number, curve in enumerate(drawing.curves):
        style = look.ground + Style(color=series(number, look.dark))
        spots = [field.dot(x, y) for x, y in zip(curve.lengths, curve.values, strict=True)]
        for start, end in zip(spots, spots[1:] or spots, strict=False):
            canvas.line(start, end, style)
    _draw_budget(field, drawing, look)
    _draw_context(field, drawing, look)
    return canvas.rows()


@frozen(eq=False)
class _Field:
    """The part of a canvas that lies between the axes."""

    canvas: Canvas
    across: Axis
    up: Axis
    left: int
    width: int
    height: int

    def dot(self, x: float, y: float) -> tuple[int, int]:
        """The place of a point on the grid of dots."""
        column = self.left * 2 + round(self.across.place(x) * (self.width * 2 - 1))
        return column, round((1 - self.up.place(y)) * (self.height * 4 - 1))

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """The place of a point on the grid of characters."""
        column, row = self.dot(x, y)
        return column // 2, row // 4


def _axes(drawing: Drawing) -> tuple[Axis, Axis]:
    lengths = [length for curve in drawing.curves for length in curve.lengths]
    values = [value for curve in drawing.curves for value in curve.values]
    values += [drawing.budget] if drawing.budget is not None else []
    lengths.append(drawing.context)
    return around(min(lengths), max(lengths), 2), around(min(values), max(values), drawing.base)


def _draw_axes(field: _Field, labels: dict[int, str], look: Look) -> None:
    canvas, left, floor = field.canvas, field.left, field.height
    for row in range(floor):
        canvas.write(left - 1, row, "│", look.axis)
    canvas.write(left - 1, floor, "└" + "─" * field.width, look.axis)
    for tick, label in labels.items():
        row = field.cell(field.across.low, tick)[1]
        canvas.write(left - 2 - len(label), row, label, look.axis)
        canvas.write(left - 1, row, "┤", look.axis)
    free = 0
    for tick in field.across.ticks(max(2, field.width // 8)):
        column, label = field.cell(tick, field.up.low)[0], units.show_tokens(tick)
        start = min(max(column - len(label) // 2, free), canvas.width - len(label))
        if start < free:
            continue
        canvas.write(column, floor, "┬", look.axis)
        canvas.write(start, floor + 1, label, look.axis)
        free = start + len(label) + 1


def _draw_budget(field: _Field, drawing: Drawing, look: Look) -> None:
    if drawing.budget is None:
        return
    row = field.cell(field.across.low, drawing.budget)[1]
    field.canvas.write(field.left, row, "╌" * field.width, look.budget, under=True)
    label = f" budget {drawing.show(drawing.budget)} "
    field.canvas.write(field.left + 1, row, label, look.budget)


def _draw_context(field: _Field, drawing: Drawing, look: Look) -> None:
    """A dotted line at the context that is set, and each model's mark on it."""
    column = field.cell(drawing.context, field.up.low)[0]
    for row in range(field.height):
        field.canvas.write(column, row, "┊", look.axis, under=True)
    for number, curve in enumerate(drawing.curves):
        value = at(curve, drawing.context)
        if value is not None:
            style = look.ground + Style(color=series(number, look.dark), bold=True)
            field.canvas.write(*field.cell(drawing.context, value), mark(number), style)


def at(curve: Curve, length: int) -> float | None:
    """Where a mark stands on a drawn curve: on the line between its neighbours; None beyond its ends."""
    points = list(zip(curve.lengths, curve.values, strict=True))
    for (x, y), (next_x, next_y) in pairwise(points):
        if x <= length <= next_x:
            share = Axis(low=x, high=next_x, base=2).place(length) if next_x > x else 0.0
            return y * (next_y / y) ** share
    return float(points[0][1]) if points and points[0][0] == length else None


def _entry(number: int, label: str, room: int, look: Look) -> list[Segment]:
    text = shortened(label, room)
    return [
        Segment(f"{mark(number)} ", look.ground + Style(color=series(number, look.dark), bold=True)),
        Segment(text, look.ground),
    ]


def _legend_lines(drawing: Drawing, width: int, height: int, look: Look) -> list[Strip]:
    """One model a line, from the top; what does not fit is counted."""
    lines: list[Strip] = []
    more = len(drawing.curves) - height
    for number, curve in enumerate(drawing.curves[: height - 1 if more > 0 else height]):
        segments = [Segment("  ", look.ground), *_entry(number, curve.label, width - 5, look)]
        lines.append(Strip(segments).adjust_cell_length(width, look.ground))
    if more > 0:
        lines.append(Strip([Segment(f"  and {more + 1} more", look.axis)]).adjust_cell_length(width, look.ground))
    return lines + [Strip.blank(width, look.ground)] * (height - len(lines))


def _legend_rows(drawing: Drawing, width: int, look: Look) -> list[Strip]:
    """As many models a line as fit."""
    rows: list[list[Segment]] = [[]]
    used = 0
    for number, curve in enumerate(drawing.curves):
        entry = _entry(number, curve.label, width - 3, look)
        size = sum(cell_len(segment.text) for segment in entry) + 2
        if used + size > width and rows[-1]:
            rows.append([])
            used = 0
        rows[-1] += [*entry, Segment("  ", look.ground)]
        used += size
    return [Strip(row).adjust_cell_length(width, look.ground) for row in rows]


class Chart(Widget):
    """A chart of the size of its widget."""

    COMPONENT_CLASSES = {"chart--axis", "chart--budget"}  # noqa: RUF012 - as Textual declares it
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        & > .chart--axis { color: $foreground 50%; }
        & > .chart--budget { color: $text-warning; }
    }
    """
    _drawing: Drawing | None = None
    _drawn: tuple[object, list[Strip]] = (None, [])

    def draw(self, drawing: Drawing | None) -> None:
        """Show something else, or nothing."""
        self._drawing = drawing
        self._drawn = (None, [])
        self.refresh()

    def notify_style_update(self) -> None:
        self._drawn = (None, [])
        super().notify_style_update()

    def _lines(self) -> Sequence[Strip]:
        """The lines at this size, drawn once."""
        width, height = self.size
        if self._drawing is None or not self._drawing.curves or width < 24 or height < 5:
            return ()
        if self._drawn[0] != (width, height):
            look = Look(
                ground=self.rich_style,
                axis=self.rich_style + self.get_component_rich_style("chart--axis", partial=True),
                budget=self.rich_style + self.get_component_rich_style("chart--budget", partial=True),
                dark=dark(self),
            )
            self._drawn = ((width, height), chart(self._drawing, width, height, look))
        return self._drawn[1]

    def render_line(self, y: int) -> Strip:
        lines = self._lines()
        return lines[y] if y < len(lines) else Strip.blank(self.size.width, self.rich_style)
