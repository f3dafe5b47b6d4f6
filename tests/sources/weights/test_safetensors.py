"""Headers of safetensors files: the format's rules, shards and their index, and files that lie."""

from __future__ import annotations

import json
import tracemalloc
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcmp.errors import LlmcmpError, WeightFileError
from llmcmp.sources.weights.find import contents_of

if TYPE_CHECKING:
    from pathlib import Path


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def written(path: Path, header: Any, data: int = 0, *, length: int | None = None) -> Path:
    """A file with this header (JSON of it, unless it is bytes) and so many bytes after it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + bytes(data))
    return path


def test_what_the_library_writes_is_read_as_it_was_given(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {
        "a": torch.zeros(3, 5, dtype=torch.bfloat16),
        "b": torch.zeros(7, dtype=torch.float32),
        "c": torch.zeros(2, 3, dtype=torch.float8_e4m3fn),
        "none": torch.zeros(0, 4),
        "one": torch.zeros(()),
    }
    safetensors.save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found = contents_of(tmp_path)
    assert {t.name: (t.shape, t.bytes) for t in found.tensors} == {
        name: (tuple(t.shape), t.numel() * t.element_size()) for name, t in tensors.items()
    }
    assert (found.elements, found.bytes) == (15 + 7 + 6 + 0 + 1, 30 + 28 + 6 + 0 + 4)
    assert found.metadata == {"format": "pt"}


def test_the_sizes_of_dtypes_are_those_of_the_library() -> None:
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    from llmcmp.sources.weights.safetensors import BITS

    known: dict[str, Any] = library._TYPES
    assert len(known) > 10
    for name, dtype in known.items():
        assert BITS[name] == 8 * torch.empty(0, dtype=dtype).element_size()


def test_shards_are_one_model_and_the_index_has_to_name_them_right(tmp_path: Path) -> None:
    written(tmp_path / "a.safetensors", {"x": entry("F16", [3], 0, 6)}, 6)
    written(tmp_path / "b.safetensors", {"y": entry("F32", [5], 0, 20)}, 20)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}))
    assert contents_of(tmp_path).bytes == 26
    for wrong, why in (
        ({"x": "a.safetensors"}, None),
        ({"x": "a.safetensors", "y": "a.safetensors"}, "does not"),
        ({"x": "a.safetensors", "y": "c.safetensors"}, "are not here"),
        ({"x": "a.safetensors", "y": "../b.safetensors"}, "no file beside it"),
        ({"x": 3}, "must name the file"),
    ):
        index.write_text(json.dumps({"weight_map": wrong}))
        if why is None:
            assert contents_of(tmp_path).bytes == 6  # files that no index names are not read
            continue
        with pytest.raises(WeightFileError, match=why):
            contents_of(tmp_path)


LIES: dict[str, tuple[Any, int, str]] = {
    "bytes that are not there": ({"x": entry("F32", [5], 0, 20)}, 19, "cut short"),
    "bytes too many": ({"x": entry("F32", [5], 0, 20)}, 21, "belong to no tensor"),
    "a hole": ({"x": entry("F16", [1], 0, 2), "y": entry("F16", [1], 4, 6)}, 6, "to no tensor"),
    "an overlap": ({"x": entry("F16", [2], 0, 4), "y": entry("F16", [1], 2, 4)}, 4, "overlaps"),
    "a shape of other bytes": ({"x": entry("F16", [3], 0, 4)}, 4, "takes 6 bytes"),
    "a negative size": ({"x": entry("F16", [-1], 0, 2)}, 2, "whole numbers from 0"),
    "a size that is true": ({"x": entry("F16", [True], 0, 2)}, 2, "whole numbers from 0"),
    "offsets the other way": ({"x": entry("F16", [1], 2, 0)}, 2, "data_offsets"),
    "an absurd shape": ({"x": entry("F16", [2**61, 2**61], 0, 2)}, 2, "larger than any"),
    "a dtype of nobody": ({"x": entry("F7", [1], 0, 2)}, 2, "dtype 'F7' is not known"),
    "another field": ({"x": entry("F16", [1], 0, 2) | {"more": 1}}, 2, "nothing else"),
    "no object": ([], 0, "must hold a JSON object"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, 0, "__metadata__"),
    "a key twice": (b'{"x": 1, "x": 2}', 0, "stands twice"),
    "a key of two lines": (b'{"x\\ny": 1}', 0, "cannot be shown"),
    "a key that moves the cursor": ({"\x1b[2J": entry("F16", [1], 0, 2)}, 2, "cannot be shown"),
    "no UTF-8": (b'{"\xff": 1}', 0, "UTF-8"),
    "deep lists": (b'{"x":' + b"[" * 200_000, 0, "too deep"),
    "a long number": (b'{"x": ' + b"9" * 5000 + b"}", 0, "5000 digits"),
    "no JSON": (b"{'x': 1}", 0, "not valid JSON"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_an_error_that_says_so(lie: str, tmp_path: Path) -> None:
    header, data, why = LIES[lie]
    with pytest.raises(WeightFileError, match=why):
        contents_of(written(tmp_path / "model.safetensors", header, data))


@pytest.mark.parametrize("length", [100, 2**24, 2**25, 2**63, 2**64 - 1])
def test_a_header_longer_than_its_file_is_not_looked_for(length: int, tmp_path: Path) -> None:
    with pytest.raises(WeightFileError, match=r"cut short|longer than 16 MiB"):
        contents_of(written(tmp_path / "model.safetensors", {}, length=length))


def test_hostile_files_take_no_time_and_no_memory(tmp_path: Path) -> None:
    huge = tmp_path / "huge.safetensors"
    with huge.open("wb") as file:
        file.write((2**31 - 8).to_bytes(8, "little"))
        file.truncate(2**31)  # 2 GiB, of which the disk has none
    twice = written(
        tmp_path / "twice.safetensors", b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b',"7":1}'
    )
    loop = tmp_path / "loop.safetensors"
    loop.symlink_to(loop)
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    for path in (huge, twice, loop, folder, tmp_path / "none.safetensors"):
        tracemalloc.start()
        began = perf_counter()
        with pytest.raises(LlmcmpError) as caught:
            contents_of(path)
        taken, peak = perf_counter() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken < 3, path.name  # traced; a tenth of it otherwise
        assert peak < 200 * 2**20
        assert "\n" not in str(caught.value)


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(0, 300)))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, length: int | None
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "any.safetensors", text, length=length)
    try:
        assert contents_of(path).bytes >= 0
    except WeightFileError as error:
        assert "\n" not in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.fixed_dictionaries(
            {"dtype": st.sampled_from(["F16", "F4", "X"]) | JSON, "shape": JSON, "data_offsets": JSON}
        ),
        max_size=3,
    )
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, header: dict[str, Any]) -> None:
    path = written(tmp_path_factory.getbasetemp() / "header.safetensors", header, 4)
    try:
        assert contents_of(path).bytes == 4
    except WeightFileError as error:
        assert "\n" not in str(error)
