"""A report's files appear whole or not at all, and nobody else's file is ever lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from reports import NAMES, made

import llmcmp
from llmcmp.errors import OutputError
from llmcmp.report.files import check_places, file_name, folder_files, write_folder

FILES = {"index.html": b'name="generator" content="llmcmp 1"', "tables/a.csv": b"a\n1\n"}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    contents, figures, page = made()
    return folder_files(contents, page, figures)


def test_a_folder_holds_the_page_each_table_thrice_and_each_figure_twice(files: dict[str, bytes]) -> None:
    contents, figures, page = made()
    assert files["index.html"].decode() == page
    for part in contents.parts():
        assert {f"tables/{part.name}{suffix}" for suffix in (".csv", ".md", ".tex")} <= files.keys()
    drawn = [*figures.parts, *(f"blocks/{name}" for name in figures.blocks)]
    assert len(drawn) > 12
    for name in drawn:
        assert files[f"figures/{name}.png"].startswith(b"\x89PNG")
        assert files[f"figures/{name}.svg"].startswith(b"<?xml")


def test_csv_holds_the_numbers_of_the_api(files: dict[str, bytes]) -> None:
    rows = {row["model"]: row for row in csv.DictReader(files["tables/parameters.csv"].decode().splitlines())}
    assert list(rows) == NAMES
    assert int(rows["deepseek-v3"]["parameters"]) == llmcmp.params(llmcmp.load("deepseek-v3")).total


def test_markdown_shows_every_figure_that_is_there(files: dict[str, bytes]) -> None:
    text = files["report.md"].decode()
    shown = {line.split("](")[1][:-1] for line in text.splitlines() if line.startswith("![")}
    assert shown == {name for name in files if name.endswith(".svg")}
    assert all(source.url in text for name in NAMES for source in llmcmp.load(name).card.sources)


def test_a_new_folder_is_there_whole(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "r")
    assert (tmp_path / "r" / "tables" / "a.csv").read_bytes() == b"a\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_an_older_report_is_replaced_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write_folder(FILES | {"tables/old.csv": b""}, tmp_path / "r")
    check_places([tmp_path / "r"])
    write_folder(FILES, tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r" / "tables").iterdir()) == ["a.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


@pytest.mark.parametrize("broken", ["write", "move"])
def test_a_failure_leaves_the_old_report_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write_folder(FILES, tmp_path / "r")
    rename = Path.rename

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    def stuck(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    if broken == "write":
        monkeypatch.setattr(Path, "write_bytes", full)
    else:
        monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(OutputError, match=r"cannot write .*r': (No space|Input/output)"):
        write_folder({"index.html": b"new"}, tmp_path / "r")
    monkeypatch.undo()
    found = {path.relative_to(tmp_path / "r").as_posix(): path.read_bytes() for path in tmp_path.glob("r/**/*.*")}
    assert found == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_folder_with_anything_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years")
    with pytest.raises(OutputError, match=r"it holds 'thesis.doc', which is no report's; choose another folder"):
        check_places([tmp_path])
    mine = tmp_path / "site"
    mine.mkdir()
    (mine / "index.html").write_text("<h1>my own</h1>")
    with pytest.raises(OutputError, match="holds files that no report wrote"):
        check_places([mine])


def test_places_are_checked_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, why in {
        tmp_path / "x.csv": "a report is an .html page or a folder",
        tmp_path / "no" / "r": "there is no folder",
        tmp_path / "no" / "r.html": "there is no folder",
        tmp_path / "file": "it is a file",
    }.items():
        with pytest.raises(OutputError, match=why):
            check_places([place])
    check_places([tmp_path / "v1.2", tmp_path / "r.html"])


def test_no_name_leads_out_of_the_folder() -> None:
    assert [file_name(name) for name in ("../../etc", "a/b", "..", "llama3-8b:kv_heads=2", "模型")] == [
        "-..-etc",
        "a-b",
        "-",
        "llama3-8b-kv_heads-2",
        "模型",
    ]


def test_the_tables_of_a_report_are_documents(files: dict[str, bytes]) -> None:
    for part in made()[0].parts():
        json.dumps(part.table.document())
