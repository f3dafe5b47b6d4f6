"""Running the program in a terminal of a given size: what is on the screen, with every escape code that led there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass


@dataclass
class Screen:
    """What the program wrote, both streams as they came, and its exit code."""

    text: str
    code: int


def in_a_terminal(
    *arguments: str,
    columns: int = 80,
    lines: int = 24,
    keys: bytes = b"",
    after: str = "",
    module: str = "llmcmp",
    **environment: str,
) -> Screen:
    """Run the program with all three streams on one terminal; `keys` are typed once `after` is on the screen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    known = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR", "PAGER")}
    run = subprocess.Popen(
        [sys.executable, "-m", module, *arguments] if module else list(arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=known | {"TERM": "xterm-256color"} | environment,
        start_new_session=True,
    )
    os.close(theirs)
    text = _read(ours, run, keys, after.encode())
    os.close(ours)
    return Screen(text=text.decode(errors="replace").replace("\r\n", "\n"), code=run.wait(timeout=60))


def _read(ours: int, run: subprocess.Popen[bytes], keys: bytes, after: bytes) -> bytes:
    text, until = b"", time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the last process that held the terminal has gone
                return text
            if not read:
                return text
            text += read
            if keys and after in text:
                os.write(ours, keys)
                keys = b""
        elif run.poll() is not None:
            return text
    run.kill()
    run.wait()
    raise AssertionError(f"still running after a minute: {text[-500:]!r}")
