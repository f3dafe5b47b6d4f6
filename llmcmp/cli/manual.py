"""What a command's help says, as data: the terminal and the reference pages both draw it.

A docstring holds the description, then `Examples:` with one command a line; everything else is in the options.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, cast

from typer.core import TyperArgument, TyperOption

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import Context
    from typer.core import TyperCommand, TyperGroup

SHORT = 24  # characters of choices that still stand beside their option


@frozen
class Entry:
    """One option or argument: how it is written, what follows it, what it does, what holds without it."""

    names: str
    value: str
    help: str
    default: str = ""
    panel: str = "Options"


@frozen
class Manual:
    """Everything about one command."""

    usage: str
    description: tuple[str, ...]
    entries: tuple[Entry, ...]
    examples: tuple[str, ...]

    def panels(self) -> dict[str, list[Entry]]:
        """Entries by panel: arguments first, the terminal last."""
        found: dict[str, list[Entry]] = {"Arguments": [], "Options": []}
        for entry in self.entries:
            found.setdefault(entry.panel, []).append(entry)
        last = found.pop("Terminal", [])
        return {panel: entries for panel, entries in (found | {"Terminal": last}).items() if entries}


def manual(command: TyperCommand | TyperGroup, context: Context) -> Manual:
    """The manual of a command."""
    description, examples = split(command.help or "")
    entries = [_entry(param, context) for param in command.get_params(context) if _shown(param)]
    pieces = (re.sub(r"[{}]", "", piece) for piece in command.collect_usage_pieces(context))
    usage = " ".join((context.command_path, *pieces))
    return Manual(usage=usage, description=description, entries=tuple(entries), examples=examples)


def split(docstring: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paragraphs of a docstring's description, and its examples."""
    text, _, examples = inspect.cleandoc(docstring).partition("Examples:")
    paragraphs = (re.sub(r"\s+", " ", paragraph).strip() for paragraph in re.split(r"\n\s*\n", text))
    return tuple(filter(None, paragraphs)), tuple(line.strip() for line in examples.splitlines() if line.strip())


def _shown(param: object) -> bool:
    return isinstance(param, TyperArgument | TyperOption) and not param.hidden


def _entry(param: object, context: Context) -> Entry:
    if isinstance(param, TyperArgument):
        name = param.metavar or param.name.upper()
        return Entry(
            names=f"{name}..." if param.nargs != 1 else name,
            value="" if param.required else "optional",
            help=_choices(param, param.help or ""),
            panel="Arguments",
        )
    option = cast("TyperOption", param)
    names = sorted((*option.opts, *option.secondary_opts), key=lambda name: name.startswith("--"))
    panel = "Terminal" if names[-1] == "--help" else option.rich_help_panel or "Options"
    value = _value(option)
    return Entry(
        names=", ".join(names),
        value=value,
        help=option.help or "" if "|" in value else _choices(option, option.help or ""),
        default=_default(option, context),
        panel=panel,
    )


def _value(option: TyperOption) -> str:
    """What follows the option: nothing for a flag, its choices where they are short, else one word."""
    if option.is_flag:
        return ""
    choices = "|".join(_allowed(option))
    if choices and len(choices) <= SHORT:
        return choices
    return option.metavar or (option.name.upper() if not choices else max(option.opts, key=len).strip("-").upper())


def _allowed(param: TyperOption | TyperArgument) -> Sequence[str]:
    return [str(choice) for choice in param.type_descriptor.choices or ()]


def _choices(param: TyperOption | TyperArgument, text: str) -> str:
    """The help, with the choices in words unless it names them."""
    allowed = _allowed(param)
    said = all(choice in text for choice in allowed)
    return text if said else f"{text} One of {', '.join(allowed)}."


def _default(option: TyperOption, context: Context) -> str:
    """What holds without the option; nothing to say of flags that are off."""
    default = context.lookup_default(option.name, call=False)
    if default is None:
        default = option.default
    if default is None or default is False or callable(default):
        return ""
    if option.is_flag:
        return option.opts[0]
    return ", ".join(map(str, cast("list[object]", default))) if isinstance(default, list) else str(default)
