"""README's output is what the program prints."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import llmcmp
from llmcmp.sources.names import preset_files

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```console\n\$ llmcmp ([^\n]+)\n(.*?)\n```", README, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_readme_shows_what_is_printed(command: str, shown: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "llmcmp", *shlex.split(command)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    # README shows one part of `show`; everything else is there from first line to last.
    assert shown in run.stdout
    assert command.startswith("show") or shown == run.stdout.rstrip("\n")


def test_readme_counts_the_presets() -> None:
    disclosed = sum(llmcmp.load(name).disclosed for name in preset_files())
    assert f"presets of {len(preset_files())} models" in README
    assert re.search(rf"\b{disclosed} of them have a\s+public architecture", README)


def test_readmes_python_gives_the_values_beside_it() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code
    names: dict[str, object] = {}
    for line in code[1].splitlines():
        statement, _, shown = line.partition("  # ")
        if re.match(r"import |\w+ = ", statement):
            exec(statement, names)
        elif statement.strip():
            value = repr(eval(statement, names))
            assert shown.startswith("a ") or not shown or value == shown.strip()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_examples_in_documents_run(path: Path) -> None:
    assert doctest.testfile(str(path), module_relative=False, encoding="utf-8").failed == 0
