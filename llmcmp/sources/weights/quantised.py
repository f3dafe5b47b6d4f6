"""Tensors of quantised safetensors files as the weights that they stand for: name and shape of the model's, true bytes.

Formats keep codes of few bits packed into whole numbers, and scales and zero-points in tensors beside them. What is
packed how is the format's own affair (github.com/AutoGPTQ/AutoGPTQ, github.com/casper-hansen/AutoAWQ,
github.com/vllm-project/compressed-tensors; gpt-oss' blocks: github.com/openai/gpt-oss); all of its tensors are one
weight here. Shapes that a header does not tell (bitsandbytes' flat ones) are left as they are, and so differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from llmcmp.frozen import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmcmp.sources.weights.contents import FileContents, Tensor

Shape = tuple[int, ...]

# What stands beside the codes of a module: scales, zero-points, orders of columns.
BESIDE = re.compile(
    r"(?P<module>.*)\.(weight_scale_inv|weight_scale(_2)?|input_scale|output_scale|weight_zero_point|input_zero_point|"
    r"weight_g_idx|weight_shape|weight_global_scale|input_global_scale|g_idx|scales|qzeros|[kv]_scale)"
)
BLOCKS = re.compile(r"(?P<name>.*)_(?P<what>blocks|scales)")


def unpacked(contents: FileContents, quantization: object) -> FileContents:
    """The contents with each packed weight under its own name; as they are where a config names no quantisation."""
    if not isinstance(quantization, dict):
        return contents
    config = cast("dict[str, Any]", quantization)
    method = config.get("quant_method")
    bits = _bits(config)
    names = {tensor.name for tensor in contents.tensors}
    made: dict[str, Tensor] = {}
    extra: dict[str, int] = {}
    for tensor in contents.tensors:
        weight = _weight_of(tensor.name, names)
        if weight is not None:
            extra[weight] = extra.get(weight, 0) + tensor.bytes
            continue
        name, shape = _logical(tensor, str(method), bits)
        made[name] = replace(tensor, name=name, shape=shape)
    tensors = tuple(replace(tensor, bytes=tensor.bytes + extra.get(name, 0)) for name, tensor in made.items())
    return replace(contents, tensors=tensors)


def _bits(config: Mapping[str, Any]) -> int:
    """Bits of a code: stated, or those of the only group of modules. 0 where nothing says it."""
    found = config.get("bits", config.get("w_bit"))
    groups = config.get("config_groups")
    if found is None and isinstance(groups, dict):
        weights = [cast("dict[str, Any]", group).get("weights") for group in cast("dict[str, Any]", groups).values()]
        several = {cast("dict[str, Any]", each).get("num_bits") for each in weights if isinstance(each, dict)}
        found = several.pop() if len(several) == 1 else None
    return found if type(found) is int and 0 < found <= 32 else 0


def _weight_of(name: str, names: set[str]) -> str | None:
    """The weight that a tensor of scales belongs to, where that is there."""
    if (beside := BESIDE.fullmatch(name)) is not None:
        module = beside["module"]
        codes = {f"{module}.{leaf}" for leaf in ("weight", "qweight", "weight_packed")}
        return f"{module}.weight" if codes & names else None
    blocks = BLOCKS.fullmatch(name)
    if blocks is not None and blocks["what"] == "scales" and f"{blocks['name']}_blocks" in names:
        return blocks["name"]
    return None


def _logical(tensor: Tensor, method: str, bits: int) -> tuple[str, Shape]:
    """Name and shape of the weight whose codes a tensor holds."""
    name, shape = tensor.name, tensor.shape
    module, _, leaf = name.rpartition(".")
    if leaf == "qweight" and len(shape) == 2 and bits:
        # GPTQ packs along the inputs, which stand first; AWQ along the outputs behind them.
        rows, columns = shape
        inputs, outputs = (rows, columns * 32 // bits) if method == "awq" else (rows * 32 // bits, columns)
        return f"{module}.weight", (outputs, inputs)
    if leaf == "weight_packed" and len(shape) == 2 and bits:
        held = 8 if tensor.dtype == "U8" else 32
        return f"{module}.weight", (shape[0], shape[1] * held // bits)
    blocks = BLOCKS.fullmatch(name)
    if blocks is not None and blocks["what"] == "blocks" and len(shape) == 4:
        # Rows of groups of bytes, two codes each; the class holds them with inputs first.
        experts, rows, groups, held = shape
        return blocks["name"], (experts, groups * held * 2, rows)
    return name, shape
