"""A run: what to measure, one worker after another, and a record of each as soon as it is there.

The run holds nothing that a worker could take with it: a model that crashes, hangs or runs out of memory costs its own
record. The ceilings of a record are measured by its worker, right before the model, in the same dtype and threads.
"""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llmcmp.bench.ask import ask
from llmcmp.bench.figures import figures, launch_share
from llmcmp.bench.parts import Multiplied, Part, blocks, phases_of, whole
from llmcmp.bench.records import VERSION, by_key, key, structure
from llmcmp.bench.worker import packed
from llmcmp.errors import LlmcmpError
from llmcmp.frozen import frozen, replace
from llmcmp.shrink import LEAST_BUDGET, shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llmcmp.bench.ask import Outcome
    from llmcmp.bench.records import Record, RecordFile
    from llmcmp.bench.settings import Settings
    from llmcmp.model import Model

    # What is measured now, and which share of it is done.
    Progress = Callable[[str, float], None]


LOOKING = 300.0  # seconds in which a worker can be expected to import torch


@frozen
class Job:
    """One model to measure under some settings: `model` is what is asked about, `built` what is measured.

    `smallest` is the same structure with next to nothing in it: what its step takes is launch overhead.
    """

    model: Model
    built: Model
    settings: Settings
    parts: tuple[Part, ...]
    smallest: Model | None = None
    changes: tuple[str, ...] = ()
    multiplied: tuple[Multiplied, ...] = ()


def job(model: Model, settings: Settings, context: int | None = None) -> Job:
    """What to run for a model at a scale. Raises UndisclosedError where there is no structure.

    A tiny model's window and position table suit `context` tokens: the longest of a sweep, so that one model is swept.
    """
    if settings.scale == "tiny":
        context = context or settings.prompt + settings.generate
        tiny = shrink(model, settings.budget, context=context)
        return Job(
            model=model,
            built=tiny.model,
            settings=settings,
            parts=whole(tiny.model, settings),
            smallest=_smallest(tiny.model, settings, context),
            changes=tiny.changes,
        )
    if settings.scale == "full":
        return Job(model=model, built=model, settings=settings, parts=whole(model, settings))
    parts, multiplied = blocks(model, settings)
    return Job(model=model, built=model, settings=settings, parts=parts, multiplied=multiplied)


def _smallest(tiny: Model, settings: Settings, context: int) -> Model | None:
    """The structure of a tiny model at the least size there is; None where no decode step is launched call by call."""
    if "decode" not in phases_of(tiny, settings) or settings.compile:
        return None
    return shrink(tiny, LEAST_BUDGET, context=context).model


def require_torch() -> None:
    """Raise LlmcmpError, with what to do, where torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise LlmcmpError("measuring needs torch: pip install 'llmcmp[torch]'")


class Run:
    """One run over several jobs that share device, dtype and threads."""

    def __init__(
        self,
        settings: Settings,
        file: RecordFile,
        timeout: float,
        progress: Progress,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        """`stopped` is asked again and again; once it is true, `records` raises Stopped."""
        self.settings, self.file, self.timeout, self.progress = settings, file, timeout, progress
        self.stopped = stopped
        self.place: dict[str, Any] | None = None  # environment, device, threads

    def records(self, jobs: Sequence[Job], *, resume: bool) -> Iterator[Record]:
        """The record of each job, measured and filed now or, with `resume`, found in the file."""
        self.place = self._asked()
        known = by_key(self.file.read()) if resume else {}
        for each in jobs:
            found = known.get(self._key(each))
            # What failed is tried again: more memory, or a longer --timeout, is why one would resume.
            yield found if found is not None and found["status"] == "ok" else self._measured(each)

    def _asked(self) -> dict[str, Any]:
        """Environment, device and threads, as a worker finds them."""
        self.progress("looking at this machine", 0)
        request = {"ask": "environment", "settings": self.settings.document()}
        outcome = ask(request, LOOKING, stopped=self.stopped)
        if outcome.result is None:
            raise LlmcmpError(f"cannot measure on this machine: {outcome.reason}")
        return outcome.result

    def _settings(self, each: Job) -> Settings:
        """The settings as they come out here: the device that `auto` is, the threads that torch takes."""
        assert self.place is not None
        return replace(each.settings, device=self.place["device"], threads=self.place["threads"])

    def _key(self, each: Job) -> str:
        assert self.place is not None
        models = (each.built, *(part.model for part in each.parts))
        return key(models, self._settings(each), self.place["environment"])

    def _measured(self, each: Job) -> Record:
        settings = self._settings(each)
        self.progress(each.model.name, 0)
        parts = [{"model": packed(part.model), "phases": part.phases} for part in each.parts]
        if each.smallest is not None:
            parts.append({"model": packed(each.smallest), "phases": ("decode",)})
        request = {"ask": "model", "settings": settings.document(), "model": packed(each.built), "parts": parts}

        def tell(share: float) -> None:
            self.progress(each.model.name, share)

        outcome = ask(request, self.timeout, tell, stopped=self.stopped)
        record = self._record(each, settings, outcome)
        self.file.append(record)
        return record

    def _record(self, each: Job, settings: Settings, outcome: Outcome) -> Record:
        assert self.place is not None
        ceilings: dict[str, Any] = {} if outcome.result is None else outcome.result["ceilings"]
        phases = phases_of(each.built, settings)
        made: dict[str, Any] = {}
        if outcome.result is not None:
            found = outcome.result["parts"]
            made = figures(each.built, settings, phases, each.parts, found[: len(each.parts)], ceilings)
            if each.smallest is not None:
                made["launch_share"] = launch_share(each.built, each.smallest, found[-1], made)
        return {
            "version": VERSION,
            "key": self._key(each),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": each.model.name,
            "structure": structure(each.model),
            "status": outcome.status,
            "reason": outcome.reason,
            "settings": settings.document(),
            "environment": self.place["environment"],
            "ceilings": ceilings,
            "changes": list(each.changes),
            "multiplied": [{"block": m.block, "layers": m.layers, "measured": m.measured} for m in each.multiplied],
            "figures": made,
        }
