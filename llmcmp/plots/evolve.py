"""A lineage drawn as a timeline: time runs down, a mark a release, what changed beside it.

Everything is placed in inches from the top, line by line, because the length of the text decides the height.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmcmp.frozen import frozen
from llmcmp.plots import style
from llmcmp.tables.evolve import starts_with, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llmcmp.tables.evolve import Change
    from llmcmp.tables.table import Row, Table

# Inches.
WIDTH, MARGIN, AXIS, TEXT = 9.5, 0.2, 1.15, 1.45
LINE, GAP, TITLE = 0.175, 0.2, 0.5
POINTS = 8.5


@frozen
class Line:
    """One line of text beside the axis."""

    text: str
    colour: str = style.INK
    weight: Literal["normal", "bold"] = "normal"
    size: float = POINTS


def evolve(table: Table) -> Figure:
    """The releases of a table of `evolve`, in order and dated."""
    from matplotlib.figure import Figure

    entries = [(row, list(_lines(row))) for row in table.rows]
    footer = [line for note in table.notes for line in _wrapped(note, 7, WIDTH - 2 * MARGIN)]
    height = TITLE + sum(len(lines) * LINE + GAP for _, lines in entries) + 0.14 * len(footer) + 0.2
    drawn = Figure(figsize=(WIDTH, height), dpi=style.DPI, facecolor=style.PAPER)
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.text(MARGIN, 0.28, table.title, fontsize=12, va="center")
    marks = _entries(axes, entries)
    axes.plot([AXIS, AXIS], [marks[0], marks[-1]], color=style.FAINT, linewidth=1.5, zorder=1)
    for number, text in enumerate(reversed(footer)):
        axes.text(MARGIN, height - 0.12 - 0.14 * number, text, fontsize=7, color=style.MUTED, va="center")
    return drawn


def _entries(axes: Axes, entries: list[tuple[Row, list[Line]]]) -> list[float]:
    """Draw every release below the one before it; where their marks stand."""
    marks: list[float] = []
    top = TITLE
    for row, lines in entries:
        middle = top + LINE / 2
        axes.text(MARGIN, middle, row["released"], fontsize=9.5, weight="bold", va="center")
        colour = style.COLOURS[0] if row["disclosed"] else style.PAPER
        axes.plot([AXIS], [middle], "o", markersize=9, color=colour, markeredgecolor=style.COLOURS[0], zorder=2)
        for number, line in enumerate(lines):
            spot = middle + number * LINE
            axes.text(TEXT, spot, line.text, fontsize=line.size, color=line.colour, weight=line.weight, va="center")
        marks.append(middle)
        top += len(lines) * LINE + GAP
    return marks


def _lines(row: Row) -> Iterator[Line]:
    """What stands beside one release."""
    yield Line(text=f"{row['model']} · {summary(row)}", weight="bold", size=9.5)
    against = f"against {row['against']}" if row["against"] else ""
    also = f"released with {row['members']}" if row["members"] else ""
    yield from _paragraph(" · ".join(part for part in (against, also) if part), style.MUTED)
    changes: tuple[Change, ...] = row["listed"]
    for change in changes:
        if change.design:
            yield from _paragraph(f"{change.label}: {change.old} → {change.new}", style.INK)
    yield from _paragraph(" · ".join(str(change) for change in changes if not change.design), style.COLOURS[0])
    if row["against"] is None and row["disclosed"]:
        yield from _paragraph(starts_with(row), style.INK)
    if not row["disclosed"] or not any(change.design for change in changes):
        yield from _paragraph(row["card"], style.MUTED)


def _paragraph(text: str, colour: str) -> Iterator[Line]:
    for line in _wrapped(text, POINTS, WIDTH - TEXT - MARGIN):
        yield Line(text=line, colour=colour)


def _wrapped(text: str, points: float, room: float) -> list[str]:
    """Words in lines of at most `room` inches, as measured in the font that is drawn."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        width: float = text_to_path.get_text_width_height_descent(longer, font, ismath=False)[0] / 72
        if lines and width <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
