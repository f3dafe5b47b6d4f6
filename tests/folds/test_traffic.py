"""Bytes moved: weights once, the cache that a step attends, and an expectation where experts are drawn."""

import numpy as np
import pytest
from tiny import DENSE, ENCODER_DECODER, KINDS, MIXERS, tiny

import llmcmp
from llmcmp.folds.traffic import traffic


def test_a_decode_step_reads_every_matrix_once() -> None:
    model = llmcmp.load("llama2-7b")
    moved = traffic(model, new=1, past=100)
    matrices = llmcmp.params(model).non_embedding - (2 * 32 + 1) * 4096
    one_row = 4096  # of the embedding
    assert moved.expected_weight_bytes == 2 * (matrices + 32000 * 4096 + one_row)


def test_a_larger_batch_reads_the_same_dense_weights() -> None:
    model = tiny()
    one, many = (traffic(model, batch, new=1, past=10) for batch in (1, 50))
    rows = 2 * 24  # bytes of one more row of the embedding
    assert many.expected_weight_bytes - one.expected_weight_bytes == 49 * rows
    assert many.cache_read_bytes == 50 * one.cache_read_bytes


@pytest.mark.parametrize("kind", ["dense", "windowed", "mixture", "latent", "prefix", *MIXERS, "hybrid"])
def test_a_decode_step_reads_the_cache_that_was_kept(kind: str) -> None:
    model = tiny(KINDS[kind])
    for past in (3, 4, 20) if kind in MIXERS or kind == "hybrid" else (1, 3, 4, 20):  # a tail of 3 has to fill first
        seen = past if kind != "windowed" else min(past, 4)  # of a window of 5, the fifth is the token itself
        assert traffic(model, new=1, past=past).cache_read_bytes == llmcmp.kvcache(model, ctx=seen).bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_prefill_writes_the_cache_that_is_kept(kind: str) -> None:
    model = tiny(KINDS[kind])
    for new in (4, 20) if kind in MIXERS or kind == "hybrid" else (1, 4, 20):
        assert traffic(model, new=new).cache_write_bytes == llmcmp.kvcache(model, ctx=new).bytes


@pytest.mark.parametrize("kind", MIXERS)
def test_a_recurrence_reads_and_writes_its_state_once_a_run(kind: str) -> None:
    model = tiny(KINDS[kind])
    step, chunk, start = (traffic(model, 2, new=new, past=past) for new, past in ((1, 9), (8, 9), (8, 0)))
    kept = llmcmp.kvcache(model, ctx=9, batch=2)
    assert step.cache_read_bytes == chunk.cache_read_bytes == chunk.cache_write_bytes == kept.bytes
    assert start.cache_read_bytes == 0
    tail = kept.components["convolution tail"]
    assert step.cache_write_bytes == kept.bytes - tail + tail // (MIXERS[kind]["kernel"] - 1)


def test_an_encoder_is_not_read_in_a_decode_step() -> None:
    model = tiny(ENCODER_DECODER)
    both = traffic(model, new=1, source_new=5).expected_weight_bytes
    decode = traffic(model, new=1, source_past=5).expected_weight_bytes
    assert 0 < decode < both


def test_experts_read_are_an_expectation_between_one_token_and_all() -> None:
    model = tiny(KINDS["mixture"])
    reads = [float(traffic(model, batch, new=1).expected_weight_bytes) for batch in (1, 2, 1000)]
    expert = 3 * 24 * 11 * 2 * 3  # bytes of one expert in three layers
    assert reads[1] - reads[0] == pytest.approx(expert * (5 * (1 - 0.6**2) - 2) + 2 * 24)  # expectation, hence floats
    assert reads[2] - reads[0] == pytest.approx(expert * 3 + 999 * 2 * 24)


def test_dtypes_scale_only_what_they_hold() -> None:
    base = traffic(tiny(), new=3, past=5)
    half = traffic(tiny(), new=3, past=5, weights="fp8")
    assert half.expected_weight_bytes * 2 == base.expected_weight_bytes
    assert (half.activation_bytes, half.cache_read_bytes) == (base.activation_bytes, base.cache_read_bytes)
    assert traffic(tiny(), new=3, past=5, cache="fp32").cache_read_bytes == 2 * base.cache_read_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_sweeps_equal_scalars(kind: str) -> None:
    model, past = tiny(KINDS[kind]), np.array([0, 1, 4, 5, 30])
    swept = traffic(model, 3, new=2, past=past)
    for i, value in enumerate(past.tolist()):
        point = traffic(model, 3, new=2, past=value)
        assert np.broadcast_to(swept.expected_bytes, past.shape)[i] == pytest.approx(point.expected_bytes)
        assert np.broadcast_to(swept.cache_read_bytes, past.shape)[i] == point.cache_read_bytes


def test_training_moves_gradients_too() -> None:
    model = tiny(DENSE)
    forward, training = traffic(model, new=5), traffic(model, new=5, training=True)
    looked_up = 2 * 5 * 24  # a looked-up row is read once and its gradient written once; a matrix moves three times
    assert training.expected_weight_bytes == 3 * forward.expected_weight_bytes - looked_up
    assert training.cache_write_bytes == forward.cache_write_bytes


@pytest.mark.parametrize("name", ["llama3-8b", "deepseek-v3", "jamba-v0.1", "t5-large"])
def test_a_cache_in_blocks_is_read_at_the_bytes_that_are_kept(name: str) -> None:
    model = llmcmp.load(name)
    source = 9 if name == "t5-large" else 0
    read = traffic(model, 3, new=1, past=40, source_past=source, cache="q8_0")
    kept = llmcmp.kvcache(model, 40, 3, source=source or None, dtype="q8_0")
    assert read.cache_read_bytes == kept.bytes


def test_rows_that_end_within_a_block_are_refused() -> None:
    with pytest.raises(llmcmp.errors.QuantityError, match="fills no whole blocks of q8_0"):
        traffic(tiny(DENSE), new=5, cache="q8_0")
