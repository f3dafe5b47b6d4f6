"""Inputs at the edge: no query costs nothing, nothing wraps, and what means nothing is an LlmcmpError."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import DENSE, ENCODER, KINDS, tiny

import llmcmp
from llmcmp import LlmcmpError, Plan
from llmcmp.errors import PresetError, QuantityError
from llmcmp.sources.names import preset_files
from llmcmp.sources.presets import load

LLAMA, MISTRAL, MIXTRAL = load("llama2"), load("mistral-7b"), load("mixtral")


@pytest.mark.parametrize("kind", KINDS)
def test_no_query_costs_nothing(kind: str) -> None:
    for latent in ("absorbed", "expanded"):
        run: dict[str, Any] = {"new": 0, "past": 9, "plan": Plan(latent=latent)}
        assert llmcmp.flops(tiny(KINDS[kind]), **run).total == 0
        assert llmcmp.traffic(tiny(KINDS[kind]), **run).expected_bytes == 0


def test_windows_stay_exact_at_the_largest_sizes_of_a_sweep() -> None:
    most = 2**40
    for model in (MISTRAL, load("llama4-scout")):
        swept = llmcmp.flops(model, new=1, past=np.array([most]))
        point = llmcmp.flops(model, new=1, past=most)
        assert (int(swept.visible[0]), int(swept.full[0])) == (point.visible, point.full)
        assert (
            int(llmcmp.kvcache(model, np.array([most])).bytes_per_token[0])
            == llmcmp.kvcache(model, most).bytes_per_token
        )


def test_a_step_at_the_start_of_a_chunk_reads_no_key_of_the_last() -> None:
    model = tiny(KINDS["chunked"])
    reads = [llmcmp.traffic(model, new=1, past=past).cache_read_bytes for past in range(9)]
    assert reads == [reads[1] * (past % 4) for past in range(9)]


def test_chunked_reads_stay_exact_where_a_larger_past_reads_less() -> None:
    local = tiny(KINDS["chunked"], attention={**DENSE["attention"], "window": 8192, "chunked": True, "kv_heads": 6})
    past, batch = np.array([8191, 8192]), 2**38
    swept = llmcmp.traffic(local, batch, new=1, past=past).cache_read_bytes
    for i, value in enumerate(past.tolist()):
        exact = llmcmp.traffic(local, batch, new=1, past=value).cache_read_bytes
        assert abs(int(swept[i]) - exact) <= exact * 1e-15  # beyond int64: one rounding in 53 bits


def test_chunk_pairs_do_not_cancel_far_into_a_sequence() -> None:
    model = load("llama4-scout")
    for past in (2**40, 2**40 - 1, 10**12 + 7):
        swept = llmcmp.flops(model, 2**20, new=np.array([1000]), past=past).visible
        exact = llmcmp.flops(model, 2**20, new=1000, past=past).visible
        assert abs(int(swept[0]) - exact) <= exact * 1e-15  # float64 where int64 is too small


def test_traffic_executes_the_plan_that_flops_names() -> None:
    model = load("deepseek-v3")
    for new, past in ((300, 3000), (2, 5), (30, 30), (1, 5000)):
        assert llmcmp.traffic(model, new=new, past=past).plan == llmcmp.flops(model, new=new, past=past).plan
    swept = llmcmp.traffic(model, new=np.array([300, 2]), past=np.array([3000, 5]))
    for i, (new, past) in enumerate(((300, 3000), (2, 5))):
        # Expected experts are floats; sums of a dozen of them agree to far better than this.
        assert swept.expected_bytes[i] == pytest.approx(
            llmcmp.traffic(model, new=new, past=past).expected_bytes, rel=1e-12
        )


def test_expanded_keys_and_values_are_read_once_written() -> None:
    model = tiny(KINDS["latent"], stack=[{"layers": 1}])
    few, many = (llmcmp.traffic(model, new=1, past=past, plan=Plan(latent="expanded")) for past in (4, 5))
    latent, heads, key, rotary, value = 9, 3, 5, 2, 4
    products = 2 * latent + heads * (key + value)  # the two expansions read the latent and write keys and values
    read_again = heads * (key + value) + rotary
    assert many.activation_bytes - few.activation_bytes == 2 * (products + read_again)


def test_stacks_that_share_within_themselves_hold_a_set_of_weights_each() -> None:
    one = tiny(ENCODER, stack=[{"layers": 4, "shared": True}])
    two = tiny(ENCODER, stack=[{"layers": 2, "shared": True}, {"layers": 2, "shared": True}])
    block = llmcmp.params(tiny(ENCODER, stack=[{"layers": 1}])).layers[0]
    assert llmcmp.params(two).total - llmcmp.params(one).total == block
    assert llmcmp.flops(two, new=5).total == llmcmp.flops(one, new=5).total


def test_a_shared_norm_stands_before_its_branches_or_is_refused() -> None:
    for placement in ("post", "sandwich", "output", "deep"):
        with pytest.raises(PresetError, match="shared_norm"):
            tiny(norm={"kind": "rms", "placement": placement}, block={"parallel": True, "shared_norm": True})


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    text = preset_files()["llama2-7b"].read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text)
    before = llmcmp.params(load(path)).total
    path.write_text(text.replace("layers = 32", "layers = 16"))
    assert llmcmp.params(load(path)).total < before


def test_a_pickled_model_is_the_model() -> None:
    assert pickle.loads(pickle.dumps(LLAMA)) == LLAMA
    assert "_known_hash" not in pickle.dumps(LLAMA).decode("latin-1")


def test_differences_are_of_values_not_of_their_rounding() -> None:
    table = llmcmp.compare(["llama2", "llama2:vocabulary=32001"], only_diff=True)
    assert {"vocabulary", "parameters", "weight_bytes"} <= {column.key for column in table.columns}


HOSTILE = [
    lambda: llmcmp.flops(LLAMA, new=np.array(5.0)),
    lambda: llmcmp.flops(LLAMA, new=np.array(True)),
    lambda: llmcmp.flops(LLAMA, new=[[1], [2, 3]]),
    lambda: llmcmp.flops(LLAMA, [1, 2], new=[1, 2, 3]),
    lambda: llmcmp.flops(LLAMA, 2**70, new=np.array([0])),
    lambda: llmcmp.flops(MISTRAL, new=np.array([1]), past=2**70),
    lambda: llmcmp.flops(LLAMA, new=np.ma.array([1, 2], mask=[0, 1])),
    lambda: llmcmp.flops(load("t5"), new=1, source_new=np.array([0, 5])),
    lambda: llmcmp.flops(LLAMA, new=1, plan="absorbed"),
    lambda: llmcmp.traffic(LLAMA, new=1, plan=np.array([Plan(), Plan()])),
    lambda: llmcmp.traffic(MIXTRAL, 10**400, new=1),
    lambda: Plan(latent="absorbd"),
    lambda: llmcmp.kvcache(LLAMA, [1, 2], [1, 2, 3]),
    lambda: llmcmp.kvcache(LLAMA, 10, dtype=None),
    lambda: llmcmp.kvcache(LLAMA, 10, dtype=8),
    lambda: llmcmp.params("llama2"),
    lambda: llmcmp.flops(None, new=1),
    lambda: llmcmp.kvcache("llama2", 10),
    lambda: llmcmp.compare([None]),
    lambda: llmcmp.compare([]),
    lambda: llmcmp.compare(None),
    lambda: llmcmp.compare(LLAMA),
    lambda: llmcmp.compare(["t5"], source=np.array([4, 5])),
    lambda: llmcmp.compare(["t5"], source=[4]),
    lambda: llmcmp.compare(["llama2"], baseline=5),
    lambda: llmcmp.flops(LLAMA, new=4, logits=np.array(["all", "last"])),
    lambda: load("llama2-7bé"),
    lambda: load("llama3-8b:kv_heads=4,attention.kv_heads=8"),
    lambda: tiny(name="a\nb"),
    lambda: tiny(attention={**DENSE["attention"], "window": 2**21, "chunked": True}),
    lambda: llmcmp.compare("llama2"),
    lambda: load(None),
    lambda: load(3),
    lambda: load("a" * 5000 + ".toml"),
    lambda: load("a" * 5000),
    lambda: load("llama2:kv_heads=8\nx=1"),
    lambda: load("llama2:layers=3,layers=4"),
    lambda: tiny(attention={**DENSE["attention"], "kind": ["x"]}),
    lambda: tiny(attention={**DENSE["attention"], "soft_cap": float("nan")}),
    lambda: tiny(position={"kind": "rotary", "axes": True}),
    lambda: tiny(position={"kind": "rotary", "theta": float("inf")}),
    lambda: tiny(attention={**DENSE["attention"], "bias": ["query", "query"]}),
    lambda: tiny(stack=[{"layers": 1, "blocks": [{}, {}]}]),
    lambda: tiny(stack=[{"layers": 10**7}]),
]


@pytest.mark.parametrize("call", range(len(HOSTILE)))
def test_what_means_nothing_is_an_error_of_ours(call: int) -> None:
    with pytest.raises(LlmcmpError) as caught:
        HOSTILE[call]()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1500


@pytest.mark.parametrize("content", ["x = " + "9" * 5000, "x = " + "[" * 100_000, "[embedding]\nvocabulary = nan"])
def test_absurd_files_are_refused_in_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(content)
    with pytest.raises(PresetError):
        load(tmp_path / "bad.toml")


def test_lengths_in_overrides_may_end_in_k() -> None:
    assert load("mistral-7b:window=8k,context=64k").card.context == 65536
    with pytest.raises(QuantityError):
        load("mistral-7b:window=xk")
