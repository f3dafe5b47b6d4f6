"""The inverse of a cache: what is answered fits, and one more does not."""

from __future__ import annotations

import pytest
from tiny import KINDS, MIXERS, tiny

import llmcmp
from llmcmp.errors import QuantityError
from llmcmp.folds.budget import MOST, longest_context, most_sequences
from llmcmp.folds.engines.policy import EngineError

GIB = 2**30
MODELS = ["llama3-8b", "gemma3-4b", "deepseek-v3", "qwen3-next-80b-a3b", "t5-large"]
DTYPES = [("bf16", None), ("q8_0", "q4_0"), ("int4-g64", None)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("dtype", "values"), DTYPES)
@pytest.mark.parametrize("batch", [1, 7])
def test_the_longest_context_fits_and_one_more_token_does_not(
    name: str, dtype: str, values: str | None, batch: int
) -> None:
    model, budget = llmcmp.load(name), 24 * GIB
    most = longest_context(model, budget, batch, dtype=dtype, value_dtype=values)
    assert most is not None and most > 0
    sizes = [llmcmp.kvcache(model, ctx, batch, dtype=dtype, value_dtype=values).bytes for ctx in (most, most + 1)]
    assert sizes[0] <= budget < sizes[1]


@pytest.mark.parametrize("engine", ["transformers", "vllm", "llama.cpp"])
@pytest.mark.parametrize("name", MODELS)
def test_so_it_is_as_engines_keep_it(name: str, engine: str) -> None:
    model, budget = llmcmp.load(name), 24 * GIB
    try:
        most = longest_context(model, budget, engine=engine)
        sequences = most_sequences(model, budget, 5000, engine=engine)
    except EngineError:
        assert name == "t5-large" and engine != "transformers"
        return
    assert most is not None and sequences is not None
    sizes = [llmcmp.kvcache(model, ctx, engine=engine).bytes for ctx in (most, most + 1)]
    assert sizes[0] <= budget < sizes[1]
    assert llmcmp.kvcache(model, 5000, sequences, engine=engine).bytes <= budget
    if not (engine == "llama.cpp" and sequences == 256):
        assert llmcmp.kvcache(model, 5000, sequences + 1, engine=engine).bytes > budget


@pytest.mark.parametrize("name", MODELS)
def test_the_most_sequences_are_the_budget_over_one(name: str) -> None:
    model, budget = llmcmp.load(name), 11 * GIB
    assert most_sequences(model, budget, 4096) == budget // llmcmp.kvcache(model, 4096).bytes


def test_the_last_byte_counts() -> None:
    model = llmcmp.load("llama2-7b")
    assert [longest_context(model, 2 * GIB + extra) for extra in (-1, 0, 524287, 524288)] == [4095, 4096, 4096, 4097]


@pytest.mark.parametrize("kind", ["windowed", *MIXERS])
def test_a_cache_that_stops_growing_holds_any_context_or_none(kind: str) -> None:
    model = tiny(KINDS[kind])
    ceiling = llmcmp.kvcache(model, MOST).bytes
    assert longest_context(model, ceiling) is None
    below = longest_context(model, ceiling - 1)
    assert below == (4 if kind == "windowed" else 0)


def test_an_encoder_holds_any_number_and_nothing_needs_a_negative_budget() -> None:
    encoder = llmcmp.load("bert-base")
    assert longest_context(encoder, 0) is None and most_sequences(encoder, 0, 512) is None
    with pytest.raises(QuantityError, match="negative"):
        longest_context(encoder, -1)
