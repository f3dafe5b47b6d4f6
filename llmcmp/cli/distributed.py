"""`torchrun --nproc-per-node N -m llmcmp.bench MODEL...`: measuring on several devices.

Every process runs this, and the first one prints. `llmcmp bench` measures in one, with more to choose from.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmcmp import units
from llmcmp.bench.settings import Device, Settings, phases
from llmcmp.cli.measuring import BudgetOpt, GenerateOpt, MeasuredDtypeOpt, PromptOpt, RepeatsOpt
from llmcmp.cli.mistakes import tell
from llmcmp.cli.options import JsonOpt, ModelsArg, OutOpt, length
from llmcmp.cli.output import deliver, prepare
from llmcmp.errors import LlmcmpError, QuantityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model


def run(
    models: ModelsArg,
    tp: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Ranks that share a model; all if not given.")
    ] = None,
    dp: Annotated[int | None, typer.Option(min=1, metavar="N", help="Groups of ranks with a batch each.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The model itself, not one shrunk to --budget.")] = False,
    budget: BudgetOpt = "20M",
    device: Annotated[Device, typer.Option(help="auto: GPUs if there is one for every rank.")] = "auto",
    dtype: MeasuredDtypeOpt = "fp32",
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Sequences of each group.")] = 1,
    prompt: PromptOpt = "128",
    generate: GenerateOpt = 16,
    phase: Annotated[str, typer.Option(metavar="LIST", help="Of prefill,decode,train.")] = "prefill,decode,train",
    repeats: RepeatsOpt = 7,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads of each rank.")] = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """Measure models under tensor parallelism and, in training, full sharding. Start it with torchrun.

    Examples:

      torchrun --nproc-per-node 2 -m llmcmp.bench llama3-8b mixtral

      torchrun --nproc-per-node 4 -m llmcmp.bench llama3-8b --tp 2 --dp 2 --batch 2 --phase prefill,decode
    """
    outputs = prepare(output)
    settings = Settings(
        scale="full" if full else "tiny",
        budget=units.count(budget),
        device=device,
        dtype=dtype,
        batch=batch,
        prompt=length(prompt, "--prompt"),
        generate=generate,
        phases=phases(phase),
        threads=threads,
        repeats=repeats,
    )
    table = _measured(models, settings, tp, dp)
    if table is not None:
        deliver(table, as_json=as_json, outputs=outputs)


def _measured(names: Sequence[str], settings: Settings, tp: int | None, dp: int | None) -> Any:
    """The table of all models on the first rank, None on the others."""
    if "RANK" not in os.environ:
        raise QuantityError("start this with torchrun --nproc-per-node N -m llmcmp.bench; alone: llmcmp bench")
    import torch

    from llmcmp.bench.distributed import measure
    from llmcmp.bench.ranks import Ranks, device_of, grid
    from llmcmp.sources.presets import load_all
    from llmcmp.tables.distributed import distributed_table

    used = grid(int(os.environ["WORLD_SIZE"]), tp, dp)
    built, notes = _built(load_all(names), settings, used.tp)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    ranks = Ranks(used, device_of(settings.device, int(os.environ["LOCAL_WORLD_SIZE"])))
    try:
        rows = [row for model in built for row in measure(model, settings, ranks)]
    finally:
        ranks.close()
    asked = {**settings.document(), "device": ranks.device, "ranks": used.ranks, "tp": used.tp, "dp": used.dp}
    return distributed_table(rows, asked, notes) if ranks.rank == 0 else None


def _built(models: Sequence[Model], settings: Settings, tp: int) -> tuple[list[Model], list[str]]:
    """What is measured, and what was changed for it; split here once, so that what cannot be is refused at once."""
    from llmcmp.bench.even import even
    from llmcmp.passes.shard import shard
    from llmcmp.shrink import shrink

    built: list[Model] = []
    notes: list[str] = []
    for model in models:
        if settings.scale == "tiny":
            shrunk = shrink(model, settings.budget, context=settings.prompt + settings.generate)
            model, changes = even(shrunk.model, tp)
            notes += [f"{model.name}: {', '.join((*shrunk.changes, *changes))}"]
        shard(model, tp)
        built.append(model)
    return built, notes


def main() -> None:
    """Entry point; the first rank says what went wrong."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(run)
    try:
        app(prog_name="python -m llmcmp.bench", standalone_mode=False)
    except (LlmcmpError, typer.TyperException) as error:
        if os.environ.get("LLMCMP_DEBUG") == "1":
            raise
        sys.exit(tell(error) if os.environ.get("RANK", "0") == "0" else error.exit_code)
