"""The tensors of transformers' classes, as files call them, are those of the Model that their config gives."""

from __future__ import annotations

from typing import Any

import pytest

from llmcmp.sources.huggingface.checkpoint_names import names_of
from llmcmp.sources.weights.contents import FileContents, Tensor
from llmcmp.sources.weights.inspection import Inspection, inspect_config

from .configs import CAUSAL, reference

transformers = pytest.importorskip("transformers")

NAMED = [name for name, cls in CAUSAL.items() if names_of(cls) is not None]
SEEDS = (None, 0, 1)
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


def inspected(model_type: str, seed: int | None) -> Inspection | None:
    """A class's tensors against its config; None where transformers cannot build the class of such a config."""
    made = reference(model_type, seed)
    if isinstance(made, str):
        return None
    config, model = made
    return inspect_config(contents(model), config | {"architectures": [type(model).__name__]}, "made")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("model_type", QUICK)
def test_every_tensor_of_a_class_has_its_place_in_the_model_of_its_config(model_type: str, seed: int | None) -> None:
    inspection = inspected(model_type, seed)
    assert inspection is not None
    assert inspection.findings is not None, inspection.remark
    assert inspection.findings.matched
    assert inspection.findings.differences == ()


# What is not compared: transformers fails to build a class of its default config, or of those sizes ...
UNBUILT = {
    None: {"dots1", "hunyuan_v1_dense", "llama4", "ministral", "nemotron"},
    0: {"internlm3", "llama4"},
    1: {"internlm3", "llama4"},
}
# ... or llmcmp refuses the config, by the name of a key with which the class has other parts or cannot run.
REFUSED = {
    None: {"deepseek_v2": "num_experts_per_tok"},
    0: {"deepseek_v2": "mlp_bias", "helium": "head_dim"},
    1: {
        "deepseek_v2": "mlp_bias",
        "helium": "head_dim",
        "mimo_v2_flash": "num_key_value_heads",
        "smollm3": "use_sliding_window",
    },
}


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_every_class_whose_tensors_have_names_here_is_compared_but_for_those_that_cannot_be(seed: int | None) -> None:
    found = {model_type: inspected(model_type, seed) for model_type in NAMED}
    assert {name for name, inspection in found.items() if inspection is None} == UNBUILT[seed]
    made = {name: inspection for name, inspection in found.items() if inspection is not None}
    remarks = {name: each.remark for name, each in made.items() if each.findings is None}
    assert remarks.keys() == REFUSED[seed].keys()
    assert all(REFUSED[seed][name] in remark for name, remark in remarks.items())
    findings = {name: each.findings for name, each in made.items() if each.findings is not None}
    assert {name: each.differences for name, each in findings.items() if each.differences} == {}
    assert all(each.matched for each in findings.values())
    assert len(findings) >= 65


@pytest.mark.parametrize("model_type", QUICK)
def test_a_tensor_that_is_left_out_is_missed(model_type: str) -> None:
    config, model = reference(model_type, 0)
    name = [name for name in model.state_dict() if ".1." in name][-1]
    left = inspect_config(contents(model, without=name), config | {"architectures": [type(model).__name__]}, "made")
    assert left.findings is not None
    assert [each.held for each in left.findings.differences] == ["no such tensor"] * len(left.findings.differences)
    assert left.findings.differences
