"""The file of a user's defaults: where it is, what it says, and how one line of it is changed.

TOML: `ctx = "32k"` holds for every command that has the option, a table `[bench]` for one command. Comments stay when
a value is changed. What a key may hold is the affair of the options; here a file is only read and written.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, cast

from llmcmp import files
from llmcmp.errors import DefaultsError
from llmcmp.frozen import frozen

Value = str | int | float | bool | list[str]
ENVIRONMENT = "LLMCMP_CONFIG"


@frozen
class Config:
    """What a file holds: values for every command, and for one."""

    everywhere: dict[str, Value]
    commands: dict[str, dict[str, Value]]


def config_path() -> Path:
    """Where the file is, or would be."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("llmcmp", appauthor=False) / "config.toml"


def read(path: Path) -> Config:
    """What the file holds; nothing where there is none. Raises DefaultsError."""
    return _config(_text(path), path)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise DefaultsError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise DefaultsError(f"{path}: cannot be read: {error.strerror}") from error


def _config(text: str, path: Path) -> Config:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefaultsError(f"{path}: not valid TOML: {str(error).splitlines()[0]}") from error
    commands = {key: cast("dict[str, Any]", value) for key, value in document.items() if isinstance(value, dict)}
    everywhere = {key: value for key, value in document.items() if key not in commands}
    for table, values in (("", everywhere), *commands.items()):
        for key, value in values.items():
            _check_kind(f"{path}: {table and f'[{table}] '}{key}", value)
    return Config(everywhere=everywhere, commands=commands)


def _check_kind(where: str, value: object) -> None:
    """Only what an option can hold."""
    texts = isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))
    if not (texts or isinstance(value, str | int | float | bool)):
        raise DefaultsError(f"{where}: expected a text, a number, true or false, or a list of texts")


def change(path: Path, key: str, value: Value | None) -> None:
    """Set `key` (`ctx`, `bench.device`) to a value, or take it out with None. Raises DefaultsError.

    The file is written whole or not at all.
    """
    text = _text(path)
    _config(text, path)
    table, _, name = key.rpartition(".")
    changed = _changed(text, table, name, value)
    found = _config(changed, path)
    holder = found.commands.get(table, {}) if table else found.everywhere
    if holder.get(name) != value:
        raise DefaultsError(f"{path}: cannot change {key} where it stands; edit the file by hand")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DefaultsError(f"cannot write '{path}': {error.strerror}") from error
    files.write(changed.encode(), path.resolve(), replace=True)


def _changed(text: str, table: str, name: str, value: Value | None) -> str:
    """The text with one line replaced, added at the end of its table, or left out."""
    lines = text.splitlines()
    begin, end = _extent(lines, table)
    old = [place for place in range(begin, end) if re.match(rf"\s*{re.escape(name)}\s*=", lines[place])]
    line = [] if value is None else [f"{name} = {toml(value)}"]
    if old:
        lines[old[0] : old[0] + 1] = line
    elif line:
        missing = table and not any(_heads(each, table) for each in lines)
        place = _after_last_value(lines, begin, end)
        lines[place:place] = [*(["", f"[{table}]"] if missing and lines else [f"[{table}]"] if missing else []), *line]
    return "".join(f"{each}\n" for each in lines)


def _heads(line: str, table: str) -> bool:
    return re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", line) is not None


def _extent(lines: list[str], table: str) -> tuple[int, int]:
    """The lines of a table; of none, those before the first table; of one that is not there, the end."""
    begin = 0
    if table:
        begin = next((place + 1 for place, line in enumerate(lines) if _heads(line, table)), len(lines))
    end = next((place for place in range(begin, len(lines)) if re.match(r"\s*\[\s*\w", lines[place])), len(lines))
    return begin, end


def _after_last_value(lines: list[str], begin: int, end: int) -> int:
    """Behind the last value of a table: what follows it, blank lines and a comment, belongs to the next."""
    last = max((place for place in range(begin, end) if not re.match(r"\s*(#|$)", lines[place])), default=-1)
    return last + 1 if last >= 0 else end


def toml(value: Value) -> str:
    """A value as TOML writes it.

    >>> toml(True), toml(96), toml("32k"), toml(["4k", "8k"])
    ('true', '96', '"32k"', '["4k", "8k"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
