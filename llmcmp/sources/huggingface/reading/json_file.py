"""A JSON file of unknown origin, read within bounds: its size, its depth, its numbers, no key twice."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE = 4 * 2**20  # the longest config that was ever published has some hundred KiB
LONGEST_NUMBER = 40


def read_object(path: Path) -> dict[str, object]:
    """The object that a JSON file holds. Raises ConfigError, which names the file."""
    return parse_object(_content(path), path.name)


def parse_object(content: bytes, name: str) -> dict[str, object]:
    """The object that bytes hold; `name` is what errors call them. Raises ConfigError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: is not UTF-8 text (byte {error.start})") from error
    try:
        found: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
        )
    except RecursionError:
        raise ConfigError(f"{name}: not read: its lists and objects lie too deep in one another") from None
    except ValueError as error:
        raise ConfigError(f"{name}: not valid JSON: {str(error).splitlines()[0][:200]}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{name}: must hold a JSON object, not {type(found).__name__}")
    return cast("dict[str, object]", found)


def _content(path: Path) -> bytes:
    """The content of a file that is one, and no longer than a config can be."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{path.name}: is no file")
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name with a zero in it
        raise ConfigError(f"cannot be read: {error}") from error
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"{path.name}: is larger than {LARGEST_FILE // 2**20} MiB, which no config is")
    return content


def _without_waiting(name: str, flags: int) -> int:
    """Opens what never answers, a pipe say, without waiting for it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if not "".join(found).isprintable():  # errors and tables show keys
        raise ValueError("a key holds a line break or another sign that cannot be shown")
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return float(text)
