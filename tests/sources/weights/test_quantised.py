"""Quantised files: each packed weight is one of the model's, and its scales are among its bytes."""

from __future__ import annotations

from typing import Any

import pytest

from llmcmp.sources.weights.contents import FileContents, Tensor
from llmcmp.sources.weights.inspection import inspect_config

Held = dict[str, tuple[str, tuple[int, ...], int]]  # dtype, shape, bytes

CONFIG: dict[str, Any] = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 40, "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
    "tie_word_embeddings": True,
}  # fmt: skip
LINEARS = {
    **{f"self_attn.{part}_proj": (64, 64) for part in "qkvo"},
    "mlp.gate_proj": (96, 64), "mlp.up_proj": (96, 64), "mlp.down_proj": (64, 96),
}  # fmt: skip
NORMS = ("input_layernorm", "post_attention_layernorm")


def gptq(module: str, outer: int, inner: int) -> Held:
    return {
        f"{module}.qweight": ("I32", (inner // 8, outer), inner * outer // 2),
        f"{module}.qzeros": ("I32", (inner // 32, outer // 8), inner // 32 * outer // 2),
        f"{module}.scales": ("F16", (inner // 32, outer), inner // 32 * outer * 2),
        f"{module}.g_idx": ("I32", (inner,), 4 * inner),
    }


def awq(module: str, outer: int, inner: int) -> Held:
    return {
        f"{module}.qweight": ("I32", (inner, outer // 8), inner * outer // 2),
        f"{module}.qzeros": ("I32", (inner // 32, outer // 8), inner // 32 * outer // 2),
        f"{module}.scales": ("F16", (inner // 32, outer), inner // 32 * outer * 2),
    }


def fp8(module: str, outer: int, inner: int) -> Held:
    return {
        f"{module}.weight": ("F8_E4M3", (outer, inner), outer * inner),
        f"{module}.weight_scale_inv": ("F32", (1, 1), 4),
    }


def compressed(module: str, outer: int, inner: int) -> Held:
    return {
        f"{module}.weight_packed": ("I32", (outer, inner // 8), outer * inner // 2),
        f"{module}.weight_scale": ("BF16", (outer, inner // 32), outer * inner // 32 * 2),
        f"{module}.weight_shape": ("I64", (2,), 16),
    }


FORMATS: dict[str, tuple[Any, dict[str, Any]]] = {
    "gptq": (gptq, {"quant_method": "gptq", "bits": 4, "group_size": 32}),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": 32}),
    "fp8": (fp8, {"quant_method": "fp8", "weight_block_size": [128, 128]}),
    "compressed-tensors": (compressed, {"quant_method": "compressed-tensors", "config_groups": {
        "group_0": {"weights": {"num_bits": 4, "group_size": 32}}}}),
}  # fmt: skip


def held(packed: Any) -> Held:
    found: Held = {"model.embed_tokens.weight": ("BF16", (40, 64), 5120), "model.norm.weight": ("BF16", (64,), 128)}
    for layer in range(2):
        for norm in NORMS:
            found[f"model.layers.{layer}.{norm}.weight"] = ("BF16", (64,), 128)
        for name, (outer, inner) in LINEARS.items():
            found |= packed(f"model.layers.{layer}.{name}", outer, inner)
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_packed_weights_are_those_of_the_config_and_all_bytes_are_counted(name: str) -> None:
    packed, quantization = FORMATS[name]
    tensors = tuple(
        Tensor(name=each, dtype=dtype, shape=shape, bytes=size, file="x")
        for each, (dtype, shape, size) in held(packed).items()
    )
    contents = FileContents(where="x", format="safetensors", files=("x",), tensors=tensors, metadata={})
    found = inspect_config(contents, CONFIG | {"quantization_config": quantization}, "x")
    assert found.findings is not None
    assert found.findings.differences == ()
    assert found.contents.bytes == contents.bytes
    assert found.contents.elements == 40 * 64 + 64 + 2 * (2 * 64 + sum(a * b for a, b in LINEARS.values()))
    wrong = inspect_config(contents, CONFIG | {"intermediate_size": 128, "quantization_config": quantization}, "x")
    assert wrong.findings is not None
    assert len(wrong.findings.differences) == 6
