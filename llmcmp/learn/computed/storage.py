"""Weights and caches in fewer bits, scales included.

Quantised are the matrices of the layers; tables, head, router, norms, biases and convolutions stay in bf16. Groups run
along a matrix's inputs, and the last one of a row may be short.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import stored
from llmcmp.frozen import frozen
from llmcmp.learn.example import MODEL, RATIO, computed_table, under
from llmcmp.model import walk
from llmcmp.tables.table import Column
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.ops import Part, Weight
    from llmcmp.tables.table import Row, Table

QUANTISED: tuple[Part, ...] = (
    "attention",
    "cross-attention",
    "linear mixer",
    "feed-forward",
    "routed experts",
    "shared experts",
)
PLAIN = dtype_bits("bf16")
LONG = 32 * 1024


@frozen
class Format:
    """`bits` a weight in groups of `group` inputs (and `rows` outputs), each with `scale` bits beside it.

    `tensor`: bits a tensor. `shown`: the terms whose table lists it, beside that of quantisation.
    """

    name: str
    bits: int
    group: int | None = None
    rows: int = 1
    scale: int = 0
    tensor: int = 0
    shown: tuple[str, ...] = ()

    def size(self, outputs: int, inputs: int) -> int:
        """Bits of one matrix."""
        groups = 0 if self.group is None else -(-inputs // self.group) * -(-outputs // self.rows)
        return self.bits * outputs * inputs + self.scale * groups + self.tensor


BF16 = Format(name="bf16", bits=16)
# GPTQ's and AWQ's released models: groups of 128, a scale in fp16 and a zero point of the weights' bits (arXiv
# 2210.17323, 4; 2306.00978, 5.1). FP8 with a scale a tensor (arXiv 2209.05433, 3.2), or an fp32 one a block of
# 128 x 128 (2412.19437, 3.3.2). MXFP4: OCP MX 1.0, 5.2. NVFP4: arXiv 2509.25149, 2.
FORMATS = (
    Format(name="int8, a scale a row", bits=8, group=2**62, scale=16),
    Format(name="fp8, a scale a tensor", bits=8, tensor=32, shown=("fp8",)),
    Format(name="fp8, blocks of 128 × 128", bits=8, group=128, rows=128, scale=32, shown=("fp8",)),
    Format(name="int4, groups of 128", bits=4, group=128, scale=16 + 4, shown=("gptq", "awq")),
    Format(name="int4, groups of 32", bits=4, group=32, scale=16 + 4, shown=("gptq", "awq")),
    Format(name="int3, groups of 128", bits=3, group=128, scale=16 + 3, shown=("gptq", "awq")),
    Format(name="MXFP4, blocks of 32", bits=4, group=32, scale=8, shown=("mxfp4", "nvfp4")),
    Format(name="NVFP4, blocks of 16", bits=4, group=16, scale=8, tensor=32, shown=("mxfp4", "nvfp4")),
)


def formats(term: Term, models: Sequence[Model]) -> Table:
    """Bytes of a model's weights in formats with their scales."""
    columns = (
        MODEL,
        Column(key="format", label="Format", machine=True),
        Column(key="bits_per_weight", label="Bits", unit="intensity"),
        Column(key="quantised_bytes", label="Matrices", unit="bytes"),
        Column(key="plain_bytes", label="Rest", unit="bytes"),
        Column(key="weight_bytes", label="Weights", unit="bytes"),
        RATIO,
    )
    own = [each for each in FORMATS if term.name in each.shown]
    rows = [row for model in models for row in _format_rows(model, own or FORMATS)]
    notes = (
        "bits a weight of the layers' matrices, scales included; the rest (tables, head, router, norms) stays in bf16",
    )
    return computed_table(term, models, columns, rows, "bytes of the weights, scales included", notes)


def _format_rows(model: Model, formats: Sequence[Format]) -> Iterator[Row]:
    matrices, rest = split(model)
    weights = sum(count * outputs * inputs for count, outputs, inputs in matrices)
    whole = PLAIN * (weights + rest) // 8
    for each in (BF16, *formats):
        quantised = sum(count * each.size(outputs, inputs) for count, outputs, inputs in matrices)
        plain = PLAIN * rest // 8
        yield {
            "model": model.name,
            "model_shown": f"{model.name}, {BF16.name}" if each is BF16 else under(each.name),
            "format": each.name,
            "bits_per_weight": quantised / weights,
            "quantised_bytes": -(-quantised // 8),
            "plain_bytes": plain,
            "weight_bytes": -(-quantised // 8) + plain,
            "ratio": (-(-quantised // 8) + plain) / whole,
        }


def split(model: Model) -> tuple[list[tuple[int, int, int]], int]:
    """The matrices that are quantised, as (how many, outputs, inputs), and the elements of all other parameters."""
    matrices: list[tuple[int, int, int]] = []
    rest = 0
    for use, weight in stored(walk(model)):
        if weight.buffer:
            continue
        if _is_matrix(weight):
            *many, outputs, inputs = (size for _, size in weight.axes)
            matrices.append((prod(many) * use.copies, outputs, inputs))
        else:
            rest += weight.elements * use.copies
    return matrices, rest


def _is_matrix(weight: Weight) -> bool:
    """A matrix of a layer: outputs by inputs, perhaps one for each expert. Biases of experts are none."""
    leading = 1 if weight.axes[0][0] == "experts" else 0
    named = weight.name.endswith(".weight") and not weight.name.endswith("norm.weight")
    return weight.part in QUANTISED and len(weight.axes) - leading == 2 and named


def kv_formats(term: Term, models: Sequence[Model]) -> Table:
    """The cache in several dtypes, without scales."""
    columns = (
        MODEL,
        Column(key="dtype", label="Dtype", machine=True),
        Column(key="kv_bytes_per_token", label="Next token", unit="bytes"),
        Column(key="kv_bytes", label="Cache", unit="bytes"),
        RATIO,
    )
    rows = [row for model in models for row in _kv_rows(model)]
    title = "cache at 32k tokens, without scales; recurrent states stay in fp32"
    return computed_table(term, models, columns, rows, title, context=LONG)


def _kv_rows(model: Model) -> Iterator[Row]:
    plain = int(kvcache(model, LONG).bytes)
    for dtype in ("bf16", "fp8", "int4"):
        cache = kvcache(model, LONG, dtype=dtype)
        shown = f"{model.name}, {dtype}" if dtype == "bf16" else under(dtype)
        row: Row = {"model": model.name, "model_shown": shown, "dtype": dtype}
        row["kv_bytes_per_token"] = cache.bytes_per_token
        yield row | {"kv_bytes": cache.bytes, "ratio": int(cache.bytes) / plain if plain else None}
