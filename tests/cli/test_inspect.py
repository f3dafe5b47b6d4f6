"""`inspect`: totals by dtype, each tensor, each difference, and the exit code that says whether there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from program import called

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {"backbone.embeddings.weight": [7, 4], "backbone.norm_f.weight": [4]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tensors of bf16, as a file of safetensors."""
    header, end = {}, 0
    for name, shape in TABLES.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return tmp_path


def test_without_a_config_tensors_are_counted_and_no_model_is_made_of_them(folder: Path) -> None:
    answer = called("inspect", str(folder), "--json")
    assert answer.code == 0
    document = json.loads(answer.output)
    assert document["settings"]["verdict"] == "not compared"
    assert document["rows"][-1] == {"what": "in all", "tensors": 2, "parameters": 32, "bytes": 64, "bits": 16.0}
    assert "names tensors and no architecture" in called("inspect", str(folder)).errors
    refused = called("params", str(folder / "model.safetensors"))
    assert refused.code == 1
    assert "no model can be known from it" in refused.errors


def test_a_difference_is_a_line_and_exit_code_1(folder: Path) -> None:
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 7, "hidden_size": 4,
              "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 3}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    answer = called("inspect", str(folder), "--json")
    assert answer.code == 1
    rows = json.loads(answer.output)["rows"]
    assert {"tensor": "backbone.norm_f.weight", "ours": "—", "config": "no such tensor", "file": "4"} in rows
    assert {"tensor": "norm.weight", "ours": "norm.weight", "config": "4", "file": "no such tensor"} in rows
    each = called("inspect", str(folder), "--tensors")
    assert each.code == 1
    assert "differs: config says 4, file holds no such tensor" in each.output


def test_what_is_not_there_is_an_error_of_one_line() -> None:
    for source in ("none.safetensors", "none.gguf", "none"):
        answer = called("inspect", source)
        assert answer.code == 1
        assert answer.errors.startswith("error: ")
