"""Tables as TOML that reads like the hand-written presets: short lists on one line, long ones an item a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from llmcmp.errors import ModelError
from llmcmp.sources.binding import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

# Columns of a list that stays on one line: of plain values, of tables.
WIDEST, WIDEST_OF_TABLES = 140, 100
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml(document: Table, named: tuple[str, ...] = (), listed: tuple[str, ...] = ()) -> str:
    """The text of a document.

    `named` sections hold named tables, [section.name], where all their values are tables; `listed` ones are lists of
    tables, [[section]]. All other tables within tables stay on the line of their key.
    """
    return "\n".join(_paragraphs(document, named, listed)) + "\n"


def _paragraphs(document: Table, named: tuple[str, ...], listed: tuple[str, ...]) -> Iterator[str]:
    headed: Table = {key: value for key, value in document.items() if isinstance(value, dict) or key in listed}
    yield from _lines({key: value for key, value in document.items() if key not in headed})
    for section, value in headed.items():
        if section in listed:
            for table in cast("list[Table]", value):
                yield from _headed(f"[[{section}]]", table)
        elif section in named and _all_tables(value):
            for name, variant in cast("dict[str, Table]", value).items():
                yield from _headed(f"[{section}.{_key(name)}]", variant)
        else:
            yield from _headed(f"[{section}]", cast("Table", value))


def _all_tables(value: object) -> bool:
    items = list(cast("Table", value).values())
    return bool(items) and all(isinstance(item, dict) for item in items)


def _headed(heading: str, table: Table) -> Iterator[str]:
    yield ""
    yield heading
    yield from _lines(table)


def _lines(table: Table) -> Iterator[str]:
    for key, value in table.items():
        line = f"{_key(key)} = {value_text(value)}"
        if isinstance(value, list) and len(line) > (WIDEST_OF_TABLES if "{" in line else WIDEST):
            items = "".join(f"  {value_text(item)},\n" for item in cast("list[object]", value))
            line = f"{_key(key)} = [\n{items}]"
        yield line


def value_text(value: object) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return re.sub(r"e([+-])0*", lambda found: "e" + found[1].strip("+"), repr(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(value_text(item) for item in cast('list[object]', value))}]"
    assert isinstance(value, dict), value
    pairs = ", ".join(f"{_key(key)} = {value_text(inner)}" for key, inner in cast("Table", value).items())
    return f"{{ {pairs} }}" if pairs else "{}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    if re.search(r"[\ud800-\udfff]", text):
        raise ModelError(f"{text!r} is no text that a file can hold: it has half a character")
    shown = (_ESCAPES.get(c, f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text)
    return f'"{"".join(shown)}"'
