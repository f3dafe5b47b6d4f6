"""The tensors of transformers' classes, as files call them, are those of the Model that their config gives."""

from __future__ import annotations

from typing import Any

import pytest

from llmcmp.errors import LlmcmpError
from llmcmp.sources.huggingface.checkpoint_names import names_of
from llmcmp.sources.weights.contents import FileContents, Tensor
from llmcmp.sources.weights.inspection import inspect_config

from .configs import CAUSAL, reference

transformers = pytest.importorskip("transformers")

NAMED = [name for name, cls in CAUSAL.items() if names_of(cls) is not None]
QUICK = ("llama", "gpt2", "falcon", "cohere", "qwen3_moe", "deepseek_v3", "gpt_oss", "mamba2", "gemma3_text", "phi3")


def contents(model: Any, *, without: str = "") -> FileContents:
    """What a file of the model's tensors says: tied ones once."""
    seen: set[int] = set()
    tensors: list[Tensor] = []
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen and name != without:
            seen.add(id(tensor))
            size = tensor.numel() * tensor.element_size()
            tensors.append(Tensor(name=name, shape=tuple(tensor.shape), dtype="F32", bytes=size, file="model"))
    return FileContents(where="model", format="safetensors", files=("model",), tensors=tuple(tensors), metadata={})


def found(model_type: str, seed: int | None) -> Any:
    made = reference(model_type, seed)
    if isinstance(made, str):
        pytest.skip(made)
    config, model = made
    return inspect_config(contents(model), config | {"architectures": [type(model).__name__]}, "made"), made


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("model_type", [pytest.param(n, marks=() if n in QUICK else pytest.mark.full) for n in NAMED])
def test_every_tensor_of_a_class_has_its_place_in_the_model_of_its_config(model_type: str, seed: int | None) -> None:
    try:
        inspection, _ = found(model_type, seed)
    except LlmcmpError as error:
        pytest.skip(str(error))
    if inspection.model is None:
        pytest.skip(inspection.remark)
    assert inspection.findings.differences == ()
    assert inspection.findings.matched


@pytest.mark.parametrize("model_type", QUICK)
def test_a_tensor_that_is_left_out_is_missed(model_type: str) -> None:
    _, (config, model) = found(model_type, 0)
    name = [name for name in model.state_dict() if ".1." in name][-1]
    left = inspect_config(contents(model, without=name), config | {"architectures": [type(model).__name__]}, "made")
    assert left.findings is not None
    assert [each.held for each in left.findings.differences] == ["no such tensor"] * len(left.findings.differences)
    assert left.findings.differences
