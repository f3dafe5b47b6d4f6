"""The whole page: name and key figures, towers side by side, what stands apart, where the weights are, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import replace
from llmcmp.plots.architecture.flow import Laid
from llmcmp.plots.architecture.measure import LEADING, width, wrapped
from llmcmp.plots.architecture.place import PAD_X, PAD_Y, SIZES, lines_height, place
from llmcmp.plots.architecture.placed import Placed, Text, Wire
from llmcmp.plots.architecture.towers import WORD, column_width, place_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.plots.architecture.scene import Box, Scene, Share

EDGE = 16.0
LEAST = 400.0  # of a page, so that its small print has room
COLUMNS = 34.0  # between towers, where the encoder's output passes
SPACE = 12.0  # between the parts of a page
TITLE, VALUE, PRINT = 16.0, 11.5, 6.2
BAR, SWATCH = 12.0, 7.0


def page(scene: Scene, x: float = 0.0, y: float = 0.0) -> Placed:
    """The drawing of one model, at its natural size."""
    towers = sum(map(column_width, scene.columns)) + COLUMNS * (len(scene.columns) - 1)
    room = max(towers, LEAST, width(scene.title, TITLE, True), width(scene.subtitle, WORD))
    laid = _heading(scene, x + EDGE, y + EDGE, room)
    laid = laid.then(_towers(scene, x + EDGE + (room - towers) / 2, laid.y + SPACE))
    for box in scene.apart:
        laid = laid.then(_apart(box, x + EDGE, laid.y + SPACE, room))
    laid = laid.then(_shares(scene.shares, x + EDGE, laid.y + SPACE, room))
    laid = laid.then(_print(scene.print, x + EDGE, laid.y + SPACE, room))
    return Placed(
        shape="page",
        x=x,
        y=y,
        width=room + 2 * EDGE,
        height=laid.y + EDGE - y,
        texts=laid.texts,
        children=laid.children,
        wires=laid.wires,
    )


def _heading(scene: Scene, x: float, y: float, room: float) -> Laid:
    name = Text(text=scene.title, x=x, y=y + TITLE / 2, size=TITLE, bold=True, align="left")
    y += TITLE * LEADING
    what = Text(text=scene.subtitle, x=x, y=y + WORD / 2, size=WORD, pale=True, align="left")
    laid = Laid(texts=(name, what), y=y + WORD * LEADING + 6)
    left = x
    for value, label in scene.figures:
        wide = max(width(value, VALUE, True), width(label, SIZES["normal"]))
        if left > x and left + wide > x + room:
            left, laid = x, laid.then(Laid(y=laid.y + _tile_height()))
        laid = laid.then(Laid(texts=tuple(_tile(value, label, left, laid.y)), y=laid.y))
        left += wide + 22
    return laid.then(Laid(y=laid.y + _tile_height()))


def _tile_height() -> float:
    return (VALUE + SIZES["normal"]) * LEADING + 3


def _tile(value: str, label: str, x: float, y: float) -> Iterator[Text]:
    """A figure above what it is."""
    yield Text(text=value, x=x, y=y + VALUE * LEADING / 2, size=VALUE, bold=True, align="left")
    size = SIZES["normal"]
    yield Text(text=label, x=x, y=y + VALUE * LEADING + size * LEADING / 2, size=size, pale=True, align="left")


def _towers(scene: Scene, x: float, y: float) -> Laid:
    placed: list[Placed] = []
    for column in scene.columns:
        placed.append(place_column(column, x, y))
        x = placed[-1].right + COLUMNS
    return Laid(children=tuple(placed), wires=tuple(_crossing(placed)), y=max(tower.bottom for tower in placed))


def _crossing(towers: Sequence[Placed]) -> Iterator[Wire]:
    """From what the encoder gives to the decoder's first opened cross-attention."""
    if len(towers) < 2:
        return
    encoder, decoder = towers
    gives = encoder.texts[-1]
    found = (p for p in decoder.walk() if p.shape == "card" and p.part == "cross-attention" and p.children)
    target = next(found, None)
    if target is None:
        return
    lane, start, level = encoder.right + COLUMNS / 2, gives.x + width(gives.text, gives.size) / 2 + 4, target.y + 22
    yield Wire(points=((start, gives.y), (lane, gives.y), (lane, level), (target.x, level)), kind="cross")


def _apart(box: Box, x: float, y: float, room: float) -> Laid:
    """A box over the whole width, its long lines wrapped."""
    lines = tuple(
        replace(line, text=text)
        for line in box.lines
        for text in wrapped(line.text, SIZES[line.size], room - 3 * PAD_X, line.size == "title" or line.marked)
    )
    wrapped_box = replace(box, lines=lines)
    high = lines_height(lines) + 2 * PAD_Y
    return Laid(children=(place(wrapped_box, x, y, room, high),), y=y + high)


def _shares(shares: Sequence[Share], x: float, y: float, room: float) -> Laid:
    """A bar of the components' shares, in their colours, and what is what."""
    heading = Text(text="Where the parameters are", x=x, y=y + WORD / 2, size=WORD, bold=True, align="left")
    y += WORD * LEADING + 2
    pieces: list[Placed] = []
    left = x
    for share in shares:
        wide = room * share.share
        pieces.append(Placed(shape="share", x=left, y=y, width=wide, height=BAR, part=share.part))
        left += wide
    laid = Laid(texts=(heading,), children=tuple(pieces), y=y + BAR + 6)
    return laid.then(_key(shares, x, laid.y, room))


def _key(shares: Sequence[Share], x: float, y: float, room: float) -> Laid:
    size = SIZES["normal"]
    widest = max(width(share.label, size) for share in shares) + SWATCH + 16
    columns = max(1, int(room // widest))
    rows = -(-len(shares) // columns)
    texts: list[Text] = []
    swatches: list[Placed] = []
    for i, share in enumerate(shares):
        left, top = x + (i // rows) * widest, y + (i % rows) * size * 1.5
        swatches.append(Placed(shape="swatch", x=left, y=top, width=SWATCH, height=SWATCH, part=share.part))
        texts.append(Text(text=share.label, x=left + SWATCH + 4, y=top + SWATCH / 2, size=size, align="left"))
    return Laid(children=tuple(swatches), texts=tuple(texts), y=y + rows * size * 1.5)


def _print(paragraphs: Sequence[str], x: float, y: float, room: float) -> Laid:
    lines = [text for paragraph in paragraphs for text in wrapped(paragraph, PRINT, room)]
    texts = tuple(
        Text(text=text, x=x, y=y + (i + 0.5) * PRINT * LEADING, size=PRINT, pale=True, align="left")
        for i, text in enumerate(lines)
    )
    return Laid(texts=texts, y=y + len(lines) * PRINT * LEADING)
