"""Rectangles, texts and lines into matplotlib patches on an empty figure, in points from its top left corner.

A card is a light tint of its component's colour with dark text, so that every text is legible whatever the colour.
What differs is told by shape and weight beside colour: ◆ and bold for a line, a thick edge for a box.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from llmcmp.plots import style
from llmcmp.plots.architecture.flow import RADIUS
from llmcmp.plots.architecture.measure import FAMILY
from llmcmp.plots.architecture.place import PILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    from llmcmp.plots.architecture.placed import Placed, Sum, Text, Wire

INK, PALE, RULE, MARKED = "#1a1a1a", "#555555", "#8a8a8a", "#963400"
TINT = {"card": 0.80, "part": 0.97, "many": 0.97}  # share of white in a fill
ROUND = {"card": 5.0, "part": 3.0, "many": 3.0, "operation": 6.0, "frame": 8.0}
# Blocks differ in lightness, and in the letter on them.
SHADES = (("#3d4a5c", "white"), ("#d3dae3", INK), ("#8ea2ba", INK), ("#ffffff", INK))
LINES: dict[str, dict[str, Any]] = {
    "main": {"color": INK, "linewidth": 0.9},
    "residual": {"color": INK, "linewidth": 0.9},
    "zoom": {"color": RULE, "linewidth": 0.9, "linestyle": (0, (3, 2))},
    "inner": {"color": RULE, "linewidth": 0.7},
    "cross": {"color": style.colour("cross_attention"), "linewidth": 1.8},
    "tied": {"color": style.colour("embedding"), "linewidth": 0.9, "linestyle": (0, (1, 1.5))},
}
DOUBLE = 2.6  # from a box to its second edge
HEAD = 4.0  # length of an arrow's head


def paint(page: Placed) -> Figure:
    """A page as a figure of its size."""
    from matplotlib.transforms import Affine2D

    drawn = _canvas()(figsize=(page.width / 72, page.height / 72), facecolor="white")
    points = Affine2D().scale(1 / 72, -1 / 72).translate(0, page.height / 72) + drawn.dpi_scale_trans
    for depth, placed in enumerate(page.walk()):  # a rectangle before what it holds
        artists = [*_shapes(placed)]
        artists += [artist for wire in placed.wires for artist in _wire(wire)]
        artists += [artist for join in placed.sums for artist in _sum(join)]
        for artist in artists:
            artist.set_transform(points)
            artist.set_zorder(depth)
            drawn.add_artist(artist)
        for text in placed.texts:
            _write(drawn, text, placed, points, depth)
    return drawn


@cache
def _canvas() -> type[Figure]:
    """A figure whose letters keep their widths at any resolution: hinting rounds them to whole pixels, up to a tenth
    wider than the boxes that were made for them."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    class Unhinted(Figure):
        def draw(self, renderer: Any) -> None:
            # The same drawing is the same file: an svg's ids come from its content alone.
            with rc_context({"text.hinting": "no_hinting", "svg.hashsalt": "llmcmp"}):
                super().draw(renderer)

        def get_tightbbox(self, renderer: Any = None, *, bbox_extra_artists: Any = None) -> Any:
            with rc_context({"text.hinting": "no_hinting"}):
                return super().get_tightbbox(renderer, bbox_extra_artists=bbox_extra_artists)

    return Unhinted


def tinted(part: str | None, white: float) -> str:
    """The colour of a component with so much white."""
    if part is None:
        return "white"
    channels = (int(_colour(part)[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 * white + channel * (1 - white)):02x}" for channel in channels)


def _colour(part: str | None) -> str:
    return RULE if part is None else style.colour(part.replace(" ", "_").replace("-", "_"))


def _shapes(placed: Placed) -> Iterator[Patch]:
    """The patches of one rectangle."""
    match placed.shape:
        case "card" | "part" | "many" | "operation":
            yield from _box(placed)
            yield from _second_edge(placed)
        case "frame":
            edge: dict[str, Any] = {"edgecolor": RULE, "linewidth": 1.1, "linestyle": (0, (5, 3))}
            yield _rounded(placed, ROUND["frame"], facecolor="none", **edge | _mark(placed))
            yield from _second_edge(placed)
        case "cell":
            yield _plain(placed, facecolor=SHADES[placed.number % len(SHADES)][0], edgecolor=INK, linewidth=0.5)
        case "share" | "swatch":
            yield _plain(placed, facecolor=_colour(placed.part), edgecolor="white", linewidth=0.4)
        case "page" | "tower" | "bare" | "blank":
            return


def _box(placed: Placed) -> Iterator[Patch]:
    if placed.shape == "operation":
        look: dict[str, Any] = {"facecolor": "#f1f1f1", "edgecolor": "#c4c4c4", "linewidth": 0.6}
    else:
        width = 1.2 if placed.shape == "card" else 0.8
        look = {
            "facecolor": tinted(placed.part, TINT[placed.shape]),
            "edgecolor": _colour(placed.part),
            "linewidth": width,
        }
    radius = ROUND[placed.shape]
    if placed.shape != "many":
        yield _rounded(placed, radius, **look | _mark(placed))
        return
    for shift in (2 * PILE, PILE, 0.0):
        yield _rounded(placed, radius, shift=shift, less=2 * PILE, **look | _mark(placed))


def _mark(placed: Placed) -> dict[str, Any]:
    """The edge of what differs is thicker; where the other side has nothing like it, it is double."""
    match placed.mark:
        case "":
            return {}
        case "differs":
            return {"edgecolor": MARKED, "linewidth": 1.8}
        case "alone":
            return {"edgecolor": MARKED, "linewidth": 1.8, "linestyle": "-"}


def _second_edge(placed: Placed) -> Iterator[Patch]:
    """The outer edge around what stands alone."""
    if placed.mark == "alone":
        radius = ROUND[placed.shape] + DOUBLE
        look: dict[str, Any] = {"facecolor": "none", "edgecolor": MARKED, "linewidth": 1.2}
        yield _rounded(placed, radius, shift=-DOUBLE, less=-2 * DOUBLE, **look)


def _rounded(placed: Placed, radius: float, *, shift: float = 0.0, less: float = 0.0, **look: Any) -> Patch:
    from matplotlib.patches import FancyBboxPatch

    corner = placed.x + shift, placed.y + shift
    style_ = f"round,pad=0,rounding_size={radius}"
    return FancyBboxPatch(corner, placed.width - less, placed.height - less, boxstyle=style_, **look)


def _plain(placed: Placed, **look: Any) -> Patch:
    from matplotlib.patches import Rectangle

    return Rectangle((placed.x, placed.y), placed.width, placed.height, **look)


def _wire(wire: Wire) -> Iterator[Any]:
    """A line, and the head of its arrow."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Polygon

    look = LINES[wire.kind]
    (x, y), (end_x, end_y) = wire.points[-2:]
    length = max(abs(end_x - x), abs(end_y - y)) or 1
    step_x, step_y = (end_x - x) / length, (end_y - y) / length
    bare = wire.plain or wire.kind == "tied"
    stop = (end_x, end_y) if bare else (end_x - step_x * HEAD / 2, end_y - step_y * HEAD / 2)
    xs, ys = zip(*wire.points[:-1], stop, strict=True)
    yield Line2D(xs, ys, solid_capstyle="butt", **look)
    if not bare:
        back_x, back_y = end_x - step_x * HEAD, end_y - step_y * HEAD
        half = HEAD * 0.42
        corners = (
            (end_x, end_y),
            (back_x - step_y * half, back_y + step_x * half),
            (back_x + step_y * half, back_y - step_x * half),
        )
        yield Polygon(corners, closed=True, facecolor=look["color"], edgecolor="none")


def _sum(join: Sum) -> Iterator[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle

    yield Circle((join.x, join.y), RADIUS, facecolor="white", edgecolor=INK, linewidth=0.9)
    arm = RADIUS * 0.6
    yield Line2D((join.x - arm, join.x + arm), (join.y, join.y), color=INK, linewidth=0.9)
    yield Line2D((join.x, join.x), (join.y - arm, join.y + arm), color=INK, linewidth=0.9)


def _write(drawn: Figure, text: Text, placed: Placed, points: Any, depth: int) -> None:
    colour = MARKED if text.marked else PALE if text.pale else INK
    if placed.shape == "cell":
        colour = SHADES[placed.number % len(SHADES)][1]
    drawn.text(
        text.x,
        text.y,
        text.text,
        transform=points,
        family=FAMILY,
        fontsize=text.size,
        fontweight="bold" if text.bold else "normal",
        color=colour,
        ha=text.align,
        va="center_baseline",
        parse_math=False,
        zorder=depth + 0.5,
    )
