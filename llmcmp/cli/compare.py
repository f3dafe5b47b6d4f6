"""`llmcmp compare MODEL...`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.options import (
    BaselineOpt,
    BatchOpt,
    CacheOpt,
    CtxOpt,
    ExplainOpt,
    JsonOpt,
    ModelsArg,
    OutOpt,
    SourceOpt,
    WeightsOpt,
    length,
)
from llmcmp.cli.output import deliver, prepare
from llmcmp.sources.presets import load_all
from llmcmp.tables.compare import compare


def run(
    models: ModelsArg,
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    baseline: BaselineOpt = None,
    only_diff: Annotated[bool, typer.Option("--only-diff", help="Leave out what all models share.")] = False,
    as_json: JsonOpt = False,
    output: OutOpt = None,
    explain: ExplainOpt = False,
) -> None:
    """Models side by side: architecture, size, compute, memory.

    Examples:

      llmcmp compare llama2 qwen2 mixtral

      llmcmp compare llama3-8b llama3-8b:kv_heads=32 --baseline llama3-8b --ctx 32k

      llmcmp compare 'gpt/*' --only-diff -o gpt.csv -o gpt.png
    """
    outputs = prepare(output)
    loaded = load_all(models)
    table = compare(
        loaded,
        length(ctx),
        batch=batch,
        source=None if source is None else length(source, "--source"),
        weights=weights,
        dtype=dtype,
        baseline=baseline,
        only_diff=only_diff,
    )
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())
