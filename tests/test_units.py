"""Units: what is read is exact, what is written reads back within its rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcmp import units
from llmcmp.errors import QuantityError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4096", 4096),
        ("128k", 131072),
        ("128K", 131072),
        ("1M", 1048576),
        ("1.5k", 1536),
        ("1_000", 1000),
        ("1,000", 1000),
        (" 8k ", 8192),
    ],
)
def test_token_lengths_count_in_1024s(text: str, value: int) -> None:
    assert units.tokens(text) == value


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5", "4kb", "1e3", "0x10", "1.0005k", "4 000", "٣"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        units.tokens(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("24GiB", 24 * 2**30), ("80GB", 80 * 10**9), ("1.5 gib", 3 * 2**29), ("512MiB", 2**29), ("0", 0), ("7B", 7)],
)
def test_memory_is_binary_where_it_says_so(text: str, value: int) -> None:
    assert units.size(text) == value


@pytest.mark.parametrize("text", ["", "GiB", "24G", "24 gigs", "-1GiB", "0.3B"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="try 24GiB"):
        units.size(text)


def test_counts_are_decimal() -> None:
    assert units.count("7B") == 7 * 10**9
    assert units.count("1.8T") == 18 * 10**11
    assert units.count("350M") == 350 * 10**6


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 K"),
        (999_999, "1.00 M"),
        (6738415616, "6.74 B"),
        (671026404352, "671 B"),
        (1571327875360, "1.57 T"),
    ],
)
def test_counts_print_in_thousands(value: int, text: str) -> None:
    assert units.show_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1.00 KiB"), (64 * 2**30, "64.0 GiB"), (2**40 - 1, "1.00 TiB")],
)
def test_memory_prints_in_binary_units(value: int, text: str) -> None:
    assert units.show_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(131072, "128k"), (1048576, "1M"), (2050, "2,050"), (512, "512"), (163840, "160k")]
)
def test_lengths_print_exactly(value: int, text: str) -> None:
    assert units.show_tokens(value) == text
    assert units.tokens(text) == value


@given(st.integers(0, 10**15))
def test_a_printed_count_is_within_half_a_unit_of_its_last_digit(value: int) -> None:
    number, *suffix = units.show_count(value).replace(",", "").split()
    scale = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[suffix[0]] if suffix else 1
    step = scale / 10 ** len(number.partition(".")[2])
    # 1e-6: binary floats put a tie a hair on either side.
    assert abs(float(number) * scale - value) <= step * (0.5 + 1e-6)


def test_an_unknown_dtype_lists_the_known_ones() -> None:
    with pytest.raises(QuantityError, match="bf16"):
        units.dtype_bits("float17")
    assert units.dtype_bits("BF16") == 16


@pytest.mark.parametrize("name", list(units.BLOCKS))
def test_blocks_are_those_of_ggml(name: str) -> None:
    gguf = pytest.importorskip("gguf")
    elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name.upper()]]
    assert units.BLOCKS[name] == (elements, size)


@pytest.mark.parametrize(
    ("name", "width", "bits"),
    [
        ("bf16", 5, 80),
        ("int3", 5, 15),
        ("q8_0", 64, 2 * 34 * 8),
        ("q8_0", 65, 3 * 34 * 8),
        ("int4-g64", 128, 2 * (64 * 4 + 16)),
        ("int4-g64z", 128, 2 * (64 * 4 + 32)),
        ("int8-g128", 128, 128 * 8 + 16),
        ("int2-g32z", 33, 2 * (32 * 2 + 32)),
        ("q4_0", 0, 0),
    ],
)
def test_a_row_fills_whole_blocks_with_their_scales(name: str, width: int, bits: int) -> None:
    assert units.row_bits(width, name) == bits


@pytest.mark.parametrize("name", ["", "q8", "int4-g0", "int4-g", "bf16-g64", "int4-g64y", "fp2-g32"])
def test_what_is_no_format_is_refused(name: str) -> None:
    with pytest.raises(QuantityError, match="unknown cache dtype"):
        units.block(name)
