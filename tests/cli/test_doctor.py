"""What doctor says for a bug report, and what it must not say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from program import called

import llmcmp
from llmcmp.cli import diagnosis
from llmcmp.sources.names import preset_files


def rows() -> dict[str, dict[str, Any]]:
    return {row["item"]: row for row in json.loads(called("doctor", "--json").output)["rows"]}


def test_it_names_versions_presets_and_files() -> None:
    found = rows()
    assert found["llmcmp"]["state"].startswith(llmcmp.__version__)
    assert found["Python"]["state"].startswith(".".join(map(str, sys.version_info[:3])))
    assert found["Models"]["state"].startswith(f"{len(preset_files())} in ")
    assert {"System", "stdout", "Encoding", "Pager", "Defaults", "Measurements", "Ceilings"} <= set(found)
    assert not any(row["problem"] for row in found.values())


def test_it_asks_for_every_package_that_is_installed_with_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[>=<\[ ]", each)[0] for each in project["dependencies"]]
    assert sorted(diagnosis.REQUIRED) == sorted(names)
    assert set(diagnosis.REQUIRED) <= set(rows())


def test_it_imports_nothing_slow() -> None:
    program = (
        "import sys\nfrom llmcmp.cli.app import main\nsys.argv = ['llmcmp', 'doctor']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *sorted({'torch', 'pandas', 'matplotlib', 'textual', 'numpy'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1].split() == ["IMPORTED"]


@pytest.mark.parametrize("wrong", ["package", "config", "encoding", "presets"])
def test_a_problem_is_counted_with_the_next_step_and_exit_code_1(
    wrong: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    item = {"package": "rich", "config": "Defaults", "encoding": "Encoding", "presets": "Models"}[wrong]
    if wrong == "package":
        monkeypatch.setattr(diagnosis, "_version", lambda name: None if name == "rich" else "1")
    if wrong == "config":
        (tmp_path / "config.toml").write_text('weights = "int5"')
        monkeypatch.setenv("LLMCMP_CONFIG", str(tmp_path / "config.toml"))
    if wrong == "presets":
        monkeypatch.setattr("llmcmp.sources.names.preset_paths", dict)
    if wrong == "encoding":
        run = subprocess.run(
            [sys.executable, "-m", "llmcmp", "doctor", "--json"],
            capture_output=True,
            env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(llmcmp.__file__).parents[1])},
            check=False,
        )
        document, code = json.loads(run.stdout), run.returncode
    else:
        answer = called("doctor", "--json")
        document, code = json.loads(answer.output), answer.code
    assert code == 1 and document["settings"] == {"problems": 1}
    [problem] = [row for row in document["rows"] if row["problem"]]
    assert problem["item"] == item and problem["next_step"]


def test_nobodys_name_and_no_secret_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_do_not_tell")
    monkeypatch.setenv("LLMCMP_CONFIG", str(tmp_path / "config.toml"))
    shown = called("doctor").output
    assert str(tmp_path) not in shown and "hf_do_not_tell" not in shown and "~/config.toml" in shown
