"""`llmcmp import` and `--presets`, as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmcmp.sources.presets import load
from llmcmp.sources.write import renamed


def llm(*arguments: str, config: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program, with its folder for settings in `config`."""
    command = [sys.executable, "-m", "llmcmp", *arguments]
    env = os.environ | {"XDG_CONFIG_HOME": str(config)} | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_a_changed_model_becomes_a_preset_that_every_command_finds(tmp_path: Path) -> None:
    made = llm("import", "llama3-8b:kv_heads=16", "--name", "mine", "--json", config=tmp_path)
    row = json.loads(made.stdout)["rows"][0]
    assert row["model"] == "mine" and row["parameters"] == 8298696704
    assert load(row["file"]) == renamed(load("llama3-8b:kv_heads=16"), "mine")
    shown = llm("compare", "mine", "llama3-8b:kv_heads=16", "--json", config=tmp_path)
    one, other = json.loads(shown.stdout)["rows"]
    assert one["parameters"] == other["parameters"] == row["parameters"]
    again = llm("import", "gpt2", "--name", "mine", config=tmp_path)
    assert again.returncode == 1 and "--force" in again.stderr
    assert llm("import", "gpt2", "--name", "mine", "--force", config=tmp_path).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="where settings are kept is the platform's affair")
def test_a_preset_lands_in_the_users_own_folder(tmp_path: Path) -> None:
    assert llm("import", "gpt2", "--name", "mine", config=tmp_path).returncode == 0
    assert (tmp_path / "llmcmp" / "presets" / "mine.toml").is_file()


def test_a_folder_of_presets_is_named_by_option_or_variable(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    made = llm("import", "gpt2", "-o", str(folder / "mine.toml"), config=tmp_path)
    assert made.returncode == 0, made.stderr
    assert llm("show", "mine", config=tmp_path).returncode == 1
    for arguments in (["--presets", str(folder), "show", "mine"], ["show", "mine", f"--presets={folder}"]):
        assert llm(*arguments, config=tmp_path).stdout.startswith("mine  OpenAI")
    assert llm("show", "mine", config=tmp_path, LLMCMP_PRESETS=str(folder)).stdout.startswith("mine  OpenAI")
    missing = llm("show", "gpt2", "--presets", str(tmp_path / "none"), config=tmp_path)
    assert missing.returncode == 1 and missing.stderr.startswith("error: there is no folder")
