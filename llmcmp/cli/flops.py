"""`llmcmp flops MODEL...`"""

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
from llmcmp.folds.phases import Phase
from llmcmp.ops import Latent, Logits
from llmcmp.sources.presets import load_all
from llmcmp.tables.compute import flops_table


def run(
    models: ModelsArg,
    phase: Annotated[
        Phase, typer.Option(help="prefill: ctx tokens; decode: the token that fills ctx; train: with gradients.")
    ] = "prefill",
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TOKENS", help="Prefix of prefix decoders; the whole prompt if not given.")
    ] = None,
    causal: Annotated[
        bool,
        typer.Option(
            "--causal",
            help="Count only the query-key pairs that the mask (causal, window) lets through, not the full rectangle.",
        ),
    ] = False,
    logits: Annotated[Logits, typer.Option(help="Positions that get logits; serving computes the last.")] = "all",
    latent: Annotated[Latent, typer.Option(help="How latent attention runs.")] = "auto",
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    baseline: BaselineOpt = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
    explain: ExplainOpt = False,
) -> None:
    """FLOPs of a prefill, a decode step or a training step, by component, and the bytes that it moves.

    Examples:

      llmcmp flops llama3-8b mixtral --ctx 8k

      llmcmp flops deepseek-v3 --phase decode --ctx 128k --batch 64 --explain

      llmcmp flops t5-large --source 512 --ctx 128 --phase train --json
    """
    outputs = prepare(output)
    loaded = load_all(models)
    size = length(ctx)
    table = flops_table(
        loaded,
        phase,
        size,
        batch=batch,
        source=None if source is None else length(source, "--source"),
        prefix=None if prefix is None else length(prefix, "--prefix"),
        causal=causal,
        logits=logits,
        latent=latent,
        weights=weights,
        dtype=dtype,
        baseline=baseline,
    )
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())
