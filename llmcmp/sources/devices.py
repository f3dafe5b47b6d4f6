"""Device presets: `load_device` takes the name of one, in any spelling, or the path of a file."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path

from llmcmp.devices import Device
from llmcmp.errors import PresetError, UnknownModelError
from llmcmp.sources.binding import Place, bind
from llmcmp.sources.names import normal_form, presets_directory


@cache
def device_files() -> dict[str, Path]:
    """Every device preset by name, vendor by vendor."""
    return {path.stem: path for path in sorted((presets_directory() / "devices").glob("*/*.toml"))}


def load_device(ref: str) -> Device:
    """The device that `ref` names. Raises UnknownModelError, PresetError.

    >>> load_device("H100-SXM").title
    'NVIDIA H100 SXM'
    """
    path = Path(ref) if ref.endswith(".toml") and os.path.isfile(ref) else _find(ref)  # noqa: PTH113 - takes any text
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise PresetError(f"{path.name}: not valid TOML: {str(error).splitlines()[0]}") from error
    return bind(Device, document, Place(file=path.name))


def _find(ref: str) -> Path:
    """By its own name, or by another spelling of it: no two presets share a normal form."""
    forms = {normal_form(name): path for name, path in device_files().items()}
    path = device_files().get(ref) or forms.get(normal_form(ref))
    if path is None:
        raise UnknownModelError(f"unknown device '{ref[:200]}'; known: {', '.join(device_files())}")
    return path
