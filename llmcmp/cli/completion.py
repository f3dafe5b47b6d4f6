"""`llmcmp completion SHELL`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from llmcmp.cli.output import answer

Shell = Literal["bash", "zsh", "fish", "powershell"]


def run(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="Whose script to print.")]) -> None:
    """The script that completes commands, options, models and values in a shell.

    Put it where the shell reads it at its start, or let llmcmp --install-completion do that for the shell that runs.

    Examples:

      llmcmp completion bash

      llmcmp completion zsh

      llmcmp completion fish
    """
    from typer.completion import get_completion_script  # pyright: ignore[reportPrivateImportUsage]

    answer(get_completion_script(prog_name="llmcmp", complete_var="_LLMCMP_COMPLETE", shell=shell) + "\n")
