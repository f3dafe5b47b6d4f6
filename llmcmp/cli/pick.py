"""`llmcmp pick --memory 24GiB`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.card import Task
from llmcmp.cli.listing import Class
from llmcmp.cli.options import BatchOpt, CacheOpt, CtxOpt, Dtype, JsonOpt, OutOpt, length, memory_size
from llmcmp.cli.output import deliver, prepare
from llmcmp.sources.presets import every_model
from llmcmp.tables.pick import Rank, Wish, check_wish, expect_any, pick_table


def run(
    memory: Annotated[str, typer.Option(metavar="SIZE", help="What there is for weights and cache: 24GiB, 80GB.")],
    task: Annotated[Task | None, typer.Option(help="A task that the card names.")] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="A language that the card names: en, zh, fr ...")
    ] = None,
    architecture: Annotated[Class | None, typer.Option("--class", help="Models of one architecture class.")] = None,
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    weights: Annotated[
        Dtype,
        typer.Option("--weights", "--quant", case_sensitive=False, help="Dtype of the weights, without scales."),
    ] = "bf16",
    dtype: CacheOpt = "bf16",
    overhead: Annotated[
        str, typer.Option(metavar="SIZE", help="What else takes memory (runtime, activations); not guessed.")
    ] = "0",
    rank: Annotated[Rank, typer.Option(help="What comes first among the models that suit and fit.")] = "newest",
    every: Annotated[bool, typer.Option("--all", help="List those that are ruled out too, with every reason.")] = False,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """Which models suit a use and fit a memory, by rules that are printed; exit code 3 when none does.

    Examples:

      llmcmp pick --memory 24GiB --task chat --language zh --ctx 32k

      llmcmp pick --memory 80GiB --task code --quant int4 --ctx 128k --batch 4 --rank largest

      llmcmp pick --memory 8GiB --class encoder-only --ctx 512 --all --overhead 1GiB --json
    """
    outputs = prepare(output)
    wish = Wish(
        memory=memory_size(memory, "--memory"),
        task=task,
        language=None if language is None else language.lower(),
        architecture=architecture,
        ctx=length(ctx),
        batch=batch,
        weights=weights,
        dtype=dtype,
        overhead=memory_size(overhead, "--overhead"),
        rank=rank,
    )
    check_wish(wish)
    table = pick_table(every_model(), wish, every=every)
    deliver(table, as_json=as_json, outputs=outputs)
    expect_any(table)
