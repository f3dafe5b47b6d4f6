"""diff and drawn figures as people run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmcmp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_diff_prints_what_differs_and_nothing_else() -> None:
    run = llm("diff", "llama3-8b", "llama3-8b:kv_heads=4")
    names = [line.split("  ")[0] for line in run.stdout.splitlines()]
    assert "KV heads" in names and "block A attention: KV heads" in names
    assert not {"Organisation", "Layers", "Vocabulary", "Context"} & set(names)


def test_a_field_of_diff_is_in_its_document_under_its_address() -> None:
    first, second = json.loads(llm("diff", "deepseek-v3", "kimi-k2", "--json").stdout)["rows"]
    assert (first["decoder.1.feed_forward.experts"], second["decoder.1.feed_forward.experts"]) == (256, 384)
    assert (first["decoder.0.layers"], second["decoder.0.layers"]) == ("0–2", "0")
    assert first["first.apart.multi-token prediction"] and not second["first.apart.multi-token prediction"]


def test_a_model_beside_itself_is_no_error() -> None:
    run = llm("diff", "gpt2", "gpt2")
    assert run.returncode == 0
    assert "nothing differs between them" in run.stderr


def test_blocks_bear_the_letters_of_the_drawing() -> None:
    run = llm("diff", "switch-base-8", "switch-base-16")
    assert "decoder block D feed-forward: experts" in run.stdout


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_both_are_drawn_into_a_file(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"diff.{suffix}"
    assert llm("diff", "llama3-8b", "qwen3-8b", "-o", str(file)).returncode == 0
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert file.read_bytes().startswith(start)


@pytest.mark.parametrize("arguments", [["show", "gpt-4"], ["diff", "gpt2", "gpt-4"]])
def test_an_undisclosed_model_is_shown_but_not_drawn(arguments: list[str], tmp_path: Path) -> None:
    assert llm(*arguments).returncode == 0
    run = llm(*arguments, "-o", str(tmp_path / "x.svg"))
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr == (
        "error: gpt-4: its architecture is undisclosed, so it cannot be drawn; what is known: llmcmp show gpt-4\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_drawing_loads_matplotlib_and_no_other_slow_module(tmp_path: Path) -> None:
    program = f"""
import sys
from llmcmp.cli.app import main
sys.argv = ["llmcmp", "show", "gpt2", "-o", {str(tmp_path / "x.svg")!r}]
try:
    main()
except SystemExit:
    pass
slow = {{"torch", "pandas", "textual", "matplotlib.pyplot"}} & set(sys.modules)
print("\\n", "matplotlib.figure" in sys.modules, slow)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split()[-2:] == ["True", "set()"]
