"""Shared by all tests: the folder of this file is importable, colours and widths are fixed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "LLMCMP_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
