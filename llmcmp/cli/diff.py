"""`llmcmp diff MODEL OTHER`"""

from __future__ import annotations

from llmcmp.cli.options import BatchOpt, CacheOpt, CtxOpt, JsonOpt, ModelArg, OtherArg, OutOpt, WeightsOpt, length
from llmcmp.cli.output import deliver, prepare
from llmcmp.sources.presets import load
from llmcmp.tables.diff import diff_table


def run(
    model: ModelArg,
    other: OtherArg,
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """Two models, only what differs; with -o FILE.svg both drawn with what differs marked.

    Examples:

      llmcmp diff llama3-8b qwen3-8b

      llmcmp diff deepseek-v3 kimi-k2 -o diff.svg

      llmcmp diff mixtral mixtral:experts=16 --json
    """
    outputs = prepare(output)
    table = diff_table(load(model), load(other), length(ctx), batch=batch, weights=weights, dtype=dtype)
    deliver(table, as_json=as_json, outputs=outputs)
