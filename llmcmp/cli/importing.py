"""`llmcmp import SOURCE`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmcmp.cli.options import JsonOpt, ModelArg
from llmcmp.cli.output import deliver, note
from llmcmp.sources.presets import load
from llmcmp.sources.saving import place, save_preset
from llmcmp.tables.imported import imported_table


def run(
    source: ModelArg,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the preset is called; the file's name if not given.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.toml", help="The preset to write; in your own folder if not given."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    as_json: JsonOpt = False,
) -> None:
    """Write any model as a readable preset of your own, with its changes and where its numbers come from.

    Presets in your own folder, in $LLMCMP_PRESETS or in --presets DIR are found by name in every command.

    Examples:

      llmcmp import llama3-8b:kv_heads=16,window=4k --name my-llama

      llmcmp import mixtral:experts=16 --name mixtral-16

      llmcmp import deepseek-v3:experts=128 -o small-v3.toml
    """
    model = load(source)
    named, file = place(model, name, output)
    saved = save_preset(model, named, file, replace=force)
    deliver(imported_table(saved, source, file), as_json=as_json, outputs=())
    if output is None:
        note(f"found by name from now on: llmcmp show {named}")
