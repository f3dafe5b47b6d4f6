"""`llmcmp list`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from llmcmp import units
from llmcmp.card import Task
from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.tables.listing import list_table

Class = Literal["decoder-only", "encoder-only", "encoder-decoder", "prefix-decoder", "moe"]


def run(
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="Models of one family: llama, qwen, t5 ...")
    ] = None,
    architecture: Annotated[Class | None, typer.Option("--class", help="Models of one architecture class.")] = None,
    task: Annotated[Task | None, typer.Option(help="Models that their card names for a task.")] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE", help="Models for a language: en, zh, fr ...")] = None,
    smallest: Annotated[
        str | None, typer.Option("--min", metavar="SIZE", help="At least so many parameters: 350M, 7B.")
    ] = None,
    largest: Annotated[str | None, typer.Option("--max", metavar="SIZE", help="At most so many parameters.")] = None,
    attention: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Models whose attention is called so: MLA, GQA, window, Mamba ..."),
    ] = None,
    mixture: Annotated[
        bool | None, typer.Option("--moe/--dense", help="Models with routed experts, or without.", show_default=False)
    ] = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """The presets, filtered by family, class, size, task, language, attention, experts.

    Examples:

      llmcmp list --family qwen

      llmcmp list --class moe --max 50B

      llmcmp list --task code --language zh --json
    """
    outputs = prepare(output)
    low = None if smallest is None else units.count(smallest)
    high = None if largest is None else units.count(largest)
    table = list_table(family, architecture, task, language, low, high, attention=attention, mixture=mixture)
    deliver(table, as_json=as_json, outputs=outputs)
