"""`llmcmp config`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from llmcmp.cli.defaults import found, keys, parsed, rows, shown
from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import answer, deliver, note, prepare
from llmcmp.config import change, config_path
from llmcmp.errors import DefaultsError, QuantityError
from llmcmp.tables.table import Column, Table

Action = Literal["show", "get", "set", "unset", "path"]
COLUMNS = (
    Column(key="key", label="Key", core=True),
    Column(key="value", label="Value", core=True),
    Column(key="from", label="From", core=True),
    Column(key="meaning", label="What it sets", core=True),
)


def _complete(incomplete: str) -> list[str]:
    return [key for key in keys() if key.startswith(incomplete)]


def run(
    action: Annotated[
        Action, typer.Argument(metavar="ACTION", help="show all keys, get, set or unset one; path of the file.")
    ] = "show",
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="ctx, batch ... for all; bench.device for one.", autocompletion=_complete),
    ] = None,
    values: Annotated[list[str] | None, typer.Argument(metavar="VALUE", help="What it shall be.")] = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """Defaults of the options: what holds, where it comes from, and how to change it.

    An option that is given comes first, then the environment (LLMCMP_CTX=32k), then the file, then the program's own
    default. A key is the name of an option; COMMAND.OPTION sets it for one command. LLMCMP_CONFIG names another file.

    Examples:

      llmcmp config

      llmcmp config set ctx 32k

      llmcmp config get ctx
    """
    outputs = prepare(output)
    path = config_path()
    match action:
        case "path":
            answer(f"{path}\n")
        case "show":
            settings = {"file": str(path), "exists": path.is_file()}
            title = f"{path}{'' if path.is_file() else ' (there is no such file yet)'}"
            table = Table(command="config", columns=COLUMNS, rows=tuple(rows()), settings=settings, title=title)
            deliver(table, as_json=as_json, outputs=outputs)
        case "get":
            answer(f"{shown(_value(_named(key)))}\n")
        case "set":
            if not values:
                raise QuantityError(f"the value is missing: llmcmp config set {_named(key)} VALUE")
            value = parsed(_named(key), values)
            change(path, _named(key), value)
            note(f"{key} is {shown(value)} in {path}")
        case "unset":
            change(path, _named(key), None)
            note(f"{key} is not set in {path}")


def _named(key: str | None) -> str:
    if key is None:
        raise QuantityError(f"name a key: {', '.join(keys())}, or one command's, such as bench.device")
    return key


def _value(key: str) -> object:
    """What holds for a key."""
    for row in rows():
        if row["key"] == key:
            return row["value"]
    found(key)
    raise DefaultsError(f"{key} is not set; set it: llmcmp config set {key} VALUE")
