"""A figure as SVG inside a page: its texts stay texts, its colours follow the page's, its ids are its own.

What belongs to one model carries `data-series`, by which the page's filter finds it.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from llmcmp.plots import style
from llmcmp.report.html import Markup, trusted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 0.5  # share of its own size below which a drawn architecture is scrolled, not shrunk

# Colours that a page sets for light and dark; in a file of its own the figure keeps those it was drawn with.
_PLAIN = {style.PAPER: "paper", style.INK: "ink", style.MUTED: "muted", style.FAINT: "faint", style.GRID: "grid"}
NAMED = {**_PLAIN, **{colour: f"c{number}" for number, colour in enumerate(style.COLOURS)}}


def inline(text: str, name: str, alt: str, *, follows: bool = True) -> Markup:
    """The figure as an element; `name` keeps its ids apart from other figures'. `follows`: dark pages turn it."""
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="model=([^"]*)"', r'data-series="\1"', text)
    text = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', text)
    text = text.replace("url(#", f"url(#{name}-")
    if follows:
        text = re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found[0]), text)
    return trusted(_headed(text, alt, least=0 if follows else SMALLEST))


def written(drawn: Figure) -> str:
    """A figure as an SVG file in which texts are texts."""
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType]

    content = io.StringIO()
    look: dict[str, str] = {"svg.hashsalt": "llmcmp", "svg.fonttype": "none"}
    with rc_context(look):  # pyright: ignore[reportArgumentType] - keys of matplotlib's own
        drawn.savefig(content, format="svg", transparent=False, metadata={"Date": None})
    return content.getvalue()


def _headed(text: str, alt: str, least: float) -> str:
    """The svg element with its role and description, as wide as there is room, but `least` of its own size."""
    from html import escape

    head, _, rest = text.partition(">")
    box = re.search(r'viewBox="([^"]*)"', head)
    assert box is not None  # matplotlib always writes one
    width = float(box[1].split()[2]) * 4 / 3  # points to CSS pixels
    size = f"width:100%;max-width:{width:.0f}px" + (f";min-width:{width * least:.0f}px" if least else "")
    return (
        f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(alt)}" style="{size}"'
        f' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{rest}'
    )


_LOWER = {colour.lower(): name for colour, name in NAMED.items()}


def _variable(colour: str) -> str:
    name = _LOWER.get(colour)
    return colour if name is None else f"var(--{name},{colour})"
