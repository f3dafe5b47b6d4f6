"""The file of defaults: one line changes, everything else stays, and nothing is half written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcmp.config import Config, change, config_path, read, toml
from llmcmp.errors import DefaultsError

WRITTEN = """# mine
ctx = "8k"   # short

weights = "int8"

# the machine in the corner
[bench]
device = "cpu"

[list]
language = "zh"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "config.toml"
    path.parent.mkdir()
    path.write_text(WRITTEN, "utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("ctx", "32k", 'ctx = "8k"   # short', 'ctx = "32k"'),
        ("batch", 3, 'weights = "int8"\n', 'weights = "int8"\nbatch = 3\n'),
        ("bench.device", "cuda", 'device = "cpu"', 'device = "cuda"'),
        ("bench.threads", 5, 'device = "cpu"\n', 'device = "cpu"\nthreads = 5\n'),
        ("compare.only-diff", True, 'language = "zh"\n', 'language = "zh"\n\n[compare]\nonly-diff = true\n'),
        ("weights", None, 'weights = "int8"\n', ""),
        ("bench.device", None, 'device = "cpu"\n', ""),
        ("absent", None, "", ""),
    ],
)
def test_one_line_changes_and_comments_stay(
    key: str, value: str | int | bool | None, old: str, new: str, file: Path
) -> None:
    change(file, key, value)
    assert file.read_text("utf-8") == WRITTEN.replace(old, new, 1)


def test_a_file_that_is_not_there_holds_nothing_and_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    assert read(path) == Config(everywhere={}, commands={})
    change(path, "bench.device", "cpu")
    assert path.read_text() == '[bench]\ndevice = "cpu"\n'
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_a_value_over_several_lines_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('ctx = """\n8k"""\n')
    with pytest.raises(DefaultsError):
        change(path, "ctx", "4k")
    assert path.read_text() == 'ctx = """\n8k"""\n'


def test_a_link_to_the_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    change(link, "ctx", "16k")
    assert link.is_symlink() and read(file).everywhere["ctx"] == "16k"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ctx = ", "not valid TOML"),
        ("ctx = 2020-01-01", "ctx: expected a text"),
        ("[bench]\ndevice = [1]", "[bench] device: expected a text"),
        ("[bench.deep]\nx = 1", "[bench] deep: expected a text"),
    ],
)
def test_what_no_option_can_hold_is_an_error_that_names_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(DefaultsError) as raised:
        read(path)
    assert str(path) in str(raised.value) and message in str(raised.value)


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DefaultsError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DefaultsError, match="not valid TOML"):
        read(tmp_path / "bytes.toml")
    (tmp_path / "file").write_text("")
    with pytest.raises(DefaultsError, match="cannot"):
        change(tmp_path / "file" / "config.toml", "ctx", "4k")


@given(st.one_of(st.text(), st.integers(-(2**60), 2**60), st.booleans(), st.lists(st.text(), max_size=3)))
def test_every_value_is_read_back_as_it_was_written(value: str | int | bool | list[str]) -> None:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return
    assert tomllib.loads(f"key = {toml(value)}") == {"key": value}


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMCMP_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path() == tmp_path / "mine.toml"
    monkeypatch.delenv("LLMCMP_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path().name == "config.toml" and config_path().parent.name == "llmcmp"
