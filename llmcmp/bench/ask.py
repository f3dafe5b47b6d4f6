"""Ask a worker and wait for it: whatever becomes of its process, the asker gets an outcome and goes on.

A worker has a session of its own, so Ctrl-C reaches the asker alone, which then ends the worker; and it ends by itself
when the asker is gone, because its stdin closes.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import llmcmp
from llmcmp.errors import LlmcmpError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

Status = Literal["ok", "does not fit", "out of memory", "timed out", "crashed", "failed"]
Request = dict[str, Any]

LOOK = 0.1  # seconds between two looks at whether an answer is still wanted

# -P: the folder that a user stands in is no place to import from.
WORKER = (sys.executable, "-P", "-m", "llmcmp.bench.worker")


class Stopped(LlmcmpError):
    """The answer is no longer wanted."""


@frozen(eq=False)
class Outcome:
    """What became of a request: its result, or a status with a reason of one line."""

    status: Status
    reason: str | None = None
    result: dict[str, Any] | None = None


def ask(
    request: Request,
    timeout: float,
    on_progress: Callable[[float], None] = lambda share: None,
    command: Sequence[str] = WORKER,
    stopped: Callable[[], bool] | None = None,
) -> Outcome:
    """The outcome of a request to a new worker, after `timeout` seconds at the latest.

    Raises Stopped, with the worker ended, soon after `stopped` says so: another thread wants no more of it.
    """
    with tempfile.TemporaryFile() as errors:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env=_environment(),
        )
        try:
            said = _conversation(worker, request, time.monotonic() + timeout, on_progress, stopped)
            if said is None:
                return Outcome(status="timed out", reason=f"no result within {timeout:g} s; allow more: --timeout")
            return said or _ended(worker.wait(), errors)
        finally:
            _end(worker)


def _environment() -> dict[str, str]:
    """This process's environment, with this package to be found."""
    paths = (str(Path(llmcmp.__file__).parent.parent), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _conversation(
    worker: subprocess.Popen[bytes],
    request: Request,
    deadline: float,
    on_progress: Callable[[float], None],
    stopped: Callable[[], bool] | None,
) -> Outcome | Literal[False] | None:
    """What the worker says in the end; False if it ends without a word, None if it does not end in time."""
    assert worker.stdin is not None and worker.stdout is not None
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(worker.stdout, lines), daemon=True).start()
    with suppress(BrokenPipeError):  # it ended at once; its exit says why
        worker.stdin.write(json.dumps(request).encode() + b"\n")
        worker.stdin.flush()
    while True:
        if stopped is not None and stopped():
            raise Stopped("stopped")
        left = max(deadline - time.monotonic(), 0)
        try:
            line = lines.get(timeout=left if stopped is None else min(left, LOOK))
        except queue.Empty:
            if left > LOOK and stopped is not None:
                continue
            return None
        if line is None:
            return False
        message = _message(line)
        if "done" in message:
            on_progress(message["done"])
        elif "refused" in message:
            return Outcome(status=message["refused"], reason=message["reason"])
        elif "result" in message:
            return Outcome(status="ok", result=message["result"])


def _listen(source: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    with suppress(ValueError):  # closed while reading
        for line in source:
            lines.put(line)
    lines.put(None)


def _message(line: bytes) -> dict[str, Any]:
    """A line of the worker; an empty message for what it did not write itself."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}


def _ended(code: int, errors: IO[bytes]) -> Outcome:
    """The outcome of a worker that ended without a result."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = "; the kernel does that where memory runs out" if name == "SIGKILL" else ""
        return Outcome(status="crashed", reason=f"its process was ended by {name}{hint}")
    errors.seek(0)
    lines = [line for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return Outcome(status="failed", reason=lines[-1].strip()[:300] if lines else f"its process ended with code {code}")


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End the worker and all that it started, if it still runs."""
    if worker.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
