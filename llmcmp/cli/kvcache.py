"""`llmcmp kvcache [MODEL...] --ctx 128k`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from llmcmp.cli.options import (
    BatchOpt,
    CacheOpt,
    CtxsOpt,
    ExplainOpt,
    JsonOpt,
    OptionalModelsArg,
    OutOpt,
    SourceOpt,
    length,
)
from llmcmp.cli.output import deliver, prepare
from llmcmp.sources.presets import every_model, load_all
from llmcmp.tables.caches import kvcache_table


def run(
    models: OptionalModelsArg = None,
    ctx: CtxsOpt = None,
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    dtype: CacheOpt = "bf16",
    engine: Annotated[Literal["ideal"], typer.Option(help="ideal: what the architecture needs.")] = "ideal",
    as_json: JsonOpt = False,
    output: OutOpt = None,
    explain: ExplainOpt = False,
) -> None:
    """KV cache and other state. Without a MODEL: every decoder, sorted.

    Examples:

      llmcmp kvcache --ctx 128k

      llmcmp kvcache llama3-8b deepseek-v3 gemma3 --ctx 8k --ctx 128k --batch 16 --dtype fp8

      llmcmp kvcache t5-large --ctx 128 --source 2k --explain
    """
    outputs = prepare(output)
    contexts = [length(text) for text in ctx or ["4k"]]
    decoders = [model for model in every_model() if model.card.architecture != "encoder-only"]
    loaded = load_all(models) if models else tuple(decoders)
    table = kvcache_table(
        loaded,
        contexts,
        batch=batch,
        source=None if source is None else length(source, "--source"),
        dtype=dtype,
        engine=engine,
        ranked=not models,
    )
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())
