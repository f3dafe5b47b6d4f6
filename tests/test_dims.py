"""Dimensions: exact as Python ints, one code path for ints and arrays, no silent overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcmp.dims import INT64_LIMIT, ceil_div, dimension, exact_enough, greater, lesser, maximum, where
from llmcmp.errors import QuantityError

SIZES = st.integers(0, 10**6)


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1))
def test_functions_on_arrays_are_those_on_ints_elementwise(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    for function in (lesser, greater):
        assert list(function(a, b)) == [function(int(x), int(y)) for x, y in pairs]
    assert list(ceil_div(a, 7)) == [ceil_div(int(x), 7) for x, _ in pairs]
    assert list(where(a > b, a, 0)) == [x if x > y else 0 for x, y in pairs]


@given(st.integers(0, 10**30), st.integers(1, 10**9))
def test_scalars_stay_python_ints_of_any_size(value: int, divisor: int) -> None:
    for result in (lesser(value, divisor), greater(value, divisor), ceil_div(value, divisor), dimension(value, "n")):
        assert type(result) is int
    assert ceil_div(value, divisor) == (value + divisor - 1) // divisor


def test_numpy_scalars_become_python_ints() -> None:
    for value in (np.int64(3), np.uint8(3), np.array(3)):
        assert type(dimension(value, "n")) is int


@pytest.mark.parametrize(
    "value",
    [
        -1,
        1.0,
        1.5,
        "3",
        True,
        None,
        np.array([1, -2]),
        np.array([1.5]),
        np.array(["a"]),
        np.array(5.0),
        np.array(True),
        [[1], [2, 3]],
        10**31,
        np.ma.array([1, 2]),
    ],
)
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        dimension(value, "n")


def test_sizes_that_could_wrap_within_a_formula_are_refused_in_arrays() -> None:
    for size in (2**63, 2**40 + 1):
        with pytest.raises(QuantityError):
            dimension(np.array([size], dtype=np.uint64), "n")


def test_arrays_become_floats_only_where_the_result_could_wrap() -> None:
    array = dimension(np.array([3, 5]), "n")
    assert exact_enough(array, INT64_LIMIT - 1).dtype == np.int64
    assert exact_enough(array, INT64_LIMIT).dtype == np.float64
    assert exact_enough(7, 2**100) == 7


def test_the_maximum_is_an_exact_int() -> None:
    assert maximum(np.array([2, 2**60 + 1, 5])) == 2**60 + 1
    assert maximum(np.array([], dtype=np.int64)) == 0
    assert maximum(9) == 9
