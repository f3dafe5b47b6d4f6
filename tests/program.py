"""The program called within this process: quicker than a new one, for tests of what it answers."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from llmcmp.cli.app import main


@dataclass
class Answer:
    """What went to stdout and to stderr, and the exit code."""

    output: str
    errors: str
    code: int


def called(*arguments: str) -> Answer:
    """Call the program as with these words on its command line, into a pipe."""
    before, out, err = sys.argv, _pipe(), _pipe()
    sys.argv = ["llmcmp", *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        return Answer(output=_read(out), errors=_read(err), code=ended.code)
    finally:
        sys.argv = before
    raise AssertionError("the program did not end with an exit code")


def _pipe() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _read(pipe: io.TextIOWrapper) -> str:
    pipe.flush()
    pipe.seek(0)
    return pipe.read()
