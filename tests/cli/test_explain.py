"""`llmcmp explain` as people run it: on narrow and wide terminals, in pipes, into files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from llmcmp.cli import lesson
from llmcmp.learn import explain, terms


def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmcmp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=False)


def drawn(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(lesson, "width", lambda: width)
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, highlight=False)
    for piece in lesson.lesson_view(explain(name)):
        console.print(piece)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", [term.name for term in terms()])
def test_a_lesson_fits_the_terminal_and_lacks_nothing(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, shown = drawn(name, width, monkeypatch), explain(name)
    words = " ".join(text.split())
    for paragraph in (*shown.term.what, shown.term.costs, *shown.term.advantages, *shown.term.limits, shown.used_by()):
        assert " ".join(paragraph.split()) in words
    assert all(line.strip() in text for line in shown.term.formula.splitlines())
    solid = "".join(text.split())
    assert all(source.url in solid for source in shown.term.sources)
    assert all("".join(command.split()) in solid for command in shown.term.commands)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert all(len(line) <= lesson.READABLE for line in text.splitlines() if line.startswith("  - "))


def test_a_pipe_gets_no_colour_and_lines_that_can_be_read() -> None:
    run = llm("explain", "grouped", "query", "attention")
    assert run.returncode == 0 and run.stderr == ""
    assert "\x1b" not in run.stdout and run.stdout.startswith("Grouped-query attention (GQA)\n")
    assert not any(line != line.rstrip() for line in run.stdout.splitlines())


def test_without_a_term_all_are_listed_by_group() -> None:
    run = llm("explain")
    assert run.returncode == 0
    order = [run.stdout.index(f" {term.name} ") for term in terms()]
    assert order == sorted(order)


@pytest.mark.parametrize("arguments", [["explain", "mla"], ["explain"]])
def test_json_is_one_document_with_the_keys_of_the_csv(arguments: list[str], tmp_path: Path) -> None:
    run = llm(*arguments, "--json", "-o", str(tmp_path / "t.csv"), "-o", str(tmp_path / "t.json"))
    printed: dict[str, Any] = json.loads(run.stdout)
    assert printed["command"] == "explain"
    assert json.loads((tmp_path / "t.json").read_text("utf-8")) == printed
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [list(row) for row in printed["rows"]]


def test_json_holds_the_words_and_the_users() -> None:
    printed = json.loads(llm("explain", "mla", "--json").stdout)
    assert printed["term"]["name"] == "mla" and printed["term"]["sources"][0]["url"].startswith("https://")
    assert printed["users"]["kimi"] == ["kimi-k2"]
    assert printed["rows"][0]["kv_elements_per_token"] == 35136


@pytest.mark.parametrize("suffix", ["md", "html"])
def test_a_page_holds_the_whole_explanation(suffix: str, tmp_path: Path) -> None:
    run = llm("explain", "rlhf", "-o", str(tmp_path / f"page.{suffix}"))
    text = (tmp_path / f"page.{suffix}").read_text("utf-8")
    assert run.returncode == 0 and f"wrote {tmp_path / f'page.{suffix}'}" in run.stderr
    for part in ("PPO", "Formula", "Advantages", "Limits", "Sources", "https://arxiv.org/abs/1707.06347", "269 GiB"):
        assert part in text
    assert ("<script" in text) is False


def test_a_latex_file_holds_the_table(tmp_path: Path) -> None:
    assert llm("explain", "gqa", "-o", str(tmp_path / "t.tex")).returncode == 0
    assert "kv\\_heads = heads" in (tmp_path / "t.tex").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["explain", "rop"], 1, "unknown term 'rop'; did you mean 'rope'"),
        (["explain", "mla", "--model", "llama3-8b"], 1, "llama3-8b does not use Multi-head latent attention"),
        (["explain", "mla", "--model", "llama9"], 1, "unknown model 'llama9'"),
        (["explain", "--model", "llama3-8b"], 2, "name one; list them: llmcmp explain"),
        (["explain", "mla", "-o", "x.png"], 1, "there is no plot of explain; choose csv, json, md, tex or html"),
        (["explain", "mla", "-o", "x.doc"], 1, "unknown suffix '.doc'"),
    ],
)
def test_mistakes_are_named_in_one_line(arguments: list[str], code: int, message: str) -> None:
    run = llm(*arguments)
    assert run.returncode == code and run.stdout == ""
    assert message in run.stderr and run.stderr.count("\n") == 1


def test_the_reader_may_choose_the_model() -> None:
    printed = json.loads(llm("explain", "mla", "--model", "deepseek-v2-lite", "--json").stdout)
    assert printed["rows"][0]["kv_elements_per_token"] == 27 * (512 + 64)
