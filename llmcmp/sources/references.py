"""What a reference means that is no preset's name: a config.json, a file or folder of weights.

Each ends in a preset's document, so that overrides, `import` and errors are those of presets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llmcmp.errors import UnknownModelError
from llmcmp.sources.hub import is_id
from llmcmp.sources.names import normal_form, spellings

Document = dict[str, Any]


def referred(name: str) -> tuple[Document, str] | None:
    """The document that a path means, and what errors call its file; None for what is no such path.

    Raises ConfigError, WeightFileError, UnknownModelError.
    """
    if name.startswith("hf:"):
        return None
    if name.lower().endswith(".gguf"):
        if not os.path.lexists(name) and name.count("/") > 1 and is_id(name):
            return None  # a file of the Hub
        return _gguf(Path(name))
    if os.path.isdir(name):  # noqa: PTH112 - unlike Path, these take any text for an answer
        return _folder(name)
    if name.endswith((".safetensors", ".safetensors.index.json")):
        return _config(_beside(Path(name)))
    if name.endswith(".json"):
        if not os.path.lexists(name):
            raise UnknownModelError(f"no such file: {name[:200]}")
        return _config(Path(name))
    return None


def _folder(name: str) -> tuple[Document, str] | None:
    """A folder with a config.json, or with one GGUF model, unless a preset is called as the folder."""
    folder = Path(name)
    if (folder / "config.json").is_file():
        return _config(folder / "config.json")
    if normal_form(name) in spellings():
        return None
    from llmcmp.sources.weights.find import models_in

    models = models_in(folder, ".gguf")
    if len(models) == 1:
        return _gguf(folder / models[0])
    if models:
        raise UnknownModelError(f"the folder {name[:200]} holds several models; name one: {', '.join(models[:6])}")
    if models_in(folder, ".safetensors"):
        _beside(folder / "model.safetensors")
    raise UnknownModelError(f"the folder {name[:200]} holds no config.json")


def _beside(path: Path) -> Path:
    """The config.json beside a file of weights."""
    config = path.parent / "config.json"
    if config.is_file():
        return config
    if not os.path.lexists(path) and not path.parent.is_dir():
        raise UnknownModelError(f"no such file: {str(path)[:200]}")
    raise UnknownModelError(
        f"{path.name}: a safetensors file names tensors and no architecture, and no config.json is beside it, so no "
        "model can be known from it; its tensors: llmcmp inspect"
    )


def _config(path: Path) -> tuple[Document, str]:
    from llmcmp.sources.huggingface.reading.read import read_document  # presets need none of it

    return read_document(path), path.name


def _gguf(path: Path) -> tuple[Document, str]:
    from llmcmp.sources.weights.find import contents_of
    from llmcmp.sources.weights.gguf.model import checked_document

    return checked_document(contents_of(path), path.resolve().parent.name), path.name
