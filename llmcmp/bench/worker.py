"""One piece of measuring in a process of its own: `python -m llmcmp.bench.worker`.

A request comes as one line of JSON on stdin; lines of JSON go to stdout: progress, and at last one result or refusal.
While stdin stays open the asker lives; when it closes, so does the worker. Nothing else is written to stdout.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmcmp.bench.settings import from_document
from llmcmp.errors import DoesNotFitError, LlmcmpError
from llmcmp.frozen import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from llmcmp.bench.settings import Settings
    from llmcmp.model import Model


CEILINGS_SHARE = 0.3  # of a worker's progress


def packed(model: Model) -> str:
    """A model as text, for a request."""
    return base64.b64encode(pickle.dumps(model)).decode()


def unpacked(text: str) -> Model:
    """The model of a request. Requests come from this program alone."""
    return pickle.loads(base64.b64decode(text))


def main() -> None:
    """Answer the request on stdin."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_watch, daemon=True).start()
    _be_the_first_to_go()
    try:
        _say(answers, result=_answer(request, answers))
    except LlmcmpError as error:
        status = "does not fit" if isinstance(error, DoesNotFitError) else "failed"
        _say(answers, refused=status, reason=str(error))
    except Exception as error:
        if not _out_of_memory(error):
            raise
        _say(answers, refused="out of memory", reason=str(error).strip().splitlines()[0])


def _say(answers: TextIO, **message: Any) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _watch() -> None:
    """End with the process that asked: its end closes stdin."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock the interpreter wants when it ends
        pass
    os._exit(1)


def _be_the_first_to_go() -> None:
    """Where memory runs out, let the kernel end this process rather than the one that keeps the results (Linux)."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "Invalid buffer size" in str(error)


def _answer(request: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    import torch

    torch.set_grad_enabled(True)
    settings = from_document(request["settings"])
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = _device(settings.device)
    settings = replace(settings, device=device)
    _warm_up(device)

    def report(share: float) -> None:
        _say(answers, done=share)

    match request["ask"]:
        case "environment":
            return _environment(device)
        case "devices":
            from llmcmp.bench.environment import devices

            return _environment(device) | {"devices": devices()}
        case "ceilings":
            return _ceilings(settings, report)
        case "model":
            return _model(request, settings, report)
        case other:
            raise AssertionError(other)


def _device(asked: str) -> str:
    """The device to use: a GPU if there is one and none is named. Raises LlmcmpError for one that is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, found in there.items() if found)
    if not there[asked]:
        has = ", ".join(name for name, found in there.items() if found)
        raise LlmcmpError(f"torch {torch.__version__} finds no {asked} device here; it has: {has}")
    return asked


def _warm_up(device: str) -> None:
    """Start torch's threads and the device's context, so that neither counts as a model's memory or time."""
    import torch

    square = torch.rand(256, 256, device=device)
    float((square @ square).sum())


def _environment(device: str) -> dict[str, Any]:
    import torch

    from llmcmp.bench.environment import environment

    return {"environment": environment(device), "device": device, "threads": torch.get_num_threads()}


def _ceilings(settings: Settings, report: Callable[[float], None]) -> dict[str, Any]:
    from llmcmp.bench.ceilings import ceilings
    from llmcmp.bench.timer import DTYPES

    return {"ceilings": ceilings(settings.device, DTYPES[settings.dtype], report)}


def _model(request: dict[str, Any], settings: Settings, report: Callable[[float], None]) -> dict[str, Any]:
    """Refuse the model before anything is allocated, or measure its parts one after another."""
    from llmcmp.bench import fit, memory
    from llmcmp.bench.measure import measure

    reason = fit.refusal(unpacked(request["model"]), settings, memory.room(settings.device))
    if reason is not None:
        raise DoesNotFitError(reason)
    # In this process, minutes or less before the model: what a machine reaches changes with what else it does.
    made = _ceilings(settings, lambda share: report(share * CEILINGS_SHARE))
    found: list[dict[str, Any]] = []
    parts = request["parts"]
    for number, part in enumerate(parts):

        def part_report(share: float, number: int = number) -> None:
            report(CEILINGS_SHARE + (1 - CEILINGS_SHARE) * (number + share) / len(parts))

        found.append(measure(unpacked(part["model"]), tuple(part["phases"]), settings, part_report))
    return made | {"parts": found}


if __name__ == "__main__":
    main()
