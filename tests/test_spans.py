"""Pair counts: the closed forms equal a mask counted cell by cell."""

import numpy as np
import pytest

from llmcmp.errors import ModelError
from llmcmp.spans import Span

SPANS = [Span(), Span(direction="bidirectional"), Span(direction="prefix")]
SPANS += [Span(window=window, chunked=chunked) for window in (1, 2, 3, 5, 12) for chunked in (False, True)]


def _sees(span: Span, query: int, key: int, prefix: int, length: int) -> bool:
    """Whether the query at one position sees the key at another, by definition."""
    if key >= length:
        return False
    if span.direction == "bidirectional" or (span.direction == "prefix" and query < prefix and key < prefix):
        return True
    if key > query:
        return False
    if span.window is None:
        return True
    return key // span.window == query // span.window if span.chunked else query - key < span.window


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_visible_pairs_equal_the_mask_counted_cell_by_cell(span: Span) -> None:
    for past in range(9):
        for new in range(13):
            length = past + new
            for prefix in {0, min(past, 2), past, length if past == 0 else past}:
                if span.direction != "prefix" and prefix:
                    continue
                counted = sum(
                    _sees(span, query, key, prefix, length) for query in range(past, length) for key in range(length)
                )
                assert span.visible_pairs(new, past, prefix) == counted, (past, new, prefix)


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_arrays_of_sizes_give_the_scalar_answers(span: Span) -> None:
    new, past = (axis.ravel() for axis in np.meshgrid(np.arange(13), np.arange(13)))
    pairs = list(zip(new.tolist(), past.tolist(), strict=True))
    for count in (span.full_pairs, span.visible_pairs):
        assert count(new, past).tolist() == [count(n, p) for n, p in pairs]
    assert span.kept(past).tolist() == [span.kept(p) for _, p in pairs]


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_no_mask_lets_through_more_than_a_dense_kernel_computes(span: Span) -> None:
    for past in range(9):
        for new in range(13):
            # A chunk may reach no further back than a window of its size, so the window's kernel covers it too.
            assert span.visible_pairs(new, past) <= span.full_pairs(new, past)


def test_a_full_window_keeps_what_a_decode_step_attends() -> None:
    for context in range(1, 13):
        span = Span(window=4)
        assert span.kept(context) == span.visible_pairs(1, context - 1)


def test_a_window_needs_causal_attention_and_chunks_need_a_window() -> None:
    for wrong in ({"direction": "bidirectional", "window": 3}, {"window": 0}, {"chunked": True}):
        with pytest.raises(ModelError):
            Span(**wrong)  # type: ignore[arg-type]
