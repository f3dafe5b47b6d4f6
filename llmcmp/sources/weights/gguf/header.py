"""The header of a GGUF file: version and byte order, metadata, and where which tensor lies.

Counts are bounded before anything is made of them. Texts and lists are passed over where no reader wants them: of a
tokenizer only the number of words is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmcmp.errors import WeightFileError
from llmcmp.frozen import frozen
from llmcmp.sources.weights.blob import cut_short, local
from llmcmp.sources.weights.contents import FileContents, Tensor
from llmcmp.sources.weights.gguf.cursor import Cursor
from llmcmp.sources.weights.gguf.types import TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from llmcmp.sources.weights.blob import Blob

MAGIC = b"GGUF"
VERSIONS = (1, 2, 3)
MOST_KEYS, MOST_TENSORS, MOST_TEXTS = 10_000, 100_000, 2_000_000
LONGEST_KEY, LONGEST_TEXT, LONGEST_LIST = 2**10, 2**16, 10_000  # of what is kept
MOST_DIMENSIONS, MOST_ELEMENTS = 4, 2**62
MOST_FILES = 1000

# Types of metadata values: number of the type to the format of `struct`.
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
SIZES = {"B": 1, "b": 1, "H": 2, "h": 2, "I": 4, "i": 4, "f": 4, "?": 1, "Q": 8, "q": 8, "d": 8}
TEXT, LIST = 8, 9


@frozen
class Passed:
    """A list or text that was passed over: how long it is."""

    count: int


def read_gguf_files(path: Path) -> FileContents:
    """The header of a file and, where it is the first of several, of the others. Raises WeightFileError."""
    first = read_gguf(local(path))
    names = parts_of(path.name, first)
    absent = [name for name in names if not (path.parent / name).is_file()]
    if absent:
        count = len(names)
        raise WeightFileError(
            f"{path.name}: {len(absent)} of its {count} files are not here, {absent[0]} first; fetch them"
        )
    if len(names) == 1:
        return first
    return together(path.name.partition("-00001-of-")[0], [read_gguf(local(path.parent / name)) for name in names])


def parts_of(name: str, first: FileContents) -> list[str]:
    """The files that a model is split over, by the first one's name and what it says. Raises WeightFileError."""
    count = first.metadata.get("split.count", 1)
    if type(count) is not int or count <= 1:
        return [name]
    part = re.fullmatch(r"(.*)-00001-of-(\d{5})\.gguf", name)
    if part is None or count > MOST_FILES or int(part[2]) != count:
        raise WeightFileError(f"{name}: says that it is one of {count} files, and is not called as the first of them")
    return [f"{part[1]}-{number:05}-of-{part[2]}.gguf" for number in range(1, count + 1)]


def together(where: str, parts: list[FileContents]) -> FileContents:
    """Files of one model as one; the first holds what is said of it. Raises WeightFileError."""
    tensors = tuple(tensor for part in parts for tensor in part.tensors)
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise WeightFileError(f"{where}: a tensor stands in two of its files")
    stated = parts[0].metadata.get("split.tensors.count", len(tensors))
    if stated != len(tensors):
        raise WeightFileError(f"{where}: its files hold {len(tensors):,} tensors, and the first says {stated}")
    files = tuple(part.where for part in parts)
    return FileContents(where=where, format="gguf", files=files, tensors=tensors, metadata=parts[0].metadata)


def read_gguf(blob: Blob) -> FileContents:
    """The header of one file. Raises WeightFileError, which names the file and the key or tensor."""
    cursor = Cursor(blob)
    if blob.size < 8 or cursor.take(4) != MAGIC:
        raise WeightFileError(f"{blob.name}: is no GGUF file: it does not begin with GGUF")
    version = cursor.whole("I")
    if version & 0xFFFF == 0:  # of a machine with the other order of bytes
        cursor.order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in VERSIONS:
        raise WeightFileError(f"{blob.name}: GGUF version {version} is not known; known: 1, 2 and 3")
    cursor.long = "I" if version == 1 else "Q"
    count, keys = cursor.count(), cursor.count()
    if count > MOST_TENSORS or keys > MOST_KEYS:
        raise WeightFileError(f"{blob.name}: claims {count:,} tensors and {keys:,} keys, which no model has")
    metadata = _metadata(cursor, keys)
    tensors = _tensors(cursor, count, _alignment(blob, metadata))
    return FileContents(where=blob.name, format="gguf", files=(blob.name,), tensors=tensors, metadata=metadata)


def _metadata(cursor: Cursor, keys: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    texts = MOST_TEXTS
    for _ in range(keys):
        key = _text(cursor, LONGEST_KEY, "a key")
        if key in found:
            raise WeightFileError(f"{cursor.blob.name}: the key {key[:80]!r} stands twice")
        found[key] = _value(cursor, key, cursor.whole("I"), texts)
        texts -= found[key].count if isinstance(found[key], Passed) else 1
    return found


def _text(cursor: Cursor, longest: int, what: str) -> str:
    """A text, kept: it must not be longer than such texts are."""
    length = cursor.count()
    if length > longest:
        raise WeightFileError(f"{cursor.blob.name}: {what[:80]} would be {length:,} bytes long")
    try:
        found = cursor.take(length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WeightFileError(f"{cursor.blob.name}: {what[:80]} is not UTF-8 text") from error
    if not found.isprintable():  # errors and tables show it
        raise WeightFileError(f"{cursor.blob.name}: {what[:80]} holds a sign that cannot be shown")
    return found


def _value(cursor: Cursor, key: str, kind: int, texts: int) -> Any:
    """A value of metadata: a number, a short text or list, or how long it is."""
    if kind in NUMBERS:
        return cursor.number(NUMBERS[kind])
    if kind == TEXT:
        length = cursor.count()
        if length > LONGEST_TEXT:
            cursor.skip(length)
            return Passed(count=length)
        # Names and templates of chats are not always UTF-8, and nothing depends on them.
        return cursor.take(length).decode("utf-8", "replace")
    if kind != LIST:
        raise WeightFileError(f"{cursor.blob.name}: the key {key[:80]!r} has a value of type {kind}, which is none")
    return _list(cursor, key, texts)


def _list(cursor: Cursor, key: str, texts: int) -> Any:
    kind, count = cursor.whole("I"), cursor.count()
    if kind == TEXT:
        if count > texts:
            raise WeightFileError(f"{cursor.blob.name}: the key {key[:80]!r} claims {count:,} texts, which none has")
        cursor.skip_texts(count)
        return Passed(count=count)
    if kind not in NUMBERS:
        raise WeightFileError(f"{cursor.blob.name}: the key {key[:80]!r} is a list of type {kind}, which none is")
    form = NUMBERS[kind]
    if count > LONGEST_LIST:
        cursor.skip(count * SIZES[form])
        return Passed(count=count)
    return [cursor.number(form) for _ in range(count)]


def _alignment(blob: Blob, metadata: dict[str, Any]) -> int:
    """What offsets are multiples of."""
    found = metadata.get("general.alignment", 32)
    if type(found) is not int or not 1 <= found <= 2**20 or found & (found - 1):
        raise WeightFileError(f"{blob.name}: general.alignment must be a power of two, not {str(found)[:40]}")
    return found


def _tensors(cursor: Cursor, count: int, alignment: int) -> tuple[Tensor, ...]:
    """The tensors, each with all its bytes in the file and none of another's."""
    found: dict[str, tuple[int, Tensor]] = {}
    for _ in range(count):
        offset, tensor = _tensor(cursor)
        if tensor.name in found:
            raise WeightFileError(f"{cursor.blob.name}: the tensor {tensor.name[:80]!r} stands twice")
        found[tensor.name] = offset, tensor
    start, end = _aligned(cursor.at, alignment), 0
    for offset, tensor in sorted(found.values(), key=lambda pair: pair[0]):
        if offset != _aligned(end, alignment):
            how = "overlaps another tensor" if offset < end else "does not follow the tensor before it"
            raise WeightFileError(f"{cursor.blob.name}: the tensor {tensor.name[:80]!r} {how}")
        end = offset + tensor.bytes
    if start + end > cursor.blob.size and found:
        raise cut_short(cursor.blob.name, start + end, cursor.blob.size)
    return tuple(tensor for _, tensor in found.values())


def _tensor(cursor: Cursor) -> tuple[int, Tensor]:
    """One tensor and its offset. GGUF lists inputs first; shapes here have outputs first."""
    name = _text(cursor, LONGEST_KEY, "the name of a tensor")

    def error(what: str) -> WeightFileError:
        return WeightFileError(f"{cursor.blob.name}: the tensor {name[:80]!r}: {what}")

    axes = cursor.whole("I")
    if axes > MOST_DIMENSIONS:
        raise error(f"claims {axes:,} axes, and no tensor has more than {MOST_DIMENSIONS}")
    sizes = [cursor.count() for _ in range(axes)]
    kind, offset = cursor.whole("I"), cursor.whole("Q")
    if kind not in TYPES:
        raise error(f"its type {kind} is not known")
    elements = 1
    for size in sizes:
        elements *= size
        if elements >= MOST_ELEMENTS or size >= MOST_ELEMENTS:
            raise error("is larger than any tensor")
    dtype, block, held = TYPES[kind]
    row = sizes[0] if sizes else 1
    if row % block:
        raise error(f"rows of {row:,} elements do not fill blocks of {dtype}, which have {block}")
    shape = tuple(reversed(sizes))
    return offset, Tensor(name=name, shape=shape, dtype=dtype, bytes=elements // block * held, file=cursor.blob.name)


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
