"""Bars of one line: stacked shares, and one value on an axis. The finest step is an eighth of a character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def stacked(parts: Sequence[tuple[float, str]], width: int, base: Style) -> list[Segment]:
    """Parts of (amount, colour) side by side over the whole width, in proportion.

    >>> "".join(segment.text for segment in stacked([(1, "red"), (1, "blue")], 5, Style()))
    '██▌██'
    """
    total = sum(amount for amount, _ in parts)
    if not total or width < 1:
        return [Segment(" " * max(0, width), base)]
    ends: list[int] = []
    before = 0.0
    for amount, _ in parts:
        before += amount
        ends.append(round(before / total * width * 8))
    return [_cell(column * 8, ends, parts, base) for column in range(width)]


def _cell(start: int, ends: Sequence[int], parts: Sequence[tuple[float, str]], base: Style) -> Segment:
    """One character: the part that fills its left, and after its end the part that follows."""
    left = next(number for number, end in enumerate(ends) if end > start)
    end = ends[left]
    if end >= start + 8:
        return Segment("█", base + Style(color=parts[left][1]))
    right = next(number for number, after in enumerate(ends) if after >= start + 8)
    return Segment(_EIGHTHS[end - start], base + Style(color=parts[left][1], bgcolor=parts[right][1]))


def bar(share: float, width: int, style: Style, base: Style) -> list[Segment]:
    """A bar over a share of the width, at least a sliver."""
    eighths = max(1, min(round(share * width * 8), width * 8))
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return [Segment(text, base + style), Segment(" " * (width - len(text)), base)]


def crossed(segments: Sequence[Segment], spot: int, sign: str, style: Style) -> list[Segment]:
    """Segments with one sign written over them, on the colour that is there."""
    crossed: list[Segment] = []
    column = 0
    for text, look, _ in segments:
        if column <= spot < column + len(text):
            inside = spot - column
            under = look or Style()
            covered = text[inside] != " "
            over = Style(color=style.color, bgcolor=under.color if covered else under.bgcolor)
            crossed += [Segment(text[:inside], look), Segment(sign, over), Segment(text[inside + 1 :], look)]
        else:
            crossed.append(Segment(text, look))
        column += len(text)
    return [segment for segment in crossed if segment.text]
