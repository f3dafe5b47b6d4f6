"""Presets into Models: `load` takes a name, an alias or a file, with overrides after a colon."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from llmcmp.errors import PresetError, UnknownModelError
from llmcmp.sources.build import build
from llmcmp.sources.names import family, preset_files, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmcmp.model import Model

_WITH_OVERRIDES = re.compile(r"(?P<name>.+?):(?P<changes>[\w.]+=.*)", re.DOTALL)


def load(ref: str) -> Model:
    """The model that `ref` names: a preset, an alias, another spelling of one, or the path of a preset file.

    Overrides follow a colon: `llama3-8b:kv_heads=32,layers=40`. Raises UnknownModelError, PresetError.

    >>> load("Llama-2-7b-hf").name
    'llama2-7b'
    """
    match = _WITH_OVERRIDES.fullmatch(ref)
    name, changes = (match["name"], match["changes"]) if match else (ref, "")
    return _loaded(_find(name), changes)


def load_all(refs: Iterable[str]) -> tuple[Model, ...]:
    """The models of several references; `family/*` stands for every preset of a family."""
    models = (model for ref in refs for model in (_family(ref[:-2]) if ref.endswith("/*") else (load(ref),)))
    return tuple(dict.fromkeys(models))


def _family(name: str) -> list[Model]:
    """A family's models as they came out."""
    return sorted((load(member) for member in family(name)), key=lambda model: model.card.released)


def every_model() -> tuple[Model, ...]:
    """All presets: family by family, each as it came out."""
    models = (load(name) for name in preset_files())
    return tuple(sorted(models, key=lambda model: (model.card.family, model.card.released)))


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UnknownModelError(f"no such file: {name}")
        return path
    return preset_files()[resolve(name)]


@cache
def _loaded(path: Path, changes: str) -> Model:
    document = read(path)
    if not changes:
        return build(document, path.name)
    from llmcmp.sources.overrides import override  # few models are changed, and its table of keys is slow to set up

    changed, applied = override(document, changes, path.name)
    return build(changed, path.name, applied)


def read(path: Path) -> dict[str, object]:
    """The tables of a preset file. Raises PresetError where it is no TOML."""
    try:
        return cast("dict[str, object]", tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PresetError(f"{path.name}: not valid TOML: {error}") from error
    except OSError as error:
        raise PresetError(f"{path.name}: cannot be read: {error.strerror}") from error
