"""Caches: exact, capped at windows, marginal bytes that sum up, sweeps that answer as scalars do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny import ENCODER, ENCODER_DECODER, KINDS, MIXERS, disclosed, tiny

import llmcmp
from llmcmp.errors import QuantityError, UndisclosedError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.states import kept

# name, context, elements: layers x what a layer keeps, from each model's published shape.
FACTS = [
    ("llama2-7b", 4096, 32 * 2 * 32 * 128 * 4096),
    ("llama2-70b", 4096, 80 * 2 * 8 * 128 * 4096),
    ("deepseek-v3", 131072, 61 * (512 + 64) * 131072),
    ("deepseek-v2-lite", 1000, 27 * (512 + 64) * 1000),
    ("mistral-7b", 32768, 32 * 2 * 8 * 128 * 4096),
    ("gemma3-27b", 131072, 2 * 16 * 128 * (52 * 1024 + 10 * 131072)),
    ("gemma2-9b", 8192, 2 * 8 * 256 * (21 * 4096 + 21 * 8192)),
    ("gpt-oss-120b", 131072, 2 * 8 * 64 * (18 * 128 + 18 * 131072)),
    ("llama4-scout", 131072, 2 * 8 * 128 * (36 * 8192 + 12 * 131072)),
    ("falcon-7b", 2048, 32 * 2 * 64 * 2048),
    ("palm-540b", 2048, 118 * 2 * 256 * 2048),
    ("chatglm3-6b", 8192, 28 * 2 * 2 * 128 * 8192),
    ("transformer-xl", 5000, 18 * 1024 * 1600),
    ("jamba-v0.1", 262144, 4 * 2 * 8 * 128 * 262144 + 28 * 8192 * (16 + 3)),
    ("bert-base", 512, 0),
    ("albert-xxlarge", 512, 0),
]


@pytest.mark.parametrize(("name", "context", "elements"), FACTS)
def test_presets_keep_what_their_shapes_say(name: str, context: int, elements: int) -> None:
    cache = kvcache(llmcmp.load(name), ctx=context)
    assert cache.elements == elements
    in_fp32 = cache.components.get("recurrent state", 0) // 4
    assert cache.bytes == 2 * elements + 2 * in_fp32


def test_latent_attention_is_not_costed_as_full_heads() -> None:
    per_token = kvcache(llmcmp.load("deepseek-v3"), ctx=1).bytes
    assert per_token == 70_272  # 61 x 576 x 2 bytes; as full heads it would be 25 times as much
    assert kvcache(llmcmp.load("deepseek-v3"), ctx=7).bytes_per_token == per_token


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["bf16", "fp8", "int4", "int3"])
def test_marginal_bytes_sum_to_the_cache(kind: str, dtype: str) -> None:
    model = tiny(KINDS[kind])
    start = kvcache(model, ctx=0, dtype=dtype).bytes_per_sequence  # of recurrences, which begin with a state of zeros
    steps = [kvcache(model, ctx=ctx, dtype=dtype).bytes_per_token for ctx in range(15)]
    for ctx in range(15):
        assert start + sum(steps[:ctx]) == kvcache(model, ctx=ctx, dtype=dtype).bytes_per_sequence
    assert (start > 0) == (kind in MIXERS or kind == "hybrid")


@pytest.mark.parametrize("kind", KINDS)
def test_marginal_bytes_sum_to_the_cache_in_formats_with_scales(kind: str) -> None:
    model = tiny(KINDS[kind])
    told = {"dtype": "q8_0", "value_dtype": "int4-g3z"}
    start = kvcache(model, ctx=0, **told).bytes_per_sequence
    steps = [kvcache(model, ctx=ctx, **told).bytes_per_token for ctx in range(12)]
    assert start + sum(steps) == kvcache(model, ctx=12, **told).bytes_per_sequence


def test_keys_and_values_have_formats_of_their_own() -> None:
    model = llmcmp.load("llama3-8b")  # 32 layers, 8 KV heads of 128: rows of 1,024, 32 blocks of 32
    sizes = {
        (keys, values): kvcache(model, 5, dtype=keys, value_dtype=values).bytes
        for keys in ("bf16", "q8_0", "q4_0")
        for values in ("bf16", "q8_0", "q4_0")
    }
    row = {"bf16": 2048, "q8_0": 32 * 34, "q4_0": 32 * 18}
    assert sizes == {(keys, values): 5 * 32 * (row[keys] + row[values]) for keys, values in sizes}
    latent = llmcmp.load("deepseek-v3")
    assert kvcache(latent, 5, dtype="q8_0", value_dtype="bf16").bytes == 5 * 61 * 18 * 34  # a latent is all keys


def test_every_state_of_values_says_how_many_of_it_are_values() -> None:
    for model in disclosed():
        for use, state in kept(model):
            assert 2 * state.values == (state.width if "values" in state.name else 0), (model.name, use.path)
            assert state.width % state.heads == 0 == state.values % state.heads
            assert (state.heads > 1) <= (state.values > 0)


def test_a_full_window_costs_nothing_more() -> None:
    model = tiny(KINDS["windowed"])
    assert kvcache(model, ctx=4).bytes_per_token > 0
    assert kvcache(model, ctx=5).bytes_per_token == 0
    assert kvcache(model, ctx=500).bytes == kvcache(model, ctx=5).bytes


def test_an_encoder_decoder_keeps_its_own_tokens_and_its_source() -> None:
    model = tiny(ENCODER_DECODER)
    per_layer = 2 * 3 * 5
    cache = kvcache(model, ctx=7, source=11)
    assert cache.elements == 3 * per_layer * (7 + 11)
    assert cache.bytes_per_token == 3 * per_layer * 2
    assert kvcache(model, ctx=7).source == 7
    assert set(cache.components) == {"keys and values", "cross keys and values"}


def test_an_encoder_keeps_nothing() -> None:
    cache = kvcache(tiny(ENCODER), ctx=7, batch=3)
    assert (cache.elements, cache.bytes, cache.bytes_per_token) == (0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_keeps_as_many_caches(kind: str) -> None:
    one, five = (kvcache(tiny(KINDS[kind]), ctx=13, batch=batch) for batch in (1, 5))
    assert five.bytes == 5 * one.bytes == 5 * one.bytes_per_sequence
    assert five.bytes_per_token == one.bytes_per_token
    assert sum(five.components.values()) == five.bytes


@pytest.mark.parametrize("kind", KINDS)
def test_sweeps_equal_scalars_point_by_point(kind: str) -> None:
    model = tiny(KINDS[kind])
    ctx, batch = np.meshgrid(np.arange(0, 40, 3), np.arange(1, 9))
    swept = kvcache(model, ctx, batch, dtype="int3")
    for index in np.ndindex(ctx.shape):
        point = kvcache(model, int(ctx[index]), int(batch[index]), dtype="int3")
        assert (swept.elements[index], swept.bytes[index]) == (point.elements, point.bytes)
        assert np.broadcast_to(swept.bytes_per_token, ctx.shape)[index] == point.bytes_per_token


def test_marginal_bytes_stay_exact_where_the_batch_outgrows_64_bits() -> None:
    model, ctx = llmcmp.load("gpt3-175b"), np.array([10**6, 2 * 10**6])
    cache = kvcache(model, ctx, batch=10**9)
    assert cache.bytes.dtype == np.float64
    assert cache.bytes_per_token.tolist() == [kvcache(model, 10**6).bytes_per_token] * 2
    for i in range(2):
        exact = kvcache(model, int(ctx[i]), batch=10**9).bytes
        assert exact > 2**63 or i == 0
        assert abs(int(cache.bytes[i]) - exact) <= exact * 1e-15  # one rounding of a product in 53 bits


@pytest.mark.parametrize("kind", MIXERS)
def test_a_recurrence_keeps_the_same_at_any_context(kind: str) -> None:
    caches = [kvcache(tiny(KINDS[kind]), ctx=ctx) for ctx in (0, 1, 7, 10**6)]
    assert len({(cache.elements, cache.bytes) for cache in caches}) == 1
    assert {cache.bytes_per_token for cache in caches} == {0}


@pytest.mark.parametrize(
    ("kind", "state", "tail"),
    [
        ("mamba", 30 * 5, 30 * 3),
        ("mamba-2", 6 * 7 * 5, (6 * 5 + 2 * 2 * 7) * 2),
        ("delta", 6 * 5 * 7, (2 * 2 * 5 + 6 * 7) * 3),
    ],
)
def test_the_state_is_in_fp32_and_the_tail_in_the_dtype_of_the_cache(kind: str, state: int, tail: int) -> None:
    layers, model = 3, tiny(KINDS[kind])
    for dtype, bits in (("bf16", 16), ("fp8", 8), ("fp32", 32)):
        cache = kvcache(model, ctx=9, batch=2, dtype=dtype)
        assert cache.elements == 2 * layers * (state + tail)
        assert cache.components == {
            "recurrent state": 2 * layers * state * 4,
            "convolution tail": 2 * layers * tail * bits // 8,
        }


def test_an_odd_number_of_small_elements_fills_whole_bytes() -> None:
    model = tiny(attention={"kind": "multi-head", "heads": 1, "kv_heads": 1, "head_dim": 5}, stack=[{"layers": 1}])
    assert kvcache(model, ctx=1, dtype="int3").bytes == 4  # 10 elements of 3 bits


@pytest.mark.parametrize(
    "wrong",
    [
        {"ctx": -1},
        {"ctx": 1.5},
        {"ctx": 3, "batch": 0},
        {"ctx": 3, "dtype": "x"},
        {"ctx": 3, "engine": "x"},
        {"ctx": 3, "source": 3},
    ],
)
def test_bad_quantities_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuantityError):
        kvcache(tiny(), **wrong)


def test_an_undisclosed_model_is_refused() -> None:
    with pytest.raises(UndisclosedError):
        kvcache(llmcmp.load("baichuan3"), ctx=10)
