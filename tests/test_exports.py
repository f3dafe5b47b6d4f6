"""Exports: the same numbers in every format, and files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import llmcmp
from llmcmp import exports
from llmcmp.errors import OutputError
from llmcmp.exports import check_outputs, content, csv_text
from llmcmp.files import write
from llmcmp.tables.text import html_table, markdown_table

TABLE = llmcmp.compare(["llama2", "t5", "gpt-4"], ctx=512)


def test_a_frame_holds_the_rows_in_base_units() -> None:
    frame = TABLE.to_frame()
    assert list(frame["model"]) == ["llama2-7b", "t5-base", "gpt-4"]
    assert frame["parameters"][0] == 6738415616
    assert list(frame.columns) == [column.key for column in TABLE.columns]


def test_a_notebook_shows_a_table() -> None:
    assert TABLE._repr_html_().startswith("<table>")
    assert html_table(TABLE).count("<tr>") > 10
    assert "Parameters" in str(TABLE) and "llama2-7b" in str(TABLE)


def test_markdown_holds_every_model_and_no_broken_cell() -> None:
    lines = [line for line in markdown_table(TABLE).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "llama2-7b" in lines[0]


def test_csv_quotes_what_holds_commas() -> None:
    text = csv_text(llmcmp.compare(["mixtral"]))
    assert '"decoder-only, MoE"' in text


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")

    def full_disk(self: Path, other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write(content(TABLE, target), target)
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_failing_format_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(table: llmcmp.Table) -> str:
        raise ValueError("halfway")

    monkeypatch.setitem(exports.TEXTS, ".md", broken)
    with pytest.raises(ValueError, match="halfway"):
        write(content(TABLE, tmp_path / "x.md"), tmp_path / "x.md")
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write(content(TABLE, tmp_path / "x.csv"), tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("")
    assert (tmp_path / "x.csv").stat().st_mode == (tmp_path / "y.csv").stat().st_mode


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "a.xyz", tmp_path / "absent" / "a.csv", tmp_path / "folder.csv"):
        with pytest.raises(OutputError, match=path.name):
            check_outputs([path])
    check_outputs([tmp_path / "a.csv", tmp_path / "b.PNG"])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        check_outputs([tmp_path / "a.csv"])
    tmp_path.chmod(0o700)
