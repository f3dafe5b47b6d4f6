"""`llmcmp params MODEL...`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.options import BaselineOpt, ExplainOpt, JsonOpt, ModelsArg, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.errors import QuantityError
from llmcmp.sources.presets import load_all
from llmcmp.tables.sizes import layers_table, params_table
from llmcmp.tables.structure import tensors_table


def run(
    models: ModelsArg,
    layers: Annotated[bool, typer.Option("--layers", help="Layer by layer instead of by component.")] = False,
    tensors: Annotated[bool, typer.Option("--tensors", help="Tensor by tensor, with shapes.")] = False,
    baseline: BaselineOpt = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
    explain: ExplainOpt = False,
) -> None:
    """Parameters: total, active a token, by component, by layer or by tensor.

    Examples:

      llmcmp params deepseek-v3 --explain

      llmcmp params 't5/*' -o t5.csv

      llmcmp params mixtral qwen3-moe --json
    """
    outputs = prepare(output)
    loaded = load_all(models)
    if baseline is not None and (layers or tensors):
        raise QuantityError("--baseline is for parameters by component: leave --layers and --tensors out")
    table = tensors_table(loaded) if tensors else layers_table(loaded) if layers else None
    table = table or params_table(loaded, baseline=baseline)
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())
