"""`llmcmp bench MODEL...`"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmcmp import units
from llmcmp.bench.settings import Device, Scale, Settings, phases
from llmcmp.cli.measuring import BudgetOpt, GenerateOpt, MeasuredDtypeOpt, PromptOpt, RepeatsOpt
from llmcmp.cli.options import JsonOpt, OptionalModelsArg, OutOpt, length
from llmcmp.cli.output import deliver, note, prepare
from llmcmp.errors import DoesNotFitError, LlmcmpError, QuantityError
from llmcmp.frozen import replace
from llmcmp.sources.presets import load_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llmcmp.model import Model

# One model of each way to attend, for a sweep that names none.
MECHANISMS = ("llama2-7b", "llama3-8b", "mistral-7b", "deepseek-v2-lite", "mamba2-370m")
INTERRUPTED = 130  # the exit code of a program that Ctrl-C ended

_SWEPT = {"batch": "batch", "ctx": "prompt", "prompt": "prompt"}


def run(
    models: OptionalModelsArg = None,
    scale: Annotated[
        Scale, typer.Option(help="tiny: shrunk alike; block: real blocks, multiplied out; full: the model itself.")
    ] = "tiny",
    device: Annotated[Device, typer.Option(help="auto: a GPU if there is one.")] = "auto",
    dtype: MeasuredDtypeOpt = "fp32",
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Sequences at once.")] = 1,
    prompt: PromptOpt = "128",
    generate: GenerateOpt = 16,
    phase: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Of prefill,decode,train; all at --scale tiny, else prefill,decode."),
    ] = None,
    budget: BudgetOpt = "20M",
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="KEY=A,B", help="batch=1,4 ctx=1k,4k: every combination.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="CPU threads; torch's number if not given.")
    ] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the decode step.")] = False,
    repeats: RepeatsOpt = 7,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="The most that one model may take.")] = 600,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Where results are added; this user's data folder.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what FILE.jsonl holds a result of.")] = False,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """Measure models on this machine: speed, memory, and how much of the machine they use. Needs torch.

    Every model is built in torch with random weights and runs in a process of its own. Ctrl-C keeps what is done;
    --resume goes on from there.

    Examples:

      llmcmp bench llama2 qwen2 mixtral

      llmcmp bench llama3.1-405b --scale block --device cuda --dtype bf16

      llmcmp bench llama2 mistral-7b --sweep batch=1,4 ctx=1k,4k --phase prefill,decode -o growth.png
    """
    from llmcmp.bench.records import RecordFile, default_path
    from llmcmp.bench.runner import require_torch

    require_torch()
    outputs = prepare(output)
    names, axes = split_sweep(models or [], sweep or [])
    chosen = phases(phase or ("prefill,decode,train" if scale == "tiny" else "prefill,decode"))
    base = Settings(
        scale=scale,
        budget=units.count(budget),
        device=device,
        dtype=dtype,
        batch=batch,
        prompt=length(prompt, "--prompt"),
        generate=generate,
        phases=chosen,
        threads=threads,
        compile=compiled,
        repeats=repeats,
    )
    if not names and not axes:
        raise QuantityError("name the models to measure, or a --sweep: llmcmp bench llama2 mixtral")
    loaded = load_all(names or MECHANISMS)
    file = RecordFile(out or default_path())
    file.check()
    records, stopped = _measure(loaded, swept(base, axes), file, timeout, resume)
    from llmcmp.tables.measured import bench_table

    settings = {"models": [model.name for model in loaded], **base.document(), "sweep": axes, "file": str(file.path)}
    deliver(bench_table(records, settings, str(file.path)), as_json=as_json, outputs=outputs if records else ())
    if stopped:
        sys.exit(INTERRUPTED)
    _raise_if_none(records)


def split_sweep(names: Sequence[str], sweep: Sequence[str]) -> tuple[list[str], dict[str, list[int]]]:
    """Models, and the values of every swept setting. `--sweep batch=1,4 ctx=1k` leaves `ctx=1k` among the names."""
    texts = [*(word for text in sweep for word in text.split())]
    kept: list[str] = []
    for name in names:
        (texts if sweep and re.match(r"\w+=", name) else kept).append(name)
    axes: dict[str, list[int]] = {}
    for text in texts:
        key, _, values = text.partition("=")
        if key not in _SWEPT or not values:
            raise QuantityError(f"--sweep: '{text}' is not one of batch=1,4 or ctx=1k,4k")
        parsed = [length(value, f"--sweep {key}") for value in values.split(",")]
        axes[_SWEPT[key]] = list(dict.fromkeys(parsed))
    return kept, axes


def swept(base: Settings, axes: dict[str, list[int]]) -> tuple[Settings, ...]:
    """The settings of every combination."""
    from itertools import product

    points = product(*axes.values())
    return tuple(replace(base, **dict(zip(axes, point, strict=True))) for point in points)


def _measure(
    models: Sequence[Model], points: Iterable[Settings], file: Any, timeout: float, resume: bool
) -> tuple[list[dict[str, Any]], bool]:
    """The records of all models at all points, and whether Ctrl-C cut them short."""
    from llmcmp.bench.runner import Run, job
    from llmcmp.cli.progress import progress

    points = tuple(points)
    longest = max(point.prompt + point.generate for point in points)
    jobs = [job(model, point, longest) for model in models for point in points]
    records: list[dict[str, Any]] = []
    with progress(len(jobs)) as bar:
        try:
            for record in Run(jobs[0].settings, file, timeout, bar.now).records(jobs, resume=resume):
                records.append(record)
                bar.advance()
        except KeyboardInterrupt:
            note(f"stopped: {len(records)} of {len(jobs)} measurements are in {file.path}; go on with --resume")
            return records, True
    return records, False


def _raise_if_none(records: Sequence[dict[str, Any]]) -> None:
    """Where nothing at all could be measured, that is an error, and its reason is the answer."""
    if any(record["status"] == "ok" for record in records):
        return
    reasons = "; ".join(dict.fromkeys(f"{record['status']}: {record['reason']}" for record in records))
    if all(record["status"] == "does not fit" for record in records):
        raise DoesNotFitError(reasons)
    raise LlmcmpError(f"nothing was measured: {reasons}")
