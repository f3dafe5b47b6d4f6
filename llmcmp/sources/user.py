"""Presets of the user's own: files in folders of theirs, found by name beside the presets that come with llmcmp.

Folders are those that LLMCMP_PRESETS lists (`--presets DIR` adds one), then `presets` in the platform's config folder.
A preset's name is its file's name: `FOLDER/NAME.toml` or `FOLDER/FAMILY/NAME.toml`; deeper nothing is looked for.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from llmcmp import files
from llmcmp.errors import OutputError, PresetError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "LLMCMP_PRESETS"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)


def home() -> Path:
    """The folder in which presets are saved if no other is named."""
    from platformdirs import user_config_path

    return user_config_path("llmcmp", appauthor=False) / "presets"


def use(folder: str) -> None:
    """Look for presets in one more folder, for as long as this program runs. Raises PresetError where there is none."""
    listed = _listed()
    if folder not in listed:
        os.environ[VARIABLE] = os.pathsep.join((folder, *listed))
    paths()


def folders() -> tuple[Path, ...]:
    """Where presets are looked for. Raises PresetError for a folder that was named and is not there."""
    for folder in _listed():
        if not os.path.isdir(folder):  # noqa: PTH112 - unlike Path, it takes any text for an answer
            raise PresetError(f"there is no folder '{folder}' to find presets in; it was named by {VARIABLE}/--presets")
    own = home()
    return (*map(Path, _listed()), *((own,) if own.is_dir() else ()))


def _listed() -> list[str]:
    return [folder for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


def paths() -> dict[str, str]:
    """The file of every preset of the user's by name. Raises PresetError where two files bear one name."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders()):
        for name, path in _files(str(folder)):
            other = found.setdefault(name, path)
            if other != path:
                raise PresetError(f"two presets are called '{name}': {other} and {path}; rename one of the files")
    return found


def _files(folder: str, *, deeper: bool = True) -> Iterator[tuple[str, str]]:
    """(name, path) of the preset files in a folder and, one level down, in its families' folders."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PresetError(f"'{folder}' cannot be searched for presets: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.name.endswith(".toml") and entry.is_file():
            yield entry.name.removesuffix(".toml"), entry.path
        elif deeper and entry.is_dir():
            yield from _files(entry.path, deeper=False)


def family_of(path: str) -> str:
    """The family that a preset file of the user's states; empty where it states none that can be read."""
    try:
        document = cast("dict[str, object]", tomllib.loads(Path(path).read_text("utf-8")))
    except (ValueError, RecursionError, OSError):
        return ""  # whoever loads the file hears what is wrong with it
    return str(document.get("family", ""))


def check_name(name: str) -> None:
    """Raise PresetError for a name that no preset file can have."""
    if not _NAME.fullmatch(name) or name.endswith(".toml"):
        raise PresetError(
            f"'{name[:200]}' cannot be a preset's name; use letters, digits, '.', '_' and '-', as in my-model-7b"
        )


def save(text: str, path: Path, *, replace: bool = False) -> None:
    """Write a preset, whole or not at all. Raises OutputError for a file that is there already, unless to `replace`."""
    if path.parent == home():
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise OutputError(f"cannot write '{path}': there is no folder '{path.parent}'")
    files.write(text.encode(), path, replace=replace)
