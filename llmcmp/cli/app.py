"""The program: `main` finds the command, runs it, and turns every known error into one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.main import get_command

from llmcmp.cli import terminal
from llmcmp.cli.command import HELP, Commands
from llmcmp.cli.defaults import of_the_terminal
from llmcmp.cli.mistakes import tell
from llmcmp.errors import LlmcmpError

# By panel of the help: each command's function is `run` in its module; only the one that is asked for is imported.
COMMANDS = {
    "Compare": {
        "list": "listing",
        "show": "show",
        "inspect": "inspect",
        "compare": "compare",
        "diff": "diff",
        "pick": "pick",
    },
    "Costs": {
        "params": "params",
        "flops": "flops",
        "kvcache": "kvcache",
    },
    "Look": {
        "workbench": "workbench",
        "plot": "plot",
        "report": "report",
    },
    "Learn": {
        "explain": "explain",
        "evolve": "evolve",
    },
    "Measure": {
        "bench": "bench",
        "devices": "devices",
        "verify": "verify",
    },
    "Setup": {
        "import": "importing",
        "config": "config",
        "doctor": "doctor",
        "completion": "completion",
    },
}
FOOTER = (
    "Help for each: llmcmp compare --help",
    "Exit codes: 0 done, 1 a known error, 2 wrong usage, 3 nothing fits. LLMCMP_DEBUG=1 shows tracebacks.",
)


class Program(Commands):
    """Every command there is."""

    panels = COMMANDS
    footer = FOOTER


def _version(wanted: bool) -> None:
    if wanted:
        from llmcmp import __version__

        typer.echo(f"llmcmp {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compare LLM architectures: what they are, how big they are, what they compute and what they remember.

    Alone in a terminal it opens the workbench.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), color=context.color)


def build() -> Any:
    """The program with all its commands."""
    app = typer.Typer(cls=Program, pretty_exceptions_enable=False, context_settings=dict(HELP))

    app.callback(invoke_without_command=True)(_root)
    program: Any = get_command(app)
    program.context_settings["default_map"] = of_the_terminal(program)
    return program


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a known error, 2 wrong usage, 3 nothing fits."""
    screen: object = sys.stdout
    if isinstance(screen, io.TextIOWrapper):
        screen.reconfigure(errors="replace")  # a terminal that cannot show × shows ? instead of nothing
    terminal.forget()
    try:
        code = build().main(prog_name="llmcmp", standalone_mode=False)
        print(end="", flush=True)
    except (LlmcmpError, typer.TyperException) as error:
        if os.environ.get("LLMCMP_DEBUG") == "1":
            raise
        sys.exit(tell(error))
    except typer.Abort:
        print("aborted", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"error: cannot write the answer: {error.strerror}", file=sys.stderr)
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - only keeps the interpreter's last flush quiet
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
