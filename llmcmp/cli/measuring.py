"""Options that `bench` shares with its form under torchrun, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.bench.settings import Dtype

MeasuredDtypeOpt = Annotated[Dtype, typer.Option("--dtype", help="Of weights, activations and cache.")]
PromptOpt = Annotated[
    str, typer.Option("--prompt", metavar="TOKENS", help="Tokens of the prefill and of a training step.")
]
GenerateOpt = Annotated[int, typer.Option("--generate", min=1, metavar="N", help="Decode steps after the prefill.")]
RepeatsOpt = Annotated[int, typer.Option("--repeats", min=5, metavar="N", help="Timed repeats after the warm-up.")]
BudgetOpt = Annotated[str, typer.Option("--budget", metavar="SIZE", help="Active parameters of a shrunk model.")]
