"""Small models of transformers as the GGUF files that llama.cpp's converter would make of them.

Names of tensors are those that the `gguf` package gives to transformers' own; metadata is written with its writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

SPLIT = {"gate_up_proj": ("gate_proj", "up_proj")}


def unstacked(name: str, value: Any) -> list[tuple[str, Any]]:
    """Experts' joint gates and ups taken apart, as the converter does it."""
    if name.endswith("experts.gate_up_proj"):
        half = value.shape[1] // 2
        return [
            (name.replace("gate_up_proj", part), value[:, i * half : (i + 1) * half])
            for i, part in enumerate(("gate_proj", "up_proj"))
        ]
    return [(name, value)]


def write(
    path: Path, arch: str, model: Any, keys: dict[str, Any], *, words: int, endian: Any = gguf.GGUFEndian.LITTLE
) -> Path:
    """The file of a model. `keys` stand under the architecture's name."""
    kind = next(each for each, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)
    names = gguf.get_tensor_name_map(kind, 16)
    writer = gguf.GGUFWriter(path, arch, endianess=endian)
    writer.add_token_list([f"word {number}" for number in range(words)])
    for key, value in keys.items():
        add(writer, f"{arch}.{key}", value)
    for name, tensor in model.state_dict().items():
        if model.config.tie_word_embeddings and name.startswith("lm_head"):
            continue
        for part, value in unstacked(name, tensor):
            found = names.get_name(part, try_suffixes=(".weight", ".bias"))
            assert found is not None, part
            writer.add_tensor(found, np.ascontiguousarray(value.float().numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    """One key, in the type that the converter writes it in."""
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, value)
