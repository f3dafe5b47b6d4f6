"""The program: `main` finds the command, runs it, and turns every known error into one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from llmcmp.errors import LlmcmpError

# Each command's function is `run` in its module; only the one that is asked for is imported.
COMMANDS = {
    "list": "listing",
    "show": "show",
    "compare": "compare",
    "diff": "diff",
    "params": "params",
    "flops": "flops",
    "kvcache": "kvcache",
    "bench": "bench",
    "devices": "devices",
    "verify": "verify",
}


def _version(wanted: bool) -> None:
    if wanted:
        from llmcmp import __version__

        typer.echo(f"llmcmp {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compare LLM architectures: what they are, how big they are, what they compute and what they remember."""


def build(arguments: list[str]) -> typer.Typer:
    """The app with the command that `arguments` ask for, or with all of them for help and completion."""
    names = {"help_option_names": ["-h", "--help"]}
    app = typer.Typer(
        no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich", context_settings=names
    )
    app.callback()(_root)
    asked = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name, module in COMMANDS.items():
        if asked in (None, name):
            app.command(name)(import_module(f"llmcmp.cli.{module}").run)
    return app


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a known error, 2 wrong usage, 3 nothing fits."""
    arguments = sys.argv[1:]
    screen: object = sys.stdout
    if isinstance(screen, io.TextIOWrapper):
        screen.reconfigure(errors="replace")  # a terminal that cannot show × shows ? instead of nothing
    try:
        build(arguments)()
        print(end="", flush=True)
    except LlmcmpError as error:
        if os.environ.get("LLMCMP_DEBUG") == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"error: cannot write the answer: {error.strerror}", file=sys.stderr)
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - only keeps the interpreter's last flush quiet
        sys.exit(1)
