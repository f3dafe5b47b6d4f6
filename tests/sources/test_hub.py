"""Models of the Hub, from a Hub on this machine: configs whole, weights by their headers, every failure one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("huggingface_hub")

from hub_server import SHA, HubServer
from huggingface_hub import constants
from program import called

import llmcmp
from llmcmp.errors import HubError, UnknownModelError, WeightFileError
from llmcmp.sources import hub
from llmcmp.sources.weights import remote
from llmcmp.sources.weights.inspection import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = {
    "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "vocab_size": 77, "hidden_size": 24,
    "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}  # fmt: skip
SHAPES = {
    "model.embed_tokens.weight": [77, 24], "model.norm.weight": [24],
    "model.layers.0.input_layernorm.weight": [24], "model.layers.0.post_attention_layernorm.weight": [24],
    "model.layers.0.self_attn.q_proj.weight": [24, 24], "model.layers.0.self_attn.q_proj.bias": [24],
    "model.layers.0.self_attn.k_proj.weight": [12, 24], "model.layers.0.self_attn.k_proj.bias": [12],
    "model.layers.0.self_attn.v_proj.weight": [12, 24], "model.layers.0.self_attn.v_proj.bias": [12],
    "model.layers.0.self_attn.o_proj.weight": [24, 24], "model.layers.0.mlp.gate_proj.weight": [40, 24],
    "model.layers.0.mlp.up_proj.weight": [40, 24], "model.layers.0.mlp.down_proj.weight": [24, 40],
}  # fmt: skip


def weights(shapes: dict[str, list[int]], *, padding: int = 0) -> bytes:
    """A safetensors file of zeros, and of one more tensor of so many bytes."""
    header, end = dict[str, Any](), 0
    for name, shape in [*shapes.items(), *([("visual.padding", [padding])] if padding else [])]:
        size = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", made.url)
        template = f"{made.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(remote, "PAUSES", (0.0,))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        made.repos["org/tiny"] = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": weights(SHAPES)}
        yield made
        made.shutdown()


def test_an_id_is_the_model_of_its_config_and_no_weights_are_fetched(server: HubServer) -> None:
    model = llmcmp.load("org/tiny")
    assert model.name == "tiny"
    assert llmcmp.params(model).total == sum(a * (b or [1])[0] for a, *b in SHAPES.values())
    assert model.card.sources[0].url == f"{server.url}/org/tiny/tree/{SHA}"
    assert not [path for _, path, _ in server.asked if "safetensors" in path]
    assert server.tokens == {"Bearer hf_secret"}
    assert llmcmp.params(llmcmp.load("hf:org/tiny@main:layers=3")).layers[0] == llmcmp.params(model).layers[0]


def test_a_config_is_fetched_once_and_is_there_offline(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = llmcmp.load("org/tiny")
    before = server.sent
    llmcmp.load("org/tiny")
    assert server.sent - before < len(server.repos["org/tiny"]["config.json"]) + 600  # the listing alone
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(server.asked)
    assert llmcmp.load("org/tiny").towers == first.towers
    assert len(server.asked) == asked
    for name in ("org/other", "org/tiny@v2"):
        with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
            llmcmp.load(name)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        inspect("org/tiny")


def test_headers_are_read_by_ranges_and_held_to_the_config(server: HubServer) -> None:
    large = weights(SHAPES, padding=3 * 2**20)
    server.repos["org/tiny"]["model.safetensors"] = large
    found = inspect("org/tiny")
    assert found.findings is not None
    assert found.findings.differences == ()
    assert found.contents.bytes == len(large) - 8 - int.from_bytes(large[:8], "little")
    assert server.sent < 2**18
    server.repos["org/tiny"]["config.json"] = json.dumps(CONFIG | {"intermediate_size": 48}).encode()
    server.repos["org/wide"] = server.repos["org/tiny"]
    answer = called("inspect", "org/wide", "--json")
    assert answer.code == 1
    assert json.loads(answer.output)["settings"]["differences"] == 3


def test_shards_are_read_by_their_index(server: HubServer) -> None:
    names = list(SHAPES)
    halves = [{name: SHAPES[name] for name in names[start::2]} for start in range(2)]
    index = {name: f"{number}.safetensors" for number, half in enumerate(halves) for name in half}
    server.repos["org/shards"] = {
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors.index.json": json.dumps({"weight_map": index}).encode(),
        **{f"{number}.safetensors": weights(half) for number, half in enumerate(halves)},
    }
    found = inspect("org/shards")
    assert found.contents.files == ("0.safetensors", "1.safetensors")
    assert found.findings is not None
    assert found.findings.differences == ()


@pytest.mark.parametrize("faults", [[500], [503, 429], ["cut"], ["cut", 502, "cut"]])
def test_what_fails_now_and_then_is_asked_for_again(faults: list[Any], server: HubServer) -> None:
    server.repos["org/alone"] = {"model.safetensors": weights(SHAPES)}
    server.faults = list(faults)
    assert len(inspect("org/alone").contents.tensors) == len(SHAPES)
    assert server.faults == []


def test_what_fails_every_time_is_an_error(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.repos["org/alone"] = {"model.safetensors": weights(SHAPES)}
    for faults, why in (([500] * 4, "answered 500"), (["cut"] * 4, "cannot be read: "), ([404], "cannot be read|no")):
        server.faults = list(faults)
        with pytest.raises(HubError, match=why):
            inspect("org/alone")
    monkeypatch.setattr(remote, "TIMEOUT", 0.2)
    server.faults = ["slow"] * 4
    with pytest.raises(HubError, match=r"ReadTimeout \(4 attempts\)"):
        inspect("org/alone")


def test_a_server_without_ranges_is_not_let_send_the_whole_file(server: HubServer) -> None:
    server.repos["org/alone"] = {"model.safetensors": weights(SHAPES, padding=50 * 2**20)}
    server.faults = ["whole"]
    with pytest.raises(WeightFileError, match="sends no ranges"):
        inspect("org/alone")


def test_missing_gated_and_renamed_repositories_each_say_so(server: HubServer) -> None:
    server.repos["org/gated"], server.renamed["old/tiny"] = server.repos["org/tiny"], "org/tiny"
    server.repos["org/empty"] = {"README.md": b""}
    server.repos["org/several"] = {"a.gguf": b"", "b.gguf": b""}
    server.gated = {"org/gated"}
    for name, why in (
        ("org/none", "is no repository of the Hub, or a private one"),
        ("org/tiny@v2", "has no revision v2"),
        ("org/gated", r"is gated: accept its terms on http.*/org/gated, then run hf auth login"),
        ("org/empty", "holds no config.json and no GGUF"),
        ("org/several", "holds 2 GGUF files; name one, as in org/several/a.gguf"),
        ("org/several/c.gguf", "has no file c.gguf; it has: a.gguf, b.gguf"),
    ):
        with pytest.raises(HubError, match=why) as caught:
            llmcmp.load(name)
        assert "\n" not in str(caught.value)
    assert llmcmp.load("old/tiny").card.notes[-1] == "The Hub has renamed old/tiny to org/tiny."


def test_a_config_of_two_gigabytes_is_not_fetched(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.repos["org/huge"] = {"config.json": bytes(5 * 2**20)}
    with pytest.raises(HubError, match="larger than 4 MiB"):
        llmcmp.load("org/huge")
    assert server.sent < 2000


def test_a_hub_out_of_reach_is_an_error(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="out of reach"):
        llmcmp.load("org/tiny")


def test_a_preset_comes_before_the_hub_unless_the_hub_is_asked(server: HubServer) -> None:
    assert llmcmp.load("meta-llama/Llama-2-7b-hf").name == "llama2-7b"
    assert server.asked == []
    with pytest.raises(HubError, match="no repository"):
        llmcmp.load("hf:meta-llama/Llama-2-7b-hf")


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubError, match=r"pip install 'llmcmp\[hub\]'"):
        llmcmp.load("org/tiny")


@pytest.mark.parametrize("text", ["tiny", "a/b/c", "../x", "org/", "/x", "org/x@", "hf:org", "./org", "org/x y"])
def test_what_is_no_id_is_not_asked_for(text: str) -> None:
    assert not hub.is_id(text)
    with pytest.raises((UnknownModelError, HubError)):
        llmcmp.load(text)


def test_the_endpoint_and_the_cache_are_those_of_the_environment(server: HubServer, tmp_path: Path) -> None:
    places = {"HF_ENDPOINT": server.url, "HF_HUB_CACHE": str(tmp_path / "other"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "llmcmp", "params", "org/tiny", "--json"]
    run = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["rows"][0]["model"] == "tiny"
    assert list((tmp_path / "other").rglob("config.json"))
