"""Measuring as `llmcmp bench` does it, for the Measure tab: each model in processes of its own, records saved alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llmcmp.bench.settings import Settings
    from llmcmp.model import Model
    from llmcmp.tables.table import Table

TIMEOUT = 600.0  # seconds that one model may take, as `llmcmp bench` allows if nothing else is said


def measured(
    models: Sequence[Model],
    settings: Settings,
    progress: Callable[[str, float], None],
    stopped: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """The record of each model as soon as it is there.

    Raises LlmcmpError where torch is missing or nothing can be measured; Stopped once `stopped` says so.
    """
    from llmcmp.bench.records import RecordFile, default_path
    from llmcmp.bench.runner import Run, job, require_torch

    require_torch()
    jobs = [job(model, settings) for model in models]
    file = RecordFile(default_path())
    file.check()
    yield from Run(settings, file, TIMEOUT, progress, stopped).records(jobs, resume=False)


def results(records: Sequence[dict[str, Any]], settings: Settings) -> Table:
    """What was measured, as `llmcmp bench` shows it."""
    from llmcmp.bench.records import default_path
    from llmcmp.tables.measured import bench_table

    path = str(default_path())
    names = list(dict.fromkeys(record["model"] for record in records))
    asked: dict[str, Any] = {"models": names, **settings.document(), "sweep": {}, "file": path}
    return bench_table(records, asked, path)
