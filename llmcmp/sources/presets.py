"""Presets into Models: `load` takes a name, an alias or a file, with overrides after a colon."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, cast

from llmcmp.errors import ModelError, PresetError, UnknownModelError
from llmcmp.sources.build import build
from llmcmp.sources.names import built_in_paths, family, preset_files, preset_paths, resolve
from llmcmp.sources.references import referred

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmcmp.model import Model

_WITH_OVERRIDES = re.compile(r"(?P<name>.+?):(?P<changes>[\w.-]+=.*)", re.DOTALL)


def load(ref: str | PathLike[str]) -> Model:
    """The model that `ref` names: a preset, an alias, another spelling of one, a file, or an id of the Hub.

    Files are presets, configs, GGUF files and folders of them. A preset that answers to a name comes before the Hub:
    `meta-llama/Llama-2-7b-hf` is one, `hf:meta-llama/Llama-2-7b-hf` is the Hub's. Overrides follow a colon:
    `llama3-8b:kv_heads=32,layers=40`. Raises ModelError, which says what is wrong and what to do next.

    >>> load("Llama-2-7b-hf").name
    'llama2-7b'
    """
    if not isinstance(ref, str | PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownModelError(f"expected the name or the file of a model, not {ref!r}")
    text = fspath(ref)
    match = _WITH_OVERRIDES.fullmatch(text)
    name, changes = (match["name"], match["changes"]) if match else (text, "")
    if (found := referred(name)) is not None:
        return _changed(*found, changes)
    if name.startswith("hf:") or (not _answers(name) and _on_hub(name)):
        from llmcmp.sources.hub import hub_document  # needs a library of its own

        return _changed(*hub_document(name), changes)
    path = _find(name)
    model = _built(path.name, _text(path), changes)
    if Path(name).suffix != ".toml" and path.stem not in built_in_paths():
        _check_called(model.name.partition(":")[0], path)
    return model


def models() -> tuple[str, ...]:
    """The names of all presets, family by family."""
    return tuple(preset_files())


def load_all(refs: Iterable[str]) -> tuple[Model, ...]:
    """The models of several references, each once; `family/*` and `qwen3*` stand for every preset that they match.

    Raises ModelError where two different models bear one name: tables could not tell them apart.
    """
    return distinct(model for ref in refs for model in (_matching(ref) if "*" in ref else (load(ref),)))


def distinct(models: Iterable[Model]) -> tuple[Model, ...]:
    """The models, each once. Raises ModelError where two different ones bear one name."""
    once = tuple(dict.fromkeys(models))
    names: set[str] = set()
    for model in once:
        if model.name in names:
            raise ModelError(
                f"two different models are called '{model.name}'; change the name in one of the files if they are "
                "presets, else rename one file or folder"
            )
        names.add(model.name)
    return once


def _matching(pattern: str) -> list[Model]:
    """The presets that a pattern matches, as they came out."""
    names = family(pattern[:-2]) if pattern.endswith("/*") else fnmatch.filter(preset_files(), pattern.lower())
    if not names:
        raise UnknownModelError(f"no preset matches '{pattern}'; list them: llmcmp list")
    return sorted((load(name) for name in names), key=lambda model: model.card.released)


def every_model() -> tuple[Model, ...]:
    """All presets: family by family, each as it came out."""
    models = [load(name) for name in preset_files()]
    return tuple(sorted(models, key=lambda model: (model.card.family, model.card.released)))


def _answers(name: str) -> bool:
    """Whether a preset answers to this name."""
    try:
        resolve(name)
    except UnknownModelError:
        return False
    return True


def _on_hub(name: str) -> bool:
    """Whether a name could be an id of the Hub."""
    if "/" not in name or name.endswith(".toml"):
        return False
    from llmcmp.sources.hub import is_id

    return is_id(name)


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix != ".toml":
        return Path(preset_paths()[resolve(name)])
    if not os.path.isfile(name):  # noqa: PTH113 - unlike Path, it takes any text for an answer
        raise UnknownModelError(f"no such file: {name[:200]}")
    return path


def _check_called(name: str, path: Path) -> None:
    """Raise PresetError where a preset of the user's is found by one name and says that it has another."""
    if name != path.stem:
        raise PresetError(f"{path}: its name is '{name}', but a preset is called like its file; change one of them")


def _text(path: Path) -> str:
    """The content of a preset file, read anew each time: it may have changed."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PresetError(f"{path.name}: not valid TOML: {error}") from error
    except OSError as error:
        raise PresetError(f"{path.name}: cannot be read: {error.strerror}") from error


@cache
def _built(file: str, text: str, changes: str) -> Model:
    try:
        document = cast("dict[str, object]", tomllib.loads(text))
    except (ValueError, RecursionError) as error:  # also of absurd numbers and depths
        raise PresetError(f"{file}: not valid TOML: {str(error).splitlines()[0]}") from error
    return _changed(document, file, changes)


def _changed(document: dict[str, object], file: str, changes: str) -> Model:
    """The model of a document, with changes applied to it."""
    if not changes:
        return build(document, file)
    from llmcmp.sources.overrides import override  # few models are changed, and its table of keys is slow to set up

    changed, applied = override(document, changes, file)
    return build(changed, file, applied)
