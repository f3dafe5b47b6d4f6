"""HTML that cannot be broken by what stands in it: every text is escaped where it becomes part of an element.

A template engine would be one more dependency for one page, and escapes only where it is told to; here there is no
other way to write an element. `Markup` marks what is HTML already; nothing but `tag`, `join` and `trusted` makes it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

_EMPTY = {"meta", "link", "input", "br"}


@frozen
class Markup:
    """A piece of a page."""

    html: str


def tag(name: str, *content: str | Markup, **attributes: str | bool | None) -> Markup:
    """An element. In names of attributes _ stands for -, and a last _ is dropped; None and False leave one out.

    >>> tag("a", "<b>", href="x", data_v="1").html
    '<a href="x" data-v="1">&lt;b&gt;</a>'
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    inner = join(content).html
    return Markup(html=f"<{name}{said}>" + ("" if name in _EMPTY else f"{inner}</{name}>"))


def join(content: Iterable[str | Markup], between: str = "") -> Markup:
    """Pieces one after the other, texts escaped."""
    return Markup(html=between.join(piece.html if isinstance(piece, Markup) else escape(piece) for piece in content))


def trusted(html: str) -> Markup:
    """HTML of this package's own making: its style sheet, its script, a drawn SVG."""
    return Markup(html=html)


def link(url: str, text: str) -> Markup:
    """A link, for web addresses only: any other text stays text."""
    if not url.startswith(("https://", "http://")):
        return join([f"{text} ({url})"])
    return tag("a", text, href=url, rel="noopener noreferrer")


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.removesuffix("_").replace("_", "-")  # name_ where Python has a use for name
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
