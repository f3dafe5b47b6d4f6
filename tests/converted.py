"""Small models of transformers as the GGUF files that llama.cpp's converter would make of them.

Names of tensors are those that the `gguf` package gives to transformers' own; metadata is written with its writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

# What the converter calls otherwise before it looks a name up.
RENAMED = {
    "e_score_correction_bias": "e_score_correction.bias",
    "self_attn.sinks": "self_attn.sinks.weight",
    "mixer.dt_bias": "mixer.dt_proj.bias",
}


def converted(name: str, value: Any, arch: str) -> list[tuple[str, Any]]:
    """A tensor as the converter makes it: outputs first, experts' joint gates and ups taken apart, no axis of one."""
    for theirs, own in RENAMED.items():
        name = name.replace(theirs, own)
    if arch == "bloom":
        name = name.removeprefix("transformer.")
    if arch == "gpt2" and any(part in name for part in ("c_attn.w", "c_proj.w", "c_fc.w")):
        value = value.T
    if "conv1d.weight" in name:
        value = value.squeeze(1)
    if arch == "mamba2" and name.endswith(("mixer.A_log", "mixer.D")):
        value = value.reshape(-1, 1)
    if ".experts." not in name:
        return [(name, value)]
    rows = arch == "gpt-oss"  # inputs first, gates and ups in turn
    if rows and value.dim() == 3:
        value = value.transpose(1, 2)
    leaf = "bias" if name.endswith("_bias") else "weight"
    stem, _, part = name.removesuffix("_bias").rpartition(".")
    if part != "gate_up_proj":
        return [(f"{stem}.{part}.{leaf}", value)]
    halves = (value[:, ::2], value[:, 1::2]) if rows else value.chunk(2, dim=1)
    return [(f"{stem}.{half}.{leaf}", one) for half, one in zip(("gate_proj", "up_proj"), halves, strict=True)]


def write(
    path: Path,
    arch: str,
    model: Any,
    keys: dict[str, Any],
    *,
    words: int,
    endian: gguf.GGUFEndian = gguf.GGUFEndian.LITTLE,
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
        for part, value in converted(name, tensor, arch):
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
