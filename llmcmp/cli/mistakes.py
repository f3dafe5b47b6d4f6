"""Every known error as one line on stderr that says what to do next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from llmcmp.cli import terminal

if TYPE_CHECKING:
    from llmcmp.errors import LlmcmpError


def tell(error: LlmcmpError | typer.TyperException) -> int:
    """Print the line; the exit code that goes with it."""
    from rich.text import Text

    message = _usage(error) if isinstance(error, typer.TyperException) else str(error)
    terminal.console(sys.stderr).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    return error.exit_code


def _usage(error: typer.TyperException) -> str:
    """What was wrong with the words of a command, and whose help says how they should be."""
    command = getattr(getattr(error, "ctx", None), "command_path", "llmcmp")
    message = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    return f"{message}; see: {command} --help"
