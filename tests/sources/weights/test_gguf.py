"""Headers of GGUF files: all versions, both orders of bytes, all types, several files, and files that lie."""

from __future__ import annotations

import struct
import tracemalloc
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcmp.errors import LlmcmpError, WeightFileError
from llmcmp.sources.weights.find import contents_of
from llmcmp.sources.weights.gguf.types import TYPES

if TYPE_CHECKING:
    from pathlib import Path

U32, STRING, ARRAY, U64 = 4, 8, 9, 10


class Made:
    """A header put together by hand, so that it may lie. Shapes are as files have them, inputs first."""

    def __init__(self, version: int = 3, order: str = "<") -> None:
        self.order, self.long = order, "I" if version == 1 else "Q"
        self.version, self.keys, self.tensors = version, list[bytes](), list[bytes]()
        self.data = 0

    def number(self, form: str, value: float) -> bytes:
        return struct.pack(self.order + form, value)

    def text(self, text: str | bytes, length: int | None = None) -> bytes:
        content = text if isinstance(text, bytes) else text.encode()
        return self.number(self.long, len(content) if length is None else length) + content

    def key(self, name: str | bytes, kind: int, value: bytes) -> Made:
        self.keys.append(self.text(name) + self.number("I", kind) + value)
        return self

    def tensor(self, name: str, shape: list[int], kind: int = 0, offset: int | None = None, size: int = 0) -> Made:
        at = -(-self.data // 32) * 32 if offset is None else offset
        sizes = b"".join(self.number(self.long, each) for each in shape)
        entry = self.text(name) + self.number("I", len(shape)) + sizes
        self.tensors.append(entry + self.number("I", kind) + self.number("Q", at))
        self.data = max(self.data, at + size)
        return self

    def header(self, tensors: int | None = None, keys: int | None = None) -> bytes:
        counts = (len(self.tensors) if tensors is None else tensors, len(self.keys) if keys is None else keys)
        start = b"GGUF" + self.number("I", self.version) + b"".join(self.number(self.long, each) for each in counts)
        return start + b"".join(self.keys) + b"".join(self.tensors)

    def write(self, path: Path, *, less: int = 0, **counts: int) -> Path:
        header = self.header(**counts)
        padding = -len(header) % 32
        content = header + bytes(padding + self.data)
        path.write_bytes(content[: len(content) - less])
        return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_and_order_of_bytes_is_read(version: int, order: str, tmp_path: Path) -> None:
    made = Made(version, order).key("general.architecture", STRING, b"")
    made.keys[0] += made.text("odd")
    made.key("odd.block_count", U32, made.number("I", 7))
    words = b"".join(made.text(word) for word in ("a", "bc", ""))
    made.key("tokenizer.ggml.tokens", ARRAY, made.number("I", STRING) + made.number(made.long, 3) + words)
    made.key("odd.list", ARRAY, made.number("I", U32) + made.number(made.long, 2) + made.number("I", 5) * 2)
    made.tensor("first", [5, 3], 0, size=60).tensor("second", [32, 3], 2, size=54)
    found = contents_of(made.write(tmp_path / "made.gguf"))
    assert [(t.name, t.shape, t.dtype, t.bytes) for t in found.tensors] == [
        ("first", (3, 5), "F32", 60),
        ("second", (3, 32), "Q4_0", 54),
    ]
    assert found.metadata["odd.block_count"] == 7
    assert found.metadata["odd.list"] == [5, 5]
    assert found.metadata["tokenizer.ggml.tokens"].count == 3


def test_types_are_those_of_the_package() -> None:
    constants = pytest.importorskip("gguf.constants")
    for kind, sizes in constants.GGML_QUANT_SIZES.items():
        assert TYPES[int(kind)] == (kind.name, *sizes)
    removed = {"Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8"}
    assert {name for name, *_ in TYPES.values()} == {kind.name for kind in constants.GGML_QUANT_SIZES} | removed


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_what_the_package_writes_of_every_type_is_read_as_the_package_reads_it(endian: str, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "types.gguf"
    writer = gguf.GGUFWriter(path, "types", endianess=gguf.GGUFEndian[endian])
    writer.add_array("types.numbers", [1.5, 2.5])
    writer.add_token_list(["one", "tw\u00f6"])
    writer.add_bool("types.flag", True)
    for kind, (_, size) in gguf.GGML_QUANT_SIZES.items():
        if kind.name not in ("F64", "I64") or endian == "LITTLE":
            raw = numpy.zeros((3, 2 * size), dtype=numpy.uint8)
            writer.add_tensor(kind.name, raw, raw_shape=(3, 2 * size), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader, found = gguf.GGUFReader(path), contents_of(path)
    assert len(found.tensors) > 30
    assert [(t.name, t.dtype, t.shape, t.elements, t.bytes) for t in found.tensors] == [
        (t.name, t.tensor_type.name, tuple(reversed(t.shape.tolist())), t.n_elements, t.n_bytes) for t in reader.tensors
    ]
    assert found.metadata["types.numbers"] == [1.5, 2.5]
    assert found.metadata["types.flag"] is True


def test_the_files_of_one_model_are_read_together(tmp_path: Path) -> None:
    for number in range(2):
        made = Made()
        made.key("split.count", 2, made.number("H", 2)).key("split.tensors.count", 5, made.number("i", 2))
        made.tensor(f"t{number}", [3], 0, size=12).write(tmp_path / f"m-0000{number + 1}-of-00002.gguf")
    assert [t.name for t in contents_of(tmp_path).tensors] == ["t0", "t1"]
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(WeightFileError, match=r"1 of its 2 files are not here"):
        contents_of(tmp_path)


def long_list(made: Made, kind: int, count: int) -> Made:
    return made.key("x", ARRAY, made.number("I", kind) + made.number("Q", count))


LIES: dict[str, tuple[Made, dict[str, int], str]] = {
    "counts beyond any model": (Made(), {"tensors": 2**40}, "which no model has"),
    "keys beyond any model": (Made(), {"keys": 2**63}, "which no model has"),
    "more tensors than there are": (Made().tensor("a", [3], size=12), {"tensors": 900}, "cut short|type|axes|twice"),
    "a long text": (Made().key("x", STRING, struct.pack("<Q", 2**62)), {}, "cut short"),
    "a long list of numbers": (long_list(Made(), U64, 2**61), {}, "cut short"),
    "a long list of texts": (long_list(Made(), STRING, 2**61), {}, "claims"),
    "a list of lists": (long_list(Made(), ARRAY, 1), {}, "list of type 9"),
    "a type of value that is none": (Made().key("x", 77, b""), {}, "type 77"),
    "a key twice": (Made().key("x", 0, b"1").key("x", 0, b"1"), {}, "stands twice"),
    "a key that is no text": (Made().key(b"\xff\xfe", 0, b"1"), {}, "not UTF-8"),
    "a key of two lines": (Made().key("x\ny", 0, b"1"), {}, "cannot be shown"),
    "an alignment of three": (Made().key("general.alignment", U32, struct.pack("<I", 3)), {}, "power of two"),
    "an alignment of none": (Made().key("general.alignment", U32, bytes(4)), {}, "power of two"),
    "a tensor twice": (Made().tensor("a", [3], size=12).tensor("a", [3], size=12), {}, "stands twice"),
    "an overlap": (Made().tensor("a", [3], size=12).tensor("b", [3], offset=0), {}, "overlaps"),
    "a hole": (Made().tensor("a", [3], size=12).tensor("b", [3], offset=64, size=12), {}, "does not follow"),
    "many axes": (Made().tensor("a", [1] * 5), {}, "5 axes"),
    "an absurd shape": (Made().tensor("a", [2**40, 2**40]), {}, "larger than any"),
    "a type that is none": (Made().tensor("a", [32], 5, size=20), {}, "type 5 is not known"),
    "a row of half a block": (Made().tensor("a", [48], 2, size=27), {}, "do not fill blocks"),
    "a version that is none": (Made(4), {}, "version 4"),
    "a version of the other order that is none": (Made(9, ">"), {}, "version 9"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_an_error_that_says_so(lie: str, tmp_path: Path) -> None:
    made, counts, why = LIES[lie]
    with pytest.raises(WeightFileError, match=why):
        contents_of(made.write(tmp_path / "made.gguf", **counts))


def test_a_file_that_is_cut_short_anywhere_is_refused_and_says_so(tmp_path: Path) -> None:
    made = Made().key("general.architecture", STRING, b"")
    made.keys[0] += made.text("odd")
    whole = len(made.tensor("a", [3], size=12).write(tmp_path / "made.gguf").read_bytes())
    assert contents_of(tmp_path / "made.gguf").bytes == 12
    for less in range(1, whole + 1):
        with pytest.raises(WeightFileError, match=r"cut short|is no GGUF file"):
            contents_of(made.write(tmp_path / "made.gguf", less=less))


def test_hostile_files_take_no_time_and_no_memory(tmp_path: Path) -> None:
    empty_texts = tmp_path / "texts.gguf"
    made = long_list(Made(), STRING, 1_990_000)
    with empty_texts.open("wb") as file:
        file.write(made.header(tensors=90_000))
        file.truncate(2**31)  # 2 GiB of zeros, of which the disk has none: empty texts, then empty names
    numbers = tmp_path / "numbers.gguf"
    with numbers.open("wb") as file:
        file.write(long_list(Made(), 0, 2**30).header(tensors=2))
        file.truncate(2**31)
    for path in (empty_texts, numbers):
        began = perf_counter()
        with pytest.raises(LlmcmpError) as caught:
            contents_of(path)
        assert perf_counter() - began < 2, path.name
        assert "\n" not in str(caught.value)
        tracemalloc.start()
        with pytest.raises(LlmcmpError):
            contents_of(path)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
        tracemalloc.stop()


WHOLE = Made()
WHOLE.key("general.architecture", STRING, WHOLE.text("llama")).key("llama.block_count", U32, WHOLE.number("I", 1))
WHOLE.tensor("token_embd.weight", [8, 5], size=160).tensor("output_norm.weight", [8], size=32)


@given(st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=4))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_bytes_changed_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = WHOLE.write(tmp_path_factory.getbasetemp() / "changed.gguf")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place] = value
    path.write_bytes(content)
    assert_read_or_refused(path)


@given(st.binary(max_size=120), st.sampled_from([b"", b"GGUF\x03\0\0\0", b"GGUF\0\0\0\x03", b"GGUF\x01\0\0\0"]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(start + content)
    assert_read_or_refused(path)


def assert_read_or_refused(path: Path) -> Any:
    from llmcmp.sources.weights.inspection import inspect

    try:
        assert inspect(str(path)).contents.bytes >= 0
    except LlmcmpError as error:
        assert "\n" not in str(error)
