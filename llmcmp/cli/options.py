"""Options that commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from llmcmp import units

Dtype = Literal["fp64", "fp32", "bf16", "fp16", "fp8", "int8", "fp6", "int4", "fp4", "int3", "int2"]


def _complete(incomplete: str) -> list[str]:
    from llmcmp.sources.names import aliases, preset_files

    return [name for name in (*preset_files(), *aliases()) if name.startswith(incomplete)]


_MODEL_HELP = "Presets, aliases, preset files or family/*; overrides after a colon: llama3-8b:kv_heads=32,layers=40."

ModelsArg = Annotated[list[str], typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=_complete)]
OptionalModelsArg = Annotated[
    list[str] | None, typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=_complete)
]
ModelArg = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=_complete)]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print one JSON document in raw base units.")]
OutOpt = Annotated[
    list[Path] | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Also write csv, json, md, tex, html, png, svg or pdf; repeatable."
    ),
]
ExplainOpt = Annotated[bool, typer.Option("--explain", help="Print the formulas with the numbers in them.")]
CtxOpt = Annotated[str, typer.Option("--ctx", metavar="TOKENS", help="Context length: 4096, 128k, 1M.")]
BatchOpt = Annotated[int, typer.Option("--batch", min=1, metavar="N", help="Sequences at once.")]
WeightsOpt = Annotated[Dtype, typer.Option("--weights", help="Dtype of the weights, without scales.")]
CacheOpt = Annotated[Dtype, typer.Option("--dtype", help="Dtype of the cache.")]
SourceOpt = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="TOKENS", help="Source length of encoder-decoders; as long as --ctx if not given."
    ),
]


def length(text: str) -> int:
    """A token length from the command line. Raises QuantityError."""
    from llmcmp.errors import QuantityError

    size = units.tokens(text)
    if size < 1:
        raise QuantityError(f"'{text}' is not a length in tokens; it must be at least 1")
    return size
