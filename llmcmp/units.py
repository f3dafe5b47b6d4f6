"""The only place that reads "128k", "24GiB" and "bf16", and that writes "6.74 B" and "64.0 GiB".

In token lengths k and M are 1024 and 1024² ("128k" is 131072); in counts, FLOPs and parameters K, M, B (G), T are
powers of 1000; memory is written in KiB, MiB, GiB.
"""

from __future__ import annotations

import re

from llmcmp.errors import QuantityError

# Bits an element; formats that carry scales beside their elements are not in this list.
DTYPE_BITS = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,
    "bf16": 16,
    "fp16": 16,
    "fp8": 8,
    "int8": 8,
    "fp6": 6,
    "int4": 4,
    "fp4": 4,
    "int3": 3,
    "int2": 2,
}

# Formats that keep scales beside blocks of elements: elements and bytes of a block (ggml's block_q8_0 ... in
# ggml-common.h of llama.cpp: a 16-bit scale, a second one or a minimum in the _1 formats, then the elements).
BLOCKS = {
    "q8_0": (32, 34),
    "q5_0": (32, 22),
    "q5_1": (32, 24),
    "q4_0": (32, 18),
    "q4_1": (32, 20),
    "iq4_nl": (32, 18),
}
SCALE_BYTES = 2  # of a scale in fp16, and of a zero-point

_TOKEN_FACTORS = {"": 1, "k": 1024, "m": 1024**2}
_COUNT_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
_BYTE_FACTORS = {
    "": 1,
    "b": 1,
    **{f"{prefix}b": 10 ** (3 * power) for power, prefix in enumerate("kmgt", start=1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", start=1)},
}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DECIMAL = ("", "K", "M", "B", "T")
_FLOPS = ("", "K", "M", "G", "T", "P", "E", "Z", "Y")


def dtype_bits(name: str) -> int:
    """Bits of one element: `dtype_bits("bf16")` is 16. Raises QuantityError for a dtype that is not known."""
    bits = DTYPE_BITS.get(name.lower()) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if bits is None:
        raise QuantityError(f"unknown dtype {name!r}; choose one of {', '.join(DTYPE_BITS)}")
    return bits


def block(name: str) -> tuple[int, int]:
    """Elements and bits of the smallest whole piece of a format: one element, or a block with its scales.

    `int4-g64` is 4 bits an element and an fp16 scale for every 64; `int4-g64z` has a zero-point beside the scale.
    Raises QuantityError for a format that is not known.

    >>> block("bf16"), block("q8_0"), block("int4-g64")
    ((1, 16), (32, 272), (64, 272))
    """
    lower = name.lower() if isinstance(name, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
    if lower in BLOCKS:
        elements, size = BLOCKS[lower]
        return elements, 8 * size
    if lower in DTYPE_BITS:
        return 1, DTYPE_BITS[lower]
    match = re.fullmatch(r"((?:int|fp)[248])-g([1-9][0-9]{0,4})(z?)", lower)
    if match is None or match[1] not in DTYPE_BITS:
        known = ", ".join((*DTYPE_BITS, *BLOCKS))
        raise QuantityError(
            f"unknown cache dtype {name!r}; choose one of {known}, or int4-g64, int8-g128, int4-g64z ..."
        )
    elements = int(match[2])
    return elements, elements * DTYPE_BITS[match[1]] + 8 * SCALE_BYTES * (2 if match[3] else 1)


def row_bits(width: int, dtype: str) -> int:
    """Bits of a row of `width` elements, its last block filled up.

    >>> row_bits(1024, "q8_0") // 8
    1088
    """
    elements, bits = block(dtype)
    return -(-width // elements) * bits


def tokens(text: str) -> int:
    """A length in tokens: "4096", "128k" (131072), "1M" (1048576), "1.5k" (1536).

    Raises QuantityError for anything else, and for lengths that are not whole.
    """
    return _scaled(text, _TOKEN_FACTORS, "length in tokens", "try 4096, 128k or 1M")


def count(text: str) -> int:
    """A decimal count: "7B" is 7,000,000,000. Raises QuantityError for anything else."""
    return _scaled(text, _COUNT_FACTORS, "count", "try 350M, 7B or 1.8T")


def size(text: str) -> int:
    """An amount of memory in bytes: "24GiB" is 24 x 1024³, "24GB" 24 x 10⁹. Raises QuantityError for anything else."""
    return _scaled(text, _BYTE_FACTORS, "amount of memory in bytes", "try 24GiB, 80GB or 512MiB")


def _scaled(text: str, factors: dict[str, int], what: str, hint: str) -> int:
    match = re.fullmatch(r"\s*([0-9][0-9_,]{0,30})(?:\.([0-9]{1,20}))?\s*([a-zA-Z]{0,3})\s*", text)
    if match is None or match[3].lower() not in factors:
        raise QuantityError(f"'{text}' is not a {what}; {hint}")
    whole, fraction = re.sub(r"[_,]", "", match[1]), match[2] or ""
    scaled = int(whole + fraction) * factors[match[3].lower()]
    if scaled % 10 ** len(fraction):
        raise QuantityError(f"'{text}' is not a whole {what}; {hint}")
    return scaled // 10 ** len(fraction)


def show_tokens(value: int) -> str:
    """131072 as "128k", 1048576 as "1M", 2050 as "2,050"."""
    for factor, suffix in ((1024**2, "M"), (1024, "k")):
        if value >= factor and value % factor == 0:
            return f"{value // factor}{suffix}"
    return f"{value:,}"


def show_count(value: float) -> str:
    """6738415616 as "6.74 B"."""
    return _scale(value, 1000, _DECIMAL)


def show_flops(value: float) -> str:
    """1.4e13 as "14.0 T"."""
    return _scale(value, 1000, _FLOPS)


def show_bytes(value: float) -> str:
    """68719476736 as "64.0 GiB"."""
    return _scale(value, 1024, _BINARY)


def show_seconds(value: float) -> str:
    """0.00123 as "1.23 ms", 90 as "90.0 s"."""
    for factor, suffix in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= 0.9995 * factor:
            return f"{_three_digits(value / factor)} {suffix}"
    return f"{_three_digits(value * 1e9)} ns"


def show_flop_rate(value: float) -> str:
    """1.5e12 as "1.50 TFLOP/s"."""
    digits, _, prefix = show_flops(value).partition(" ")
    return f"{digits} {prefix}FLOP/s"


def show_rate(value: float) -> str:
    """Tokens a second: 12345.6 as "12,346", 3.456 as "3.46", 0.01174 as "0.0117"."""
    return f"{value:.3g}" if 0 < value < 0.1 else _three_digits(value)


def show_percent(value: float) -> str:
    """0.123 as "12.3 %"."""
    return f"{_three_digits(value * 100)} %"


def show_ratio(value: float) -> str:
    """1.5 as "1.50×", 0.0163 as "0.0163×"."""
    return f"{value:.3g}×" if 0 < value < 0.1 else f"{_three_digits(value)}×"


def _scale(value: float, base: int, suffixes: tuple[str, ...]) -> str:
    amount, power = float(value), 0
    # 999.5 would print as "1000", so the step up comes where three digits round over.
    while abs(amount) >= base - 0.5 and power < len(suffixes) - 1:
        amount, power = amount / base, power + 1
    digits = f"{amount:,.0f}" if power == 0 and float(value).is_integer() else _three_digits(amount)
    return f"{digits} {suffixes[power]}".rstrip()


def _three_digits(amount: float) -> str:
    if abs(amount) >= 99.95:
        return f"{amount:,.0f}"
    return f"{amount:.1f}" if abs(amount) >= 9.995 else f"{amount:.2f}"
