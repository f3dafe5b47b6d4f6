"""A long answer through the reader's pager, as git does it: `$PAGER`, else less, which leaves at once if all fits."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress

from llmcmp.cli.terminal import dumb, height, preferences

# What less is told unless the reader's own $LESS says otherwise: leave if all fits, show colours, keep the screen.
LESS = "FRX"
NOT_FOUND = 127


def wants_pager(text: str) -> bool:
    """Whether this text is longer than the terminal that it goes to."""
    if not preferences().pager or dumb() or not (sys.stdout.isatty() and sys.stdin.isatty()):
        return False
    return text.count("\n") >= height() and bool(pager())


def pager() -> list[str]:
    """The command of the pager; empty where there is none, or where `PAGER` is cat or nothing."""
    words = shlex.split(os.environ.get("PAGER", "less"))
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return []
    return words


def page(text: str) -> bool:
    """Show a text in the pager. False where it could not be started, so that nothing was shown."""
    environment = {"LESS": LESS, "LV": "-c"} | os.environ
    try:
        process = subprocess.Popen(pager(), stdin=subprocess.PIPE, env=environment)
    except OSError:
        return False
    with suppress(BrokenPipeError, KeyboardInterrupt):  # the reader has seen enough
        process.communicate(text.encode(errors="replace"))
    while process.poll() is None:
        with suppress(KeyboardInterrupt):  # Ctrl-C is the pager's affair until it ends
            process.wait()
    return process.returncode != NOT_FOUND
