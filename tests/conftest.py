"""Shared by all tests: the folder of this file is importable, colours, widths and defaults are fixed."""

import atexit
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

collect_ignore = ["fuzz"]  # needs a library of its own, and runs for as long as one lets it
sys.path.insert(0, str(Path(__file__).parent))
# Whoever runs the tests may have presets and settings of their own: no test sees them, nor does what it starts.
os.environ.pop("LLMCMP_PRESETS", None)
_EMPTY = TemporaryDirectory()
atexit.register(_EMPTY.cleanup)
os.environ["XDG_CONFIG_HOME"] = _EMPTY.name


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "LLMCMP_CTX", "LLMCMP_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLMCMP_CONFIG", os.devnull)  # nobody's own file
