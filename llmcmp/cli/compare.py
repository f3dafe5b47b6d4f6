"""`llmcmp compare MODEL...`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model
    from llmcmp.tables.table import Table


def run(
    models: ModelsArg,
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    baseline: BaselineOpt = None,
    only_diff: Annotated[bool, typer.Option("--only-diff", help="Leave out what all models share.")] = False,
    measured: Annotated[
        bool,
        typer.Option("--measured", help="Add what llmcmp bench saved of these models; a FILE.jsonl may follow."),
    ] = False,
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
    # `--measured FILE.jsonl`: an option with or without a value leaves the value among the arguments.
    files = [name for name in models if measured and name.endswith(".jsonl")]
    loaded = load_all(name for name in models if name not in files)
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
    if measured:
        table = _with_measured(table, loaded, files)
    deliver(table, as_json=as_json, outputs=outputs, explained=loaded if explain else ())


def _with_measured(table: Table, models: Sequence[Model], files: Sequence[str]) -> Table:
    """The table with the saved measurements of its models."""
    from llmcmp.bench.records import RecordFile, default_path, structure
    from llmcmp.tables.measured import joined

    paths = [Path(name) for name in files] or [default_path()]
    records = [record for path in paths for record in RecordFile(path).read()]
    structures = {model.name: structure(model) for model in models if model.disclosed}
    return joined(table, structures, records, ", ".join(map(str, paths)))
