"""`llmcmp verify MODEL...`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from llmcmp.cli.options import JsonOpt, ModelsArg, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.cli.progress import progress
from llmcmp.sources.presets import load_all

if TYPE_CHECKING:
    from llmcmp.bench.verify import Check


def run(models: ModelsArg, as_json: JsonOpt = False, output: OutOpt = None) -> None:
    """Build a model in torch and hold what is computed of it to what it really has and does. Needs torch.

    Parameters, FLOPs of a prefill, a decode step, a chunk and a training step, bytes of the cache; where
    transformers is installed, its logits too. Exit code 1 if anything differs.

    Examples:

      llmcmp verify llama2 mixtral

      llmcmp verify deepseek-v3 --json

      llmcmp verify ./my-model.toml -o verified.csv
    """
    from llmcmp.bench.runner import require_torch

    require_torch()
    from llmcmp.bench.verify import verify
    from llmcmp.tables.verification import failures, verification_table

    outputs, loaded = prepare(output), load_all(models)
    found: dict[str, list[Check]] = {}
    with progress(len(loaded)) as bar:
        for model in loaded:
            bar.now(model.name, 0)
            found[model.name] = list(verify(model))
            bar.advance()
    table = verification_table(found)
    deliver(table, as_json=as_json, outputs=outputs)
    if failures(table):
        raise typer.Exit(1)
