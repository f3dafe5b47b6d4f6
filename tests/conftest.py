"""Shared by all tests: the folder of this file is importable, colours, widths and defaults are fixed."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "LLMCMP_CTX", "LLMCMP_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLMCMP_CONFIG", os.devnull)  # nobody's own file
