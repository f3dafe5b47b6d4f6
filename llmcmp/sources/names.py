"""From what people type to a preset: names, aliases, other spellings, families.

Two spellings are the same name when their runs of letters and digits are the same: `Llama-2-7b-hf`, `llama2_7B` and
`llama2-7b` are, `qwen2.5-7b` and `qwen2-57b` are not. Organisation prefixes ("meta-llama/") and a trailing "hf" do not
count. A preset's name is its file's name.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from llmcmp.errors import PresetError, UnknownModelError
from llmcmp.sources import user

if TYPE_CHECKING:
    from collections.abc import Iterable

_SILENT = ("hf",)


@cache
def presets_directory() -> Path:
    """Where the presets lie: beside the modules in a wheel, beside the package in a clone."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def preset_paths() -> dict[str, str]:
    """The file of every preset by name, in no order: all that finding one needs.

    The user's own are looked for anew each time. Raises PresetError where one is called like another preset.
    """
    own = user.paths()
    return _together(tuple(own.items())) if own else built_in_paths()


@cache
def built_in_paths() -> dict[str, str]:
    """The presets that come with llmcmp."""
    return {
        file.removesuffix(".toml"): os.path.join(folder, file)  # noqa: PTH118 - joined by the hundred
        for folder, _, files in os.walk(presets_directory() / "models")
        for file in files
        if file.endswith(".toml")
    }


@cache
def _together(own: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The presets that come with llmcmp and the user's own."""
    built_in = built_in_paths()
    found, forms = dict(built_in), dict(_spellings(tuple(built_in)))
    for name, path in own:
        other = forms.setdefault(normal_form(name), name)
        if other != name or name in built_in:
            whose = ", which comes with llmcmp" if other in built_in else ""
            raise PresetError(f"{path} answers to the same name as {found[other]}{whose}; rename the file")
        found[name] = path
    return found


def is_own(name: str) -> bool:
    """Whether a preset is one of the user's."""
    return name not in built_in_paths() and name in preset_paths()


def preset_files() -> dict[str, Path]:
    """Every preset by name, family by family."""
    found = {name: Path(path) for name, path in preset_paths().items()}
    return dict(sorted(found.items(), key=lambda item: (item[1].parent.name, _natural(item[0]))))


@cache
def aliases() -> dict[str, str]:
    """What else people type, to the preset that it means (presets/aliases.toml)."""
    tables = cast("dict[str, dict[str, str]]", tomllib.loads((presets_directory() / "aliases.toml").read_text("utf-8")))
    return {alias: name for table in tables.values() for alias, name in table.items()}


def normal_form(text: str) -> str:
    """The runs of letters and of digits in a spelling; a dash remains only between two numbers.

    >>> normal_form("meta-llama/Llama-2-7b-hf") == normal_form("llama2-7B")
    True
    """
    runs = re.findall(r"[a-z]+|\d+", text.rsplit("/", 1)[-1].lower())
    while runs and runs[-1] in _SILENT:
        runs.pop()
    return re.sub(r"(?<!\d)-|-(?!\d)", "", "-".join(runs))


def spellings() -> dict[str, str]:
    """Normal form to preset name. Raises PresetError where two presets could be meant."""
    return _spellings(tuple(preset_paths()))


@cache
def _spellings(names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    known = set(names)
    for spelling, name in (*((name, name) for name in names), *aliases().items()):
        if name not in known:
            raise PresetError(f"aliases.toml: '{spelling}' stands for '{name}', which is no preset")
        form = normal_form(spelling)
        if found.setdefault(form, name) != name:
            raise PresetError(f"aliases.toml: '{spelling}' could mean {found[form]} or {name}")
    return found


def resolve(text: str) -> str:
    """The preset that `text` names. Raises UnknownModelError with the closest names."""
    if text in preset_paths():
        return text
    plain = re.fullmatch(r"([\w.-]+/)?[\w. -]+", text, re.ASCII)
    name = spellings().get(normal_form(text)) if plain else None
    if name is None:
        raise unknown(text)
    return name


def families() -> dict[str, str]:
    """The family of every preset by name: its folder or, of the user's own, what the file says; empty if nothing."""
    built_in = built_in_paths()
    return {
        name: path.parent.name if name in built_in else user.family_of(str(path))
        for name, path in preset_files().items()
    }


def family(name: str) -> tuple[str, ...]:
    """All presets of a family: its folder and, of the user's own, those that say so. Raises UnknownModelError."""
    of = families()
    members = tuple(preset for preset, found in of.items() if found == name.lower())
    if not members:
        known = [found for found in dict.fromkeys(of.values()) if found]
        raise UnknownModelError(f"unknown family '{name}'{_suggestion(name, known)}; families: {', '.join(known)}")
    return members


def unknown(text: str) -> UnknownModelError:
    """The error for a name that nothing answers to."""
    names = dict.fromkeys((*aliases(), *preset_files()))
    return UnknownModelError(f"unknown model '{text[:200]}'{_suggestion(text, names) or ';'} list them: llmcmp list")


def _suggestion(text: str, names: Iterable[str]) -> str:
    import difflib

    forms = {normal_form(name): name for name in names}
    found = difflib.get_close_matches(normal_form(text), list(forms), n=3, cutoff=0.5)
    close = dict.fromkeys(forms[form] for form in found)
    return f"; did you mean {' or '.join(repr(name) for name in close)}?" if close else ""


def _natural(name: str) -> list[tuple[int, float, str]]:
    """Sorts 7b before 13b, and 2.5 between 2 and 3."""
    runs = re.findall(r"\d+(?:\.\d+)?|[^\d]+", name)
    return [(0, float(run), "") if run[0].isdigit() else (1, 0.0, run) for run in runs]
