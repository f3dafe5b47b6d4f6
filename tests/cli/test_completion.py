"""Completion in real shells, and that it is quick."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import called

from llmcmp.cli.app import Program
from llmcmp.cli.command import brief, summary
from llmcmp.sources.names import aliases, preset_files

SHELLS = ["bash", "zsh", "fish", "powershell"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with a program called llmcmp, and an empty home."""
    program = tmp_path / "bin" / "llmcmp"
    program.parent.mkdir()
    root = Path(__file__).parents[2]
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m llmcmp "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def completed(words: str) -> list[str]:
    """What bash would be offered at the end of a line."""
    line = words.split(" ")
    environment = {"_LLMCMP_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(line) - 1)}
    run = subprocess.run(
        [sys.executable, "-m", "llmcmp"], capture_output=True, text=True, env=os.environ | environment, check=True
    )
    return run.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("llmcmp kv", ["kvcache"]),
        (
            "llmcmp compare mixtr",
            ["mixtral-8x7b", "mixtral-8x22b", "mixtral", "mixtral-8x7b-v0.1", "mixtral-8x22b-v0.1"],
        ),
        ("llmcmp --quiet compare --only", ["--only-diff"]),
        ("llmcmp kvcache --dtype fp1", ["fp16"]),
        ("llmcmp show --wi", ["--width"]),
        ("llmcmp completion z", ["zsh"]),
        ("llmcmp config set we", ["weights"]),
        ("llmcmp --ver", ["--version"]),
    ],
)
def test_commands_options_values_and_models_are_completed(words: str, expected: list[str]) -> None:
    assert completed(words) == expected


def test_every_command_is_offered() -> None:
    assert completed("llmcmp ") == list(Program.modules())


@pytest.mark.parametrize("words", ["llmcmp ", "llmcmp bench ll", "llmcmp compare ll", "llmcmp config set "])
def test_completing_imports_nothing_slow(words: str) -> None:
    program = (
        "import sys\nfrom llmcmp.cli.app import main\nsys.argv = ['llmcmp']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *sorted({'torch', 'pandas', 'matplotlib', 'textual', 'numpy'} & sys.modules.keys()))"
    )
    line = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1), "_LLMCMP_COMPLETE": "complete_bash"}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | line, check=True
    )
    assert run.stdout.splitlines()[-1].split() == ["IMPORTED"]
    assert len(run.stdout.splitlines()) > 1


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_is_printed(shell: str) -> None:
    run = called("completion", shell)
    assert run.code == 0 and "_LLMCMP_COMPLETE" in run.output and f"complete_{shell}" in run.output


def test_an_unknown_shell_is_wrong_usage() -> None:
    run = called("completion", "tcsh")
    assert run.code == 2 and "'tcsh' is not one of 'bash', 'zsh', 'fish', 'powershell'" in run.errors


def test_bash_completes_with_the_script(installed: Path) -> None:
    line = 'COMP_WORDS=(llmcmp show deepseek-v3-); COMP_CWORD=2; _llmcmp_completion llmcmp; echo "${COMPREPLY[@]}"'
    script = f'eval "$(llmcmp completion bash)"; complete -p llmcmp; {line}'
    run = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == "complete -o default -F _llmcmp_completion llmcmp"
    offered = run.stdout.splitlines()[1].split()
    assert offered == [name for name in (*preset_files(), *aliases()) if name.startswith("deepseek-v3-")] != []


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_with_the_script_and_says_what_a_command_does(installed: Path) -> None:
    script = "llmcmp completion fish | source; complete -C 'llmcmp kv'"
    run = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"kvcache\t{brief('kvcache')}\n"
    assert summary("kvcache").startswith(brief("kvcache").removesuffix(" …"))


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes_at_a_tab(installed: Path) -> None:
    load = 'autoload -Uz compinit; compinit -u; eval "$(llmcmp completion zsh)"'
    lines = [
        "zmodload zsh/zpty",
        "zpty z zsh -f -i; sleep 0.3",
        f"zpty -w z '{load}'; sleep 1",
        r"zpty -w -n z $'llmcmp kvc\t'; sleep 2",
        "zpty -w z ' --help >/dev/null; echo DO''NE'; zpty -r z out '*DONE*'; print -r -- $out",
    ]
    run = subprocess.run(["zsh", "-f", "-c", "\n".join(lines)], capture_output=True, text=True, check=False, timeout=60)
    assert "llmcmp kvcache" in run.stdout, run


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/llmcmp.sh"),
        ("fish", ".config/fish/completions/llmcmp.fish"),
        ("zsh", ".zfunc/_llmcmp"),
    ],
)
def test_completion_installs_itself_for_the_shell_that_runs(shell: str, file: str, installed: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    # A second command keeps the shell in between, whose name is looked for.
    run = subprocess.run([shell, "-c", "llmcmp --install-completion; true"], capture_output=True, text=True, check=True)
    assert f"{shell} completion installed" in run.stdout, run.stderr
    assert "_LLMCMP_COMPLETE" in (installed / file).read_text()
