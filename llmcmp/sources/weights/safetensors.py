"""Headers of safetensors files: 8 bytes of length, then JSON (huggingface.co/docs/safetensors, "Format").

The format's own rules are held to: every byte after the header belongs to one tensor, in no gap and no overlap, and
each tensor has the bytes that its shape and dtype take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ConfigError, WeightFileError
from llmcmp.sources.huggingface.reading.json_file import parse_object
from llmcmp.sources.weights.blob import cut_short
from llmcmp.sources.weights.contents import MOST_TENSORS, FileContents, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.sources.weights.blob import Blob

LARGEST_HEADER = 16 * 2**20  # a hundred thousand tensors; the library itself reads up to 100 MB
LARGEST_INDEX = 32 * 2**20
MOST_FILES = 4096
MOST_DIMENSIONS = 8
MOST_ELEMENTS = 2**62

# Bits of an element (safetensors/src/tensor.rs, Dtype::bitsize).
BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}


def read_safetensors(blob: Blob) -> FileContents:
    """The header of one file. Raises WeightFileError, which names the file and the tensor."""
    header, start = _header(blob)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(type(value) is not str for value in cast("Any", metadata).values()):
        raise WeightFileError(f"{blob.name}: __metadata__ must hold texts")
    if len(header) > MOST_TENSORS:
        raise WeightFileError(f"{blob.name}: claims {len(header):,} tensors, which no model has")
    tensors = [_tensor(blob.name, name, entry) for name, entry in header.items()]
    _check_cover(blob, tensors, start)
    return FileContents(
        where=blob.name,
        format="safetensors",
        files=(blob.name,),
        tensors=tuple(tensor for tensor, _ in tensors),
        metadata=cast("dict[str, str]", metadata),
    )


def _header(blob: Blob) -> tuple[dict[str, object], int]:
    """The JSON object, and where the data begins."""
    if blob.size < 8:
        raise cut_short(blob.name, 8, blob.size)
    length = int.from_bytes(blob.read(0, 8), "little")
    if length > LARGEST_HEADER:
        limit = LARGEST_HEADER // 2**20
        raise WeightFileError(f"{blob.name}: is no safetensors file: its header would be longer than {limit} MiB")
    if 8 + length > blob.size:
        raise cut_short(blob.name, 8 + length, blob.size)
    try:
        return parse_object(blob.read(8, length), f"{blob.name}: its header"), 8 + length
    except ConfigError as error:
        raise WeightFileError(str(error)) from error


def _tensor(file: str, name: str, entry: object) -> tuple[Tensor, tuple[int, int]]:
    """One entry of the header, and where its bytes stand."""

    def error(what: str) -> WeightFileError:
        return WeightFileError(f"{file}: the tensor {name[:80]!r}: {what}")

    if not isinstance(entry, dict) or cast("dict[str, Any]", entry).keys() != {"dtype", "shape", "data_offsets"}:
        raise error("must have a dtype, a shape and data_offsets, and nothing else")
    fields = cast("dict[str, Any]", entry)
    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise error(f"the dtype {str(dtype)[:40]!r} is not known; known: {', '.join(BITS)}")
    if not _sizes(shape) or len(shape) > MOST_DIMENSIONS:
        raise error(f"its shape must be up to {MOST_DIMENSIONS} whole numbers from 0 on")
    if not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise error("its data_offsets must be two whole numbers from 0 on, the second no less than the first")
    bits = _elements(shape, error) * BITS[dtype]
    if bits != 8 * (offsets[1] - offsets[0]):
        held = offsets[1] - offsets[0]
        raise error(f"{dtype} of shape {_shown(shape)} takes {bits / 8:,.0f} bytes, and its offsets hold {held:,}")
    made = Tensor(name=name, shape=tuple(shape), dtype=dtype, bytes=bits // 8, file=file)
    return made, (offsets[0], offsets[1])


def _sizes(value: object) -> bool:
    return isinstance(value, list) and all(
        type(size) is int and 0 <= size < MOST_ELEMENTS for size in cast("list[object]", value)
    )


def _elements(shape: list[int], error: Callable[[str], WeightFileError]) -> int:
    found = 1
    for size in shape:
        found *= size
        if found >= MOST_ELEMENTS:
            raise error(f"its shape {_shown(shape)} is larger than any tensor")
    return found


def _check_cover(blob: Blob, tensors: list[tuple[Tensor, tuple[int, int]]], start: int) -> None:
    """Raise where bytes belong to no tensor, to two, or are not there."""
    end = 0
    for tensor, (begin, stop) in sorted(tensors, key=lambda pair: pair[1]):
        if begin != end:
            how = "overlaps another tensor" if begin < end else f"leaves {begin - end:,} bytes before it to no tensor"
            raise WeightFileError(f"{blob.name}: the tensor {tensor.name[:80]!r} {how}")
        end = stop
    if start + end > blob.size:
        raise cut_short(blob.name, start + end, blob.size)
    if start + end < blob.size:
        raise WeightFileError(f"{blob.name}: its last {blob.size - start - end:,} bytes belong to no tensor")


def read_index(content: bytes, name: str) -> dict[str, str]:
    """Which file holds which tensor, as model.safetensors.index.json says. Raises WeightFileError."""
    try:
        found = parse_object(content, name).get("weight_map")
    except ConfigError as error:
        raise WeightFileError(str(error)) from error
    if not isinstance(found, dict) or any(type(file) is not str for file in cast("dict[str, object]", found).values()):
        raise WeightFileError(f"{name}: weight_map must name the file of every tensor")
    index = cast("dict[str, str]", found)
    files = set(index.values())
    outside = next((file for file in files if "/" in file or "\\" in file or file in ("", ".", "..")), None)
    if outside is not None:
        raise WeightFileError(f"{name}: {outside[:80]!r} is no file beside it")
    if len(files) > MOST_FILES or len(index) > MOST_TENSORS:
        raise WeightFileError(f"{name}: names {len(files):,} files and {len(index):,} tensors, which no model has")
    return index


def joined(where: str, index: dict[str, str], parts: list[FileContents]) -> FileContents:
    """The shards of a model as one. Raises WeightFileError where the index and the shards disagree."""
    tensors = tuple(tensor for part in parts for tensor in part.tensors)
    held = {tensor.name: tensor.file for tensor in tensors}
    if len(held) < len(tensors):
        raise WeightFileError(f"{where}: a tensor stands in two of its files")
    for name, file in index.items():
        if held.get(name) != file:
            raise WeightFileError(f"{where}: its index says that {file[:80]} holds {name[:80]!r}, and it does not")
    extra = next((name for name in held if name not in index), None)
    if extra is not None:
        raise WeightFileError(f"{where}: its index does not name {extra[:80]!r} of {held[extra][:80]}")
    files = tuple(part.where for part in parts)
    return FileContents(where=where, format="safetensors", files=files, tensors=tensors, metadata=parts[0].metadata)


def _shown(shape: list[int]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"
