"""How every command behaves, whatever it does: the options of the terminal, its help, progress, what a file defaults.

A new command gets all of it from its line in app.py; it only writes `run`.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from llmcmp.cli.options import everywhere
from llmcmp.cli.terminal import coloured
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPAIRS = ("config", "doctor", "completion")  # commands that work whatever the file of defaults says
HELP = {"help_option_names": ["-h", "--help"]}


def parameters(function: Callable[..., None]) -> list[Any]:
    """The options and arguments that a function declares."""
    return bare(function).params


def bare(function: Callable[..., None]) -> Any:
    """A command of a function's own options and no others."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return get_command(app)


def asked_last(arguments: list[str]) -> list[str]:
    """The arguments with a request for help at their end, so that it knows what the others say of the terminal."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    wanted = [argument for argument in arguments[:end] if argument in HELP["help_option_names"]]
    others = [argument for argument in arguments[:end] if argument not in HELP["help_option_names"]]
    return [*others, *wanted[:1], *arguments[end:]]


class Command(TyperCommand):
    """One command."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        attributes["params"] = [*(attributes.get("params") or ()), *parameters(everywhere)]
        super().__init__(name, **attributes)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, asked_last(args))

    def invoke(self, ctx: Any) -> Any:
        from llmcmp.cli.progress import waiting

        with waiting(ctx.command_path):
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from llmcmp.cli.help import drawn
        from llmcmp.cli.manual import manual

        ctx.color = coloured_output()
        formatter.write(drawn(manual(self, ctx), {}))


@frozen
class Completed:
    """A word that completion offers, in the shape that Typer's shells read."""

    value: str
    help: str
    type: str = "plain"


class Commands(TyperGroup):
    """The program: commands by panel, each imported when it is asked for and no sooner."""

    panels: Mapping[str, Mapping[str, str]] = {}
    footer: tuple[str, ...] = ()

    def __init__(self, **attributes: Any) -> None:
        attributes["params"] = [*(attributes.get("params") or ()), *parameters(everywhere)]
        super().__init__(**attributes)

    @classmethod
    def modules(cls) -> dict[str, str]:
        """The module of every command."""
        return {name: module for commands in cls.panels.values() for name, module in commands.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.modules())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in self.modules():
            self.commands[cmd_name] = with_defaults(cmd_name, self.modules()[cmd_name])
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.modules():  # for the suggestions in the error
            for name in self.modules():
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = next((place for place, argument in enumerate(args) if argument in self.modules()), len(args))
        return super().parse_args(ctx, [*asked_last(args[:named]), *args[named:]])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        names = [name for name in self.modules() if name.startswith(incomplete)]
        found: list[Any] = [Completed(value=name, help=brief(self.modules()[name])) for name in names]
        return found or TyperCommand.shell_complete(cast("Any", self), ctx, incomplete)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from llmcmp.cli.help import drawn
        from llmcmp.cli.manual import manual

        ctx.color = coloured_output()
        listed = {
            panel: {name: summary(module) for name, module in commands.items()}
            for panel, commands in self.panels.items()
        }
        formatter.write(drawn(manual(cast("Any", self), ctx), listed, self.footer))


def coloured_output() -> bool:
    """Whether stdout has colour, which Typer would else decide by itself."""
    import sys

    return coloured(sys.stdout)


def command(name: str, module: str) -> Any:
    """The command whose function is `run` in a module of this room."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name, cls=Command, context_settings=dict(HELP))(function(module))
    return get_command(app)


def function(module: str) -> Callable[..., None]:
    """What a command runs."""
    return import_module(f"llmcmp.cli.{module}").run


def with_defaults(name: str, module: str) -> Any:
    """The command with what the environment and the file of defaults say of its options."""
    made = command(name, module)
    if module not in REPAIRS:
        from llmcmp.cli.defaults import defaults

        made.context_settings["default_map"] = defaults(made, name, function(module))
    return made


def brief(module: str) -> str:
    """A summary on one line beside a name: what a shell wraps, it takes for another name."""
    from textwrap import shorten

    return shorten(summary(module), 64, placeholder=" …")


def summary(module: str) -> str:
    """The first sentence of a command's docstring, read from its source: nothing needs to be imported to list it."""
    spec = find_spec(f"llmcmp.cli.{module}")
    source = cast("Any", spec).loader.get_source(spec.name) if spec else ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    return ""
