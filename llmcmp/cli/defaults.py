"""What options hold when nobody gives them: the environment before the file, the file before the program's own.

The keys are the options' names, and a value is checked by the option itself. `LLMCMP_CTX=32k` sets what `ctx = "32k"`
does in the file.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, cast

import typer

from llmcmp.cli.options import (
    BatchOpt,
    CacheOpt,
    CtxOpt,
    CtxsOpt,
    PagerOpt,
    PresetsOpt,
    QuietOpt,
    WeightsOpt,
    WidthOpt,
)
from llmcmp.config import Config, Value, config_path, read
from llmcmp.errors import DefaultsError, LlmcmpError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PREFIX = "LLMCMP_"


def shared(
    ctx: CtxOpt = "4k",
    batch: BatchOpt = 1,
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    width: WidthOpt = None,
    pager: PagerOpt = True,
    quiet: QuietOpt = False,
    presets: PresetsOpt = None,
) -> None:
    """The options whose defaults hold for every command that has them."""


_SHARED = {name: each.annotation for name, each in inspect.signature(shared, eval_str=True).parameters.items()}
_ALSO = {"ctx": CtxsOpt}  # the same option where it may be repeated
PROGRAM = ("width", "pager", "quiet", "presets")  # the program's own, which it reads before it knows the command
ELSEWHERE = ("presets",)  # the variable of the same name is read where the folders are


@frozen
class Default:
    """A value (None: the program's own choice), where it comes from, and how an error names that."""

    value: Value | None
    origin: str
    where: str


def defaults(command: Any, name: str, run: Callable[..., None]) -> dict[str, Any]:
    """What a command's options hold unless given, by parameter. Raises DefaultsError for what an option refuses."""
    config = read(config_path())
    _refuse_unknown(config)
    signature = inspect.signature(run, eval_str=True).parameters
    taken = [key for key in _SHARED if key in signature and _same(key, signature[key].annotation)]
    found = {key: default for key, default in everywhere(config).items() if key in taken}
    options = own(command)
    for key, default in for_command(config, name).items():
        if key not in options:
            raise DefaultsError(f"{default.where}: unknown key; {name} has {', '.join(options)}")
        found[options[key].name] = default
    params = {param.name: param for param in command.params}
    return {key: checked(command, params[key], default) for key, default in found.items()}


def of_the_terminal(command: Any) -> dict[str, Any]:
    """What the program's own options hold unless given; of a broken file the command says what is wrong."""
    params = {param.name: param for param in command.params}
    try:
        found = everywhere(read(config_path()))
        return {key: checked(command, params[key], found[key]) for key in PROGRAM if key in found}
    except DefaultsError:
        return {}


def everywhere(config: Config) -> dict[str, Default]:
    """The defaults for every command: the file's, then the environment's over them."""
    found = {key: _of_file(key, value) for key, value in config.everywhere.items()}
    for key in _SHARED:
        variable = PREFIX + key.upper()
        if os.environ.get(variable) and key not in ELSEWHERE:
            found[key] = Default(value=os.environ[variable], origin=variable, where=variable)
    return found


def for_command(config: Config, name: str) -> dict[str, Default]:
    """The defaults for one command, by the name of the option."""
    table = config.commands.get(name, {})
    return {key.replace("_", "-"): _of_file(f"[{name}] {key}", value) for key, value in table.items()}


def _of_file(key: str, value: Value) -> Default:
    return Default(value=value, origin="file", where=f"{config_path()}: {key}")


def own(command: Any) -> dict[str, Any]:
    """The options of a command by the name that a key has: the longest spelling, without dashes."""
    return {
        max(param.opts, key=len).lstrip("-"): param
        for param in command.params
        if param.expose_value and param.param_type_name == "option"
    }


def _refuse_unknown(config: Config) -> None:
    for key in config.everywhere:
        if key not in _SHARED:
            raise DefaultsError(f"{config_path()}: {key}: unknown key; choose one of {', '.join(_SHARED)}")
    for table in config.commands:
        if table not in _modules():
            known = ", ".join(_modules())
            raise DefaultsError(f"{config_path()}: [{table}]: unknown table; a table is a command: {known}")


def _modules() -> dict[str, str]:
    from llmcmp.cli.app import Program

    return Program.modules()


def checked(command: Any, param: Any, default: Default) -> Any:
    """The value in the option's type. Raises DefaultsError with its source."""
    context = typer.Context(command, resilient_parsing=True)
    value: Any = default.value
    if param.multiple and not isinstance(value, list):
        value = [part.strip() for part in str(value).split(",")]
    try:
        return param.process_value(context, value)
    except (typer.TyperException, LlmcmpError) as error:
        message = " ".join(str(error).split()).replace("Value error, ", "").removesuffix(".")
        raise DefaultsError(f"{default.where}: {message}") from None


def _same(key: str, annotation: object) -> bool:
    return annotation in (_SHARED[key], _ALSO.get(key))


def keys() -> tuple[str, ...]:
    """Every key that holds for all commands."""
    return tuple(_SHARED)


def found(key: str) -> tuple[Any, Any]:
    """The command and the option that a key means: `ctx`, or `bench.device`. Raises DefaultsError."""
    from llmcmp.cli.command import bare, command

    table, _, name = key.rpartition(".")
    if table and table not in _modules():
        raise DefaultsError(f"unknown key '{key}'; '{table}' is no command: {', '.join(_modules())}")
    holder = command(table, _modules()[table]) if table else bare(shared)
    options = own(holder) if table else {param.name: param for param in holder.params if param.name in _SHARED}
    if name not in options:
        raise DefaultsError(f"unknown key '{key}'; choose one of {', '.join(options)}")
    return holder, options[name]


def parsed(key: str, texts: Sequence[str]) -> Value:
    """What the words of a command line set a key to, in the type of its option. Raises DefaultsError."""
    holder, option = found(key)
    if len(texts) > 1 and not option.multiple:
        raise DefaultsError(f"{key}: one value, not {len(texts)}")
    value = list(texts) if len(texts) > 1 else texts[0]
    made = checked(holder, option, Default(value=value, origin="", where=key))
    if isinstance(made, list):
        return [str(each) for each in cast("list[object]", made)]
    return made if isinstance(made, bool | int | float) else str(made)


def rows() -> Iterator[dict[str, Any]]:
    """Every key that holds for all, and those that are set for one command. Raises DefaultsError."""
    config = read(config_path())
    _refuse_unknown(config)
    given = everywhere(config)
    for key in _SHARED:
        holder, option = found(key)
        builtin = Default(value=option.default, origin="default", where=key)
        yield _row(key, holder, option, given.get(key, builtin))
    for name in config.commands:
        for key, default in for_command(config, name).items():
            yield _row(f"{name}.{key}", *found(f"{name}.{key}"), default)


def _row(key: str, holder: Any, option: Any, default: Default) -> dict[str, Any]:
    value = None if default.value is None else checked(holder, option, default)
    return {"key": key, "value": value, "value_shown": shown(value), "from": default.origin, "meaning": option.help}


def shown(value: object) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, cast("list[object]", value)))
    return "—" if value is None else str(value)
