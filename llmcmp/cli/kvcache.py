"""`llmcmp kvcache [MODEL...] --ctx 128k`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from llmcmp.cli.options import (
    BaselineOpt,
    BatchOpt,
    CacheOpt,
    CtxsOpt,
    Dtype,
    ExplainOpt,
    JsonOpt,
    KeysOpt,
    OptionalModelsArg,
    OutOpt,
    SourceOpt,
    ValuesOpt,
    length,
    memory_size,
)
from llmcmp.cli.output import deliver, prepare
from llmcmp.errors import QuantityError
from llmcmp.folds.engines.policy import Tuning
from llmcmp.sources.presets import every_model, load_all
from llmcmp.tables.budget import budget_table, expect_any
from llmcmp.tables.caches import Question, cache_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model
    from llmcmp.tables.table import Table

Engine = Literal["ideal", "transformers", "vllm", "llama.cpp"]
ENGINE, BUDGET = "Engine", "Budget"  # panels of the help


def run(
    models: OptionalModelsArg = None,
    ctx: CtxsOpt = None,
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    dtype: CacheOpt = "bf16",
    keys: KeysOpt = None,
    values: ValuesOpt = None,
    engine: Annotated[
        Engine,
        typer.Option(rich_help_panel=ENGINE, help="ideal: what the architecture needs; else what an engine reserves."),
    ] = "ideal",
    tp: Annotated[
        int,
        typer.Option("--tp", min=1, metavar="N", rich_help_panel=ENGINE, help="vllm: devices that share the heads."),
    ] = Tuning.tp,
    block_size: Annotated[
        int, typer.Option(min=1, metavar="TOKENS", rich_help_panel=ENGINE, help="vllm: tokens of a block.")
    ] = Tuning.block_size,
    batched_tokens: Annotated[
        int, typer.Option(min=1, metavar="TOKENS", rich_help_panel=ENGINE, help="vllm: --max-num-batched-tokens.")
    ] = Tuning.batched_tokens,
    ubatch: Annotated[
        int, typer.Option(min=1, metavar="TOKENS", rich_help_panel=ENGINE, help="llama.cpp: -ub.")
    ] = Tuning.ubatch,
    swa_full: Annotated[
        bool, typer.Option("--swa-full", rich_help_panel=ENGINE, help="llama.cpp: windowed layers in full.")
    ] = False,
    unified: Annotated[
        bool, typer.Option("--kv-unified", rich_help_panel=ENGINE, help="llama.cpp: one buffer for all sequences.")
    ] = False,
    static: Annotated[
        bool, typer.Option("--static", rich_help_panel=ENGINE, help="transformers: a static cache.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel=BUDGET,
            help="The inverse: the longest context in 24GiB; with --ctx, the most sequences.",
        ),
    ] = None,
    weights: Annotated[
        Dtype | None,
        typer.Option(
            "--weights",
            case_sensitive=False,
            rich_help_panel=BUDGET,
            help="Weights that the budget holds too, in this dtype, without scales.",
        ),
    ] = None,
    baseline: BaselineOpt = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
    explain: ExplainOpt = False,
) -> None:
    """KV cache and other state, as needed or as an engine reserves it. Without a MODEL: every decoder, sorted.

    Examples:

      llmcmp kvcache llama3-8b deepseek-v3 gemma3 --ctx 8k --ctx 128k --batch 16 --dtype fp8

      llmcmp kvcache gemma3-4b gpt-oss-20b --ctx 32k --engine llama.cpp --k-dtype q8_0 --v-dtype q4_0 --explain

      llmcmp kvcache llama3-8b qwen3-8b --budget 24GiB --weights bf16 --engine vllm
    """
    outputs = prepare(output)
    tuning = Tuning(
        tp=tp,
        block_size=block_size,
        batched_tokens=batched_tokens,
        ubatch=ubatch,
        swa_full=swa_full,
        unified=unified,
        static=static,
    )
    question = Question(
        batch=batch,
        source=None if source is None else length(source, "--source"),
        dtype=keys or dtype,
        value_dtype=values or dtype,
        engine=engine,
        tuning=tuning,
    )
    decoders = [model for model in every_model() if model.card.architecture != "encoder-only"]
    loaded = load_all(models) if models else tuple(decoders)
    if budget is not None:
        if baseline is not None:
            raise QuantityError("--baseline compares caches: leave --budget out")
        inverse = _inverse(loaded, memory_size(budget, "--budget"), question, ctx, weights)
        deliver(inverse, as_json=as_json, outputs=outputs)
        expect_any(inverse)
        return
    if weights is not None:
        raise QuantityError("--weights is a part of --budget: give a budget, or leave it out")
    table = cache_table(
        loaded, [length(text) for text in ctx or ["4k"]], question, ranked=not models, baseline=baseline
    )
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())


def _inverse(
    models: Sequence[Model], budget: int, question: Question, ctx: list[str] | None, weights: str | None
) -> Table:
    """The table of a budget: one context asks for sequences, none for the longest."""
    if ctx and len(ctx) > 1:
        raise QuantityError("--budget takes one --ctx, for the most sequences of it, or none")
    if ctx and question.batch > 1:
        raise QuantityError("--budget with --ctx asks for the number of sequences: leave --batch out")
    return budget_table(models, budget, question, ctx=length(ctx[0]) if ctx else None, weights=weights)
