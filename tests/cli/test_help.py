"""The help of every command: complete, within its width, and every example in it runs."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from program import called

from llmcmp.cli.app import COMMANDS, Program
from llmcmp.cli.command import command, summary
from llmcmp.cli.manual import Manual, manual, split
from llmcmp.sources.names import preset_files

MODULES = Program.modules()
MEASURING = set(COMMANDS["Measure"])
ON_A_TERMINAL = {"workbench"}  # what they do is tested where they are


def of(name: str) -> Manual:
    made = command(name, MODULES[name])
    return manual(made, typer.Context(made, info_name=f"llmcmp {name}"))


EXAMPLES = [example for name in MODULES for example in of(name).examples]


@pytest.mark.parametrize("name", MODULES)
def test_a_help_says_what_it_does_with_three_examples_and_every_option_in_a_panel(name: str) -> None:
    page = of(name)
    assert page.description and page.description[0].endswith(".")
    assert len(page.examples) == 3
    assert all(example.split()[:2] == ["llmcmp", name] for example in page.examples)
    assert all(entry.help and entry.help[-1] in "." for entry in page.entries if entry.panel != "Terminal")


@pytest.mark.parametrize("name", MODULES)
def test_every_choice_and_every_default_is_shown(name: str) -> None:
    entries = {entry.names: entry for entry in of(name).entries}
    for param in command(name, MODULES[name]).params:
        entry = next(
            entry for names, entry in entries.items() if param.opts[0] in names or param.metavar in (names, names[:-3])
        )
        for choice in param.type_descriptor.choices or ():
            assert str(choice) in entry.value + entry.help
        if param.default not in (None, False) and param.param_type_name == "option" and not param.is_flag:
            assert entry.default == str(param.default)


@pytest.mark.parametrize("width", [40, 80, 130])
@pytest.mark.parametrize("name", MODULES)
def test_no_line_of_a_help_is_wider_than_the_terminal_and_no_word_is_lost(name: str, width: int) -> None:
    shown = called(name, "--help", "--width", str(width)).output
    assert max(map(len, shown.splitlines())) <= width
    joined = re.sub(r"[│╭╮╰╯─\s]", "", shown)
    for entry in of(name).entries:
        assert entry.names.replace(" ", "")[:8] in joined


@pytest.mark.parametrize("panel", COMMANDS)
def test_the_programs_help_lists_its_commands_by_panel(panel: str) -> None:
    shown = called("--help", "--width", "200").output
    listed = shown.partition(f"─ {panel} ─")[2].partition("╰")[0]
    assert re.findall(r"│ (\w+)  ", listed) == list(COMMANDS[panel])
    assert all(summary(module) in listed for module in COMMANDS[panel].values())


def test_a_docstring_is_split_into_paragraphs_and_examples() -> None:
    text = "One.\n\n    Two\n    lines.\n\n    Examples:\n\n      llmcmp a\n\n      llmcmp b --c\n    "
    assert split(text) == (("One.", "Two lines."), ("llmcmp a", "llmcmp b --c"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an example runs, with the files that examples name and a file of defaults of its own."""
    (tmp_path / "my-model.toml").write_text(preset_files()["gpt2"].read_text("utf-8"), "utf-8")
    empty = (2).to_bytes(8, "little") + b"{}"
    (tmp_path / "model.safetensors").write_bytes(empty)
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-model" / "model.safetensors").write_bytes(empty)
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMCMP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_a_help_is_understood(example: str) -> None:
    _, name, *arguments = shlex.split(example)
    context = command(name, MODULES[name]).make_context(f"llmcmp {name}", arguments)
    assert not context.args


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.split()[1] not in MEASURING | ON_A_TERMINAL])
def test_every_example_of_a_help_runs(example: str, folder: Path) -> None:
    _run(example, folder)


@pytest.mark.full
@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.split()[1] in MEASURING])
def test_every_example_that_measures_runs(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    if "cuda" in example and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    monkeypatch.setenv("LLMCMP_QUICK_CEILINGS", "1")
    _run(example, folder)


def _run(example: str, folder: Path) -> None:
    arguments = shlex.split(example)[1:]
    run = called(*arguments)
    assert run.code == 0, run.errors
    written = [file for option, file in pairwise(arguments) if option in ("-o", "--output")]
    assert all((folder / file).stat().st_size > 0 for file in written)
    assert run.output or written or arguments[:2] == ["config", "set"]
