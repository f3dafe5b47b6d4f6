"""Names beside points, placed so that no two overlap and none covers a point; a name that fits nowhere is left out.

Greedy, first come first served, over spots around each point, the nearest first; a far name gets a line to its point.
Written here because it takes forty lines: a library that moves texts about iterates, differs from run to run, and
moves them apart instead of saying which do not fit.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

# Directions of a name from its point, the most readable first: (x, y), each -1, 0 or 1.
_AROUND = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
_NEAR = (1.5, 7.0)  # points beyond a mark's edge
_FAR = (18.0, 32.0, 48.0)
MANY = 40  # names above which none is put far from its point: lines would cross the whole figure
PAD = 2.5  # pixels between two names
SLACK = 1.04  # other renderers' fonts are a little wider


@frozen
class Point:
    """A mark in data coordinates with the radius of its mark in points."""

    x: float
    y: float
    text: str
    radius: float = 3.5


@frozen
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right + PAD
            and other.left < self.right + PAD
            and self.bottom < other.top + PAD
            and other.bottom < self.top + PAD
        )

    def inside(self, other: Box) -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


def name_points(axes: Axes, points: Sequence[Point], said: str, what: str, *, over_lines: bool = False) -> None:
    """Write the names that fit and, below the figure, what is `said` of it and how many of `what` got none.

    `over_lines`: names get a ground of their own, so that lines behind them do not cross them out.
    """
    from llmcmp.plots import style

    drawn = axes.get_figure(root=True)
    assert drawn is not None

    def told(missing: int) -> str:
        return f"{said}; {missing} of {len(points)} {what} have no room for a name: see the table" if missing else said

    style.source_line(drawn, told(len(points)))  # its lines decide the height of the axes, so they stand first
    style.source_line(drawn, told(place(axes, points, over_lines=over_lines)))


def place(axes: Axes, points: Sequence[Point], *, size: float = 8, over_lines: bool = False) -> int:
    """Write the names that fit, in the order of `points`; the number of those left out."""
    drawn = axes.get_figure(root=True)
    assert drawn is not None
    drawn.draw_without_rendering()  # settles the layout, so that pixels are final
    scale = drawn.dpi / 72
    frame = Box(left=axes.bbox.x0, bottom=axes.bbox.y0, right=axes.bbox.x1, top=axes.bbox.y1)
    taken = [_mark(axes, point, scale) for point in points]
    rings = _NEAR if len(points) > MANY else (*_NEAR, *_FAR)
    missing = 0
    for point in points:
        width, height = _extent(axes, point.text, size)
        mark = _mark(axes, point, scale)
        spots = ((box, far) for box, far in _spots(mark, width, height, rings, scale) if box.inside(frame))
        free = ((box, far) for box, far in spots if not any(box.meets(other) for other in taken))
        found = next(free, None)
        if found is None:
            missing += 1
            continue
        taken.append(found[0])
        _write(axes, point, found[0], size, far=found[1], ground=over_lines)
    return missing


def _mark(axes: Axes, point: Point, scale: float) -> Box:
    x, y = axes.transData.transform((float(point.x), float(point.y)))
    reach = point.radius * scale
    return Box(left=x - reach, bottom=y - reach, right=x + reach, top=y + reach)


def _extent(axes: Axes, text: str, size: float) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    probe = axes.text(0, 0, text, fontsize=size)
    box = probe.get_window_extent()
    probe.remove()
    return box.width * SLACK, box.height


def _spots(mark: Box, width: float, height: float, rings: Sequence[float], scale: float) -> Iterator[tuple[Box, bool]]:
    """The places of a name around a mark, nearest first, with whether they need a line to it."""
    for ring in rings:
        gap = ring * scale + PAD + 0.5
        for x, y in _AROUND:
            left = (mark.right + gap, mark.left - gap - width)[x < 0] if x else (mark.left + mark.right - width) / 2
            bottom = (mark.top + gap, mark.bottom - gap - height)[y < 0] if y else (mark.bottom + mark.top - height) / 2
            yield Box(left=left, bottom=bottom, right=left + width, top=bottom + height), ring in _FAR


def _write(axes: Axes, point: Point, box: Box, size: float, *, far: bool, ground: bool) -> None:
    from llmcmp.plots import style

    mark = axes.transData.transform((float(point.x), float(point.y)))
    scale = 72 / axes.get_figure(root=True).dpi  # pyright: ignore[reportOptionalMemberAccess] - place() has seen it
    offset = ((box.left - mark[0]) * scale, ((box.bottom + box.top) / 2 - mark[1]) * scale)
    name = axes.annotate(
        point.text,
        (point.x, point.y),
        xytext=offset,
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=size,
        color=style.INK,
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.4} if ground else None,
        arrowprops={"arrowstyle": "-", "color": style.FAINT, "linewidth": 0.6, "shrinkB": point.radius}
        if far
        else None,
    )
    name.set_in_layout(False)
    name.set_gid(style.series(point.text))
