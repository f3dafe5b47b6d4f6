"""`llmcmp inspect SOURCE`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import deliver, prepare

SourceArg = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A safetensors or GGUF file, a folder of them, or an id of the Hub: org/name."
    ),
]


def run(
    source: SourceArg,
    tensors: Annotated[bool, typer.Option("--tensors", help="Tensor by tensor instead of by dtype.")] = False,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """What files of weights hold, read from their headers: tensors, parameters, bytes, bits a weight.

    Where the architecture is known, from a config.json beside them or from GGUF's own keys, every tensor is held to
    what it says. Exit code 1 if any differs.

    Examples:

      llmcmp inspect ./my-model

      llmcmp inspect model.gguf --tensors

      llmcmp inspect model.safetensors --json
    """
    from llmcmp.sources.weights.inspection import inspect
    from llmcmp.tables.inspected import held_table, inspected_table, verdict

    outputs = prepare(output)
    found = inspect(source)
    table = (held_table if tensors else inspected_table)(found, source)
    deliver(table, as_json=as_json, outputs=outputs)
    if verdict(found) == "differs":
        raise typer.Exit(1)
