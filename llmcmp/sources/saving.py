"""Saving a model as a preset of the user's: under which name, in which file, and never over another by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError, PresetError
from llmcmp.sources import user
from llmcmp.sources.names import normal_form, preset_paths, spellings
from llmcmp.sources.write import preset_text, renamed

if TYPE_CHECKING:
    from pathlib import Path

    from llmcmp.model import Model


def place(model: Model, name: str | None = None, file: Path | None = None) -> tuple[str, Path]:
    """The name and the file of a preset to write: those given, else one from the other, else from the model's name.

    Raises PresetError for what cannot be a name, OutputError for a file that is no .toml.
    """
    if file is not None and file.suffix != ".toml":
        raise OutputError(f"cannot write '{file}': a preset is a .toml file")
    named = name or (file.stem if file else suggested(model))
    user.check_name(named)
    return named, file or user.home() / f"{named}.toml"


def suggested(model: Model) -> str:
    """A name for a preset of a model: its own without what no file's name may have."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", model.name).strip("-.")


def save_preset(model: Model, name: str, file: Path, *, replace: bool = False) -> Model:
    """Write a model as a preset, and return it as it will be read.

    Raises ModelError for a model that a preset cannot say, PresetError for a name that is taken, OutputError for a file
    that is there already (unless to `replace`) or cannot be written.
    """
    saved = renamed(model, name)
    text = preset_text(saved)
    if file.parent.resolve() in {folder.resolve() for folder in (*user.folders(), user.home())}:
        check_free(name, file)
    user.save(text, file, replace=replace)
    return saved


def check_free(name: str, file: Path) -> None:
    """Raise PresetError where another preset answers to the name: of two, neither could be found."""
    taken = spellings().get(normal_form(name))
    if taken is not None and preset_paths()[taken] != str(file.resolve()):
        raise PresetError(f"'{name}' is the name of a preset already, {preset_paths()[taken]}; choose another")
