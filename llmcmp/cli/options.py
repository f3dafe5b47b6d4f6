"""Options that commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from llmcmp import units

MOST_TOKENS = 2**40
MOST_BATCH = 2**40

Dtype = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "int4", "fp4", "int3", "int2"]


def _complete(incomplete: str) -> list[str]:
    from llmcmp.sources.names import aliases, preset_files

    return [name for name in (*preset_files(), *aliases()) if name.startswith(incomplete)]


_MODEL_HELP = "Presets, aliases, preset files or family/*; overrides after a colon: llama3-8b:kv_heads=32,layers=40."

_ONE_MODEL_HELP = "A preset, alias or preset file; overrides after a colon: llama3-8b:kv_heads=32,layers=40."

ModelsArg = Annotated[list[str], typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=_complete)]
OptionalModelsArg = Annotated[
    list[str] | None, typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=_complete)
]
ModelArg = Annotated[str, typer.Argument(metavar="MODEL", help=_ONE_MODEL_HELP, autocompletion=_complete)]
OtherArg = Annotated[
    str, typer.Argument(metavar="OTHER", help="The model to hold beside it.", autocompletion=_complete)
]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print one JSON document in raw base units.")]
OutOpt = Annotated[
    list[Path] | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Also write csv, json, md, tex, html, png, svg or pdf; repeatable."
    ),
]
ExplainOpt = Annotated[bool, typer.Option("--explain", help="Print the formulas with the numbers in them.")]
BaselineOpt = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Show every cost as a ratio to this model's.", autocompletion=_complete),
]
CtxOpt = Annotated[str, typer.Option("--ctx", metavar="TOKENS", help="Context length: 4096, 128k, 1M.")]
BatchOpt = Annotated[int, typer.Option("--batch", min=1, max=MOST_BATCH, metavar="N", help="Sequences at once.")]
WeightsOpt = Annotated[
    Dtype, typer.Option("--weights", case_sensitive=False, help="Dtype of the weights, without scales.")
]
CacheOpt = Annotated[Dtype, typer.Option("--dtype", case_sensitive=False, help="Dtype of the cache.")]
SourceOpt = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="TOKENS", help="Source length of encoder-decoders; as long as --ctx if not given."
    ),
]


def length(text: str, option: str = "--ctx") -> int:
    """A token length from the command line. Raises QuantityError."""
    from llmcmp.errors import QuantityError

    try:
        size = units.tokens(text)
    except QuantityError as error:
        raise QuantityError(f"{option}: {error}") from None
    if not 1 <= size <= MOST_TOKENS:
        raise QuantityError(f"{option}: '{text}' must lie between 1 and {units.show_tokens(MOST_TOKENS)} tokens")
    return size
