"""Options that commands share, declared once, each in its panel of the help.

Commands name those that they take. The last ones, of the terminal, every command has without naming them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from llmcmp import units
from llmcmp.cli import terminal

MOST_TOKENS = 2**40
MOST_BATCH = 2**40

Dtype = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "int4", "fp4", "int3", "int2"]


OUTPUT, TERMINAL = "Output", "Terminal"  # panels of the help


def complete_model(incomplete: str) -> list[str]:
    """Names of presets and aliases that begin so."""
    from llmcmp.sources.names import aliases, preset_files

    return [name for name in (*preset_files(), *aliases()) if name.startswith(incomplete)]


_MODEL_HELP = (
    "Presets, aliases, files (preset, config.json, GGUF, a folder), Hub ids or family/*; overrides after a colon: "
    "llama3-8b:kv_heads=32,layers=40."
)

_ONE_MODEL_HELP = (
    "A preset, alias, file (preset, config.json, GGUF, a folder) or id of the Hub; overrides after a colon: "
    "llama3-8b:kv_heads=32,layers=40."
)

ModelsArg = Annotated[list[str], typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=complete_model)]
OptionalModelsArg = Annotated[
    list[str] | None, typer.Argument(metavar="MODEL", help=_MODEL_HELP, autocompletion=complete_model)
]
ModelArg = Annotated[str, typer.Argument(metavar="MODEL", help=_ONE_MODEL_HELP, autocompletion=complete_model)]
JsonOpt = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON document in raw base units.")
]
OtherArg = Annotated[
    str, typer.Argument(metavar="OTHER", help="The model to hold beside it.", autocompletion=complete_model)
]
OutOpt = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Also write csv, json, md, tex, html, png, svg or pdf; repeatable.",
    ),
]
ExplainOpt = Annotated[
    bool, typer.Option("--explain", rich_help_panel=OUTPUT, help="Print the formulas with the numbers in them.")
]
BaselineOpt = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Show every cost as a ratio to this model's.", autocompletion=complete_model),
]


def _lengths(value: str | list[str] | None) -> str | list[str] | None:
    """Refuse what is no length where it is given, so that a default from a file is refused there too."""
    for text in [value] if isinstance(value, str) else value or []:
        length(text)
    return value


CtxOpt = Annotated[
    str, typer.Option("--ctx", metavar="TOKENS", callback=_lengths, help="Context length: 4096, 128k, 1M.")
]
CtxsOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--ctx",
        metavar="TOKENS",
        callback=_lengths,
        help="Context length: 4096, 128k, 1M; repeatable. 4k if not given.",
    ),
]
BatchOpt = Annotated[int, typer.Option("--batch", min=1, max=MOST_BATCH, metavar="N", help="Sequences at once.")]
WeightsOpt = Annotated[
    Dtype, typer.Option("--weights", case_sensitive=False, help="Dtype of the weights, without scales.")
]


def _cache_dtype(value: str | None) -> str | None:
    """Refuse what is no format where it is given."""
    if value is None:
        return None
    name = value.lower()
    units.block(name)
    return name


def _complete_format(incomplete: str) -> list[str]:
    return [name for name in (*units.DTYPE_BITS, *units.BLOCKS) if name.startswith(incomplete.lower())]


CacheOpt = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="DTYPE",
        callback=_cache_dtype,
        autocompletion=_complete_format,
        help="Format of the cache: fp32, bf16, fp16, fp8, int8, int4 ...; with scales: q8_0, q4_0 ..., int4-g64.",
    ),
]
KeysOpt = Annotated[
    str | None,
    typer.Option(
        "--k-dtype",
        metavar="DTYPE",
        callback=_cache_dtype,
        autocompletion=_complete_format,
        help="Format of keys, if not that of --dtype.",
    ),
]
ValuesOpt = Annotated[
    str | None,
    typer.Option(
        "--v-dtype",
        metavar="DTYPE",
        callback=_cache_dtype,
        autocompletion=_complete_format,
        help="Format of values, if not that of --dtype.",
    ),
]


def memory_size(text: str, option: str) -> int:
    """An amount of memory from the command line, in bytes. Raises QuantityError."""
    from llmcmp.errors import QuantityError

    try:
        return units.size(text)
    except QuantityError as error:
        raise QuantityError(f"{option}: {error}") from None


SourceOpt = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="TOKENS", help="Source length of encoder-decoders; as long as --ctx if not given."
    ),
]


def _prefer(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    if not context.resilient_parsing and param.name:
        terminal.prefer(**{param.name: value})
    return value


QuietOpt = Annotated[
    bool | None,
    typer.Option(
        "--quiet",
        "-q",
        is_eager=True,
        expose_value=False,
        callback=_prefer,
        rich_help_panel=TERMINAL,
        help="Only the answer: no notes, no progress.",
    ),
]
WidthOpt = Annotated[
    int | None,
    typer.Option(
        "--width",
        min=terminal.NARROWEST,
        max=terminal.WIDEST,
        metavar="N",
        is_eager=True,
        expose_value=False,
        callback=_prefer,
        rich_help_panel=TERMINAL,
        help="Columns to fill; those of the terminal if not given, and no limit in a pipe.",
    ),
]
PagerOpt = Annotated[
    bool | None,
    typer.Option(
        "--pager/--no-pager",
        is_eager=True,
        expose_value=False,
        callback=_prefer,
        rich_help_panel=TERMINAL,
        help="Whether an answer longer than the terminal goes through $PAGER. It does if not given.",
    ),
]


def _use_presets(context: typer.Context, folders: list[str] | None) -> list[str] | None:
    if not context.resilient_parsing:
        from llmcmp.sources.user import use

        for folder in folders or ():
            use(os.path.expanduser(folder))  # noqa: PTH111 - a default from a file may begin with ~
    return folders


PresetsOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--presets",
        metavar="DIR",
        is_eager=True,
        expose_value=False,
        callback=_use_presets,
        help="A folder with presets of your own, beside those in $LLMCMP_PRESETS; repeatable.",
    ),
]


def everywhere(
    quiet: QuietOpt = None, width: WidthOpt = None, pager: PagerOpt = None, presets: PresetsOpt = None
) -> None:
    """The options of every command, before its name or after."""


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
