"""Writes llmcmp/sources/huggingface/reading/defaults.json: what the config classes of transformers say by default.

    PYTHONPATH=.:tests python -m conformance.config_defaults

Facts only: for each model type that llmcmp reads, its keys that are not harmless with their defaults, other names of
its keys ("@aliases"), and the base of its rotary frequencies ("@theta").
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

import llmcmp
from llmcmp.sources.huggingface.reading import keys
from llmcmp.sources.huggingface.reading.types import TYPES

FILE = Path(keys.__file__).parent / "defaults.json"


def config_defaults() -> dict[str, dict[str, Any]]:
    """By model type."""
    return {name: _defaults(CONFIG_MAPPING[name]) for name in sorted(TYPES) if name in CONFIG_MAPPING}


def _defaults(cls: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        value = field.default
        if value is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        if value is dataclasses.MISSING or keys.HARMLESS.fullmatch(field.name) or not _plain(value):
            continue
        found[(cls.attribute_map or {}).get(field.name, field.name)] = value
    if cls.attribute_map:
        found["@aliases"] = {name: own for name, own in cls.attribute_map.items() if name != own}
    if isinstance(cls.default_theta, int | float) and cls.default_theta != 10000.0:
        found["@theta"] = cls.default_theta
    return found


def _plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def text(found: dict[str, dict[str, Any]]) -> str:
    """One model type a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(values, sort_keys=True)}" for name, values in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(config_defaults()), "utf-8")
    print(f"{llmcmp.__name__}: {FILE.name} holds {len(config_defaults())} model types")
