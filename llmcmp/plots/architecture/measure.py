"""How wide a text is: asked of the font's own advances, without a canvas, so that a layout is quick to make."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (matplotlib's font objects are untyped.)
from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = "DejaVu Sans"  # comes with matplotlib: the same picture on every machine
LEADING = 1.28  # a line's height as a multiple of its size
REFERENCE = 100  # points at which characters are measured once


@cache
def _font(bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    # A font of our own: those that matplotlib keeps change their size with every text that it draws.
    font = FT2Font(findfont(FontProperties(family=FAMILY, weight="bold" if bold else "normal")))
    font.set_size(REFERENCE, 72)
    return font


@cache
def _advance(character: str, bold: bool) -> float:
    from matplotlib.ft2font import LoadFlags

    glyph = _font(bold).load_char(ord(character), flags=LoadFlags.NO_HINTING)
    return glyph.linearHoriAdvance / 65536 / REFERENCE


@cache
def width(text: str, size: float, bold: bool = False) -> float:
    """Points from the text's left to its right end; kerning, which only narrows, is left out."""
    return size * sum(_advance(character, bold) for character in text)


def wrapped(text: str, size: float, room: float, bold: bool = False) -> Iterator[str]:
    """The lines of a text in `room` points, broken at blanks; a word that is too long is cut."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width(longer, size, bold) <= room:
            line = longer
            continue
        if line:
            yield line
        line = word
        while width(line, size, bold) > room:
            fitting = next(n for n in range(len(line), 0, -1) if n == 1 or width(line[:n], size, bold) <= room)
            yield line[:fitting]
            line = line[fitting:]
    if line:
        yield line
