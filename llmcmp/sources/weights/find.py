"""The files of weights that a path means: one file, or all of a folder; and the config that stands beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmcmp.errors import UnknownModelError, WeightFileError
from llmcmp.sources.weights.blob import local
from llmcmp.sources.weights.safetensors import LARGEST_INDEX, joined, read_index, read_safetensors

if TYPE_CHECKING:
    from llmcmp.sources.weights.contents import FileContents

SUFFIXES = (".safetensors", ".gguf")
INDEX = ".safetensors.index.json"
MOST_ENTRIES = 100_000  # of a folder that is looked through


def contents_of(path: Path) -> FileContents:
    """The headers of the file or folder at `path`. Raises WeightFileError, UnknownModelError."""
    if path.name.endswith(INDEX):
        return _indexed(path)
    if path.is_dir():
        return contents_of(_in_folder(path))
    if path.name == "config.json":
        return contents_of(_in_folder(path.parent))
    if path.suffix.lower() not in SUFFIXES:
        raise UnknownModelError(
            f"{path.name[:200]!r} is no file of weights: {' or '.join(SUFFIXES)}, or a folder of them"
        )
    if not path.exists() and not path.is_symlink():
        raise UnknownModelError(f"no such file: {str(path)[:200]}")
    if path.suffix.lower() == ".gguf":
        from llmcmp.sources.weights.gguf.header import read_gguf_files

        return read_gguf_files(path)
    return read_safetensors(local(path))


def config_beside(path: Path) -> Path | None:
    """The config.json of a file or folder of weights, where there is one."""
    config = (path if path.is_dir() else path.parent) / "config.json"
    return config if config.is_file() else None


def models_in(folder: Path, suffix: str) -> list[str]:
    """The files of a folder that stand for a model each: of several parts of one, the first."""
    names = [entry.name for entry, _ in zip(folder.iterdir(), range(MOST_ENTRIES), strict=False)]
    found = sorted(name for name in names if name.lower().endswith(suffix))
    return [name for name in found if "-of-" not in name or "-00001-of-" in name]


def _in_folder(folder: Path) -> Path:
    """The one file of a folder that stands for all its weights."""
    for name in (f"model{INDEX}", f"consolidated{INDEX}", "model.safetensors"):
        if (folder / name).is_file():
            return folder / name
    found = [name for suffix in SUFFIXES for name in models_in(folder, suffix)]
    shown = str(folder)[:200]
    if not found:
        raise WeightFileError(f"the folder {shown} holds no .safetensors and no .gguf file")
    if len(found) > 1:
        raise WeightFileError(f"the folder {shown} holds several models; name one of them: {', '.join(found[:6])}")
    return folder / found[0]


def _indexed(path: Path) -> FileContents:
    """The shards that an index names."""
    index = local(path)
    if index.size > LARGEST_INDEX:
        raise WeightFileError(f"{path.name}: is larger than {LARGEST_INDEX // 2**20} MiB, which no index is")
    named = read_index(index.read(0, index.size), path.name)
    files = sorted(set(named.values()))
    absent = [file for file in files if not (path.parent / file).is_file()]
    if absent:
        raise WeightFileError(
            f"{path.name}: {len(absent)} of its {len(files)} files are not here, {absent[0][:80]!r} first; fetch them"
        )
    return joined(path.parent.resolve().name, named, [read_safetensors(local(path.parent / file)) for file in files])
