"""Every number that the documents print beside a command is what the command prints."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from llmcmp.cli.app import main

CONVENTIONS = (Path(__file__).parent.parent / "docs/concepts/conventions.md").read_text("utf-8")
# - `llmcmp flops llama2-7b --json` → `flops` 15,361,638,400, `head_flops` 1: why
EXAMPLES = [
    (command, re.findall(r"`(\w+)`\s+([\d,]+\d|\d)", values))
    for command, values in re.findall(r"^- `llmcmp ([^`]+ --json)` → ((?:[^\n]|\n  )+)", CONVENTIONS, re.MULTILINE)
]


def test_the_conventions_have_examples_that_can_be_checked() -> None:
    assert len(EXAMPLES) > 30 and all(values for _, values in EXAMPLES)


@pytest.mark.parametrize(("command", "values"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_a_number_beside_a_command_is_what_it_prints(
    command: str, values: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["llmcmp", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    for key, shown in values:
        assert round(row[key]) == int(shown.replace(",", "")), key
