"""The types of tensors in GGUF: elements and bytes of a block (ggml_type in ggml.h, the block_* structs of
ggml-common.h; numbers that are left out were never in a file)."""

from __future__ import annotations

_SUPER = 256  # QK_K, elements of a super-block

# By number: name, elements of a block, bytes of a block.
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", _SUPER, 84),
    11: ("Q3_K", _SUPER, 110),
    12: ("Q4_K", _SUPER, 144),
    13: ("Q5_K", _SUPER, 176),
    14: ("Q6_K", _SUPER, 210),
    15: ("Q8_K", _SUPER, 292),
    16: ("IQ2_XXS", _SUPER, 66),
    17: ("IQ2_XS", _SUPER, 74),
    18: ("IQ3_XXS", _SUPER, 98),
    19: ("IQ1_S", _SUPER, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", _SUPER, 110),
    22: ("IQ2_S", _SUPER, 82),
    23: ("IQ4_XS", _SUPER, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", _SUPER, 56),
    30: ("BF16", 1, 2),
    # Repacked for one processor each, and no longer read by llama.cpp: blocks of Q4_0 and IQ4_NL in another order.
    31: ("Q4_0_4_4", 32, 18),
    32: ("Q4_0_4_8", 32, 18),
    33: ("Q4_0_8_8", 32, 18),
    34: ("TQ1_0", _SUPER, 54),
    35: ("TQ2_0", _SUPER, 66),
    36: ("IQ4_NL_4_4", 32, 18),
    37: ("IQ4_NL_4_8", 32, 18),
    38: ("IQ4_NL_8_8", 32, 18),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
