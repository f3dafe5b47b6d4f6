"""What every command does alike, on a terminal and off it: width, colour, quiet, pager, progress, one line an error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pty")

from program import called
from terminal import in_a_terminal

from llmcmp.cli import progress, terminal
from llmcmp.cli.app import COMMANDS, Program

NAMES = list(Program.modules())
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def llm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmcmp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_the_options_of_the_terminal_without_naming_them(name: str) -> None:
    shown = called(name, "--help").output
    assert all(option in shown for option in ("-q, --quiet", "--width", "--pager, --no-pager", "-h, --help"))


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_width_is_kept_before_the_command_or_after_it_and_in_a_pipe(place: str) -> None:
    asked, command = ["--width", "50"], ["compare", "llama2", "qwen2", "mixtral"]
    lines = llm(*(asked + command if place == "before" else command + asked)).stdout.splitlines()
    assert max(map(len, lines)) <= 50
    assert max(map(len, llm(*command).stdout.splitlines())) > 60


def test_help_takes_the_width_that_stands_after_it() -> None:
    lines = llm("kvcache", "--help", "--width", "44").stdout.splitlines()
    assert max(map(len, lines)) == 44


def test_quiet_leaves_only_the_answer() -> None:
    loud, quiet = llm("kvcache", "llama2", "--ctx", "8k"), llm("kvcache", "llama2", "--ctx", "8k", "--quiet")
    assert quiet.stdout == loud.stdout != ""
    assert loud.stderr and not quiet.stderr


def test_quiet_does_not_hide_an_error() -> None:
    run = llm("-q", "compare", "lama-8b")
    assert run.returncode == 1 and run.stderr.startswith("error: unknown model")


@pytest.mark.parametrize(
    "arguments",
    [["compare", "llama2"], ["show", "gpt2"], ["--help"], ["compare", "--help"], ["compare", "lama-8b"], ["flops"]],
    ids=" ".join,
)
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_without_colour_gets_no_escape_code(arguments: list[str], environment: dict[str, str]) -> None:
    shown = in_a_terminal(*arguments, "--no-pager", **environment).text
    assert shown.strip() and "\x1b" not in shown
    assert "\x1b[" in in_a_terminal(*arguments, "--no-pager").text


@pytest.mark.parametrize("arguments", [["compare", "llama2"], ["--help"], ["compare", "lama-8b"]], ids=" ".join)
def test_colour_can_be_asked_for_in_a_pipe_and_forbidden_still(arguments: list[str]) -> None:
    forced = llm(*arguments, FORCE_COLOR="1")
    assert "\x1b[" in forced.stdout + forced.stderr
    for environment in (
        {"FORCE_COLOR": "0"},
        {"FORCE_COLOR": "1", "NO_COLOR": "1"},
        {"FORCE_COLOR": "", "NO_COLOR": ""},
    ):
        plain = llm(*arguments, **environment)
        assert "\x1b" not in plain.stdout + plain.stderr
        assert plain.stdout.splitlines() == [line.rstrip() for line in ESCAPE.sub("", forced.stdout).splitlines()]


PAGER = {"PAGER": f"{sys.executable} -c \"import sys; print('PAGED', len(sys.stdin.readlines()))\""}


def test_only_an_answer_longer_than_the_terminal_goes_through_the_pager() -> None:
    long = in_a_terminal("compare", "llama2", lines=24, **PAGER).text
    assert long.startswith("PAGED 4") and "llama2-7b" not in long
    assert "PAGED" not in in_a_terminal("compare", "llama2", lines=60, **PAGER).text
    assert "PAGED" not in llm("compare", "llama2", LINES="10", **PAGER).stdout


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--no-pager"], PAGER), ([], {"PAGER": "cat"}), ([], {"PAGER": ""}), ([], {"PAGER": "no-such-pager -x"})],
    ids=["--no-pager", "cat", "empty", "absent"],
)
def test_without_a_pager_the_answer_is_there_all_the_same(arguments: list[str], environment: dict[str, str]) -> None:
    shown = in_a_terminal("compare", "llama2", *arguments, **environment)
    assert shown.code == 0 and "llama2-7b" in shown.text and "PAGED" not in shown.text


@pytest.mark.skipif(not shutil.which("less"), reason="less is not installed")
def test_less_shows_the_top_and_leaves_at_q() -> None:
    shown = in_a_terminal("kvcache", "--ctx", "8k", lines=20, keys=b"q")
    assert shown.code == 0
    assert "KV cache and other state" in shown.text and "undisclosed" not in shown.text


def test_a_pager_that_stops_reading_is_no_error() -> None:
    shown = in_a_terminal("kvcache", "--ctx", "8k", PAGER="head -1")
    assert shown.code == 0 and "Traceback" not in shown.text and "KV cache" in shown.text


def test_what_takes_longer_than_a_second_says_so_and_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setattr(progress, "watched", lambda: True)
    with progress.waiting("llmcmp compare"):
        time.sleep(0.2)
        progress.settle()
        assert capsys.readouterr().err == f"{progress.ERASE}llmcmp compare … 0 s{progress.ERASE}"
    with progress.waiting("llmcmp compare"):
        pass
    assert capsys.readouterr().err == ""


def test_a_slow_command_shows_its_seconds_on_a_terminal_only() -> None:
    slow = "import sys, time; import llmcmp.cli.listing as l; f = l.list_table; " + (
        "l.list_table = lambda *a, **k: (time.sleep(1.6), f(*a, **k))[1]; sys.argv = ['llmcmp', *sys.argv[1:]]; "
        "from llmcmp.cli.app import main; main()"
    )
    command = [sys.executable, "-c", slow, "list", "--family", "mpt"]
    assert "llmcmp list … 1 s" in in_a_terminal(*command, module="").text
    assert "…" not in in_a_terminal(*command, "--quiet", module="").text
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == "4 more columns with --json or -o FILE\n"


def test_one_column_more_is_a_column() -> None:
    run = called("plot", "kv-year", "llama3-8b")
    assert run.errors == "1 more column with --json or -o FILE\n"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("list", "config", "doctor")])
def test_wrong_usage_is_one_line_that_names_the_help(name: str) -> None:
    for arguments in (["--no-such-option"], ["a", "--width", "many"]):
        run = called(name, *arguments)
        assert run.code == 2 and run.output == ""
        assert run.errors.startswith("error: ") and run.errors.count("\n") == 1
        assert run.errors.endswith(f"; see: llmcmp {name} --help\n")


def test_a_command_that_is_almost_right_is_suggested() -> None:
    run = llm("compar", "llama2")
    assert (run.returncode, run.stdout) == (2, "") and "Did you mean 'compare'" in run.stderr


def test_the_program_alone_shows_its_help_off_a_terminal_and_on_a_dumb_one() -> None:
    run = llm()
    assert run.returncode == 0 and run.stdout == llm("--help").stdout
    assert all(panel in run.stdout for panel in COMMANDS)
    assert "Usage: llmcmp" in in_a_terminal(TERM="dumb").text


def test_the_program_alone_opens_the_workbench_on_a_terminal(tmp_path: Path) -> None:
    screen = in_a_terminal(columns=100, lines=30, keys=b"q", after="Parameters", XDG_STATE_HOME=str(tmp_path))
    assert screen.code == 0 and "\x1b[?1049h" in screen.text and "Usage:" not in screen.text


def test_preferences_change_only_where_something_is_given() -> None:
    terminal.forget()
    terminal.prefer(width=70)
    terminal.prefer(quiet=None, width=None, pager=False)
    assert terminal.preferences() == terminal.Preferences(width=70, pager=False)
    terminal.forget()
    assert terminal.preferences() == terminal.Preferences()
