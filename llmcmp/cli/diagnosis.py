"""What a bug report needs to know of a machine: versions, terminal, folders, and what is wrong with them.

Nothing is imported to ask for its version, nothing is sent anywhere, and the home folder is written as ~.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from llmcmp import __version__
from llmcmp.cli import terminal
from llmcmp.cli.defaults import rows
from llmcmp.cli.paging import pager
from llmcmp.config import config_path
from llmcmp.errors import LlmcmpError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

# What pip installs with llmcmp, and what only some commands need, each with the command that installs it.
REQUIRED = ("platformdirs", "typer", "rich", "numpy", "pandas", "matplotlib", "tabulate", "textual")
OPTIONAL = {
    "torch": "pip install 'llmcmp[torch]' for bench, devices, verify",
    "transformers": "pip install transformers",
}
VARIABLES = "NO_COLOR FORCE_COLOR TERM COLUMNS PAGER LESS LLMCMP_CONFIG LLMCMP_PRESETS LLMCMP_DEBUG".split()


@frozen
class Finding:
    """One fact; `problem` says that something is wrong, `next_step` what to do."""

    subject: str
    item: str
    state: str
    problem: bool = False
    next_step: str = ""


def findings() -> Iterator[Finding]:
    """Everything, subject by subject."""
    yield Finding(subject="Program", item="llmcmp", state=f"{__version__} in {tilde(Path(__file__).parent.parent)}")
    yield Finding(
        subject="Program", item="Python", state=f"{platform.python_version()} {platform.python_implementation()}"
    )
    yield Finding(subject="Program", item="System", state=platform.platform())
    yield from _terminal()
    yield from _packages()
    yield from _presets()
    yield _config()
    yield from _folders()


def _terminal() -> Iterator[Finding]:
    kind = "a terminal" if sys.stdout.isatty() else "no terminal"
    colour = "colour" if terminal.coloured(sys.stdout) else "no colour"
    size = os.get_terminal_size(1) if sys.stdout.isatty() else None
    yield Finding(
        subject="Terminal",
        item="stdout",
        state=f"{kind}, {colour}" + (f", {size.columns} × {size.lines}" if size else ""),
    )
    encoding = (sys.stdout.encoding or "unknown").lower()
    unicode = encoding.replace("-", "").startswith("utf")
    yield Finding(
        subject="Terminal",
        item="Encoding",
        state=encoding,
        problem=not unicode,
        next_step="" if unicode else "tables need UTF-8: set PYTHONUTF8=1",
    )
    yield Finding(subject="Terminal", item="Pager", state=" ".join(pager()) or "none")
    for name in VARIABLES:
        if name in os.environ:
            yield Finding(subject="Terminal", item=name, state=tilde(os.environ[name]) or "set to nothing")


def _packages() -> Iterator[Finding]:
    for name in REQUIRED:
        version = _version(name)
        missing = version is None
        yield Finding(
            subject="Packages",
            item=name,
            state=version or "missing",
            problem=missing,
            next_step=f"pip install {name}" if missing else "",
        )
    for name, install in OPTIONAL.items():
        version = _version(name)
        yield Finding(
            subject="Packages", item=name, state=version or "not installed", next_step="" if version else install
        )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _presets() -> Iterator[Finding]:
    from llmcmp.sources.names import aliases, preset_paths, presets_directory

    folder, count = tilde(presets_directory()), len(preset_paths())
    yield Finding(
        subject="Presets",
        item="Models",
        state=f"{count} in {folder}",
        problem=not count,
        next_step="" if count else "install llmcmp again: its presets are missing",
    )
    try:
        yield Finding(subject="Presets", item="Aliases", state=f"{len(aliases())}")
    except (OSError, ValueError) as error:
        yield Finding(
            subject="Presets", item="Aliases", state=str(error), problem=True, next_step="install llmcmp again"
        )


def _config() -> Finding:
    path = config_path()
    try:
        given = [row["key"] for row in rows() if row["from"] != "default"]
    except LlmcmpError as error:
        step = "mend it, or take the key out: llmcmp config unset KEY"
        return Finding(subject="Files", item="Defaults", state=tilde(str(error)), problem=True, next_step=step)
    state = f"{tilde(path)}{'' if path.is_file() else ' (none yet)'}"
    return Finding(subject="Files", item="Defaults", state=f"{state}: {', '.join(given)}" if given else state)


def _folders() -> Iterator[Finding]:
    from llmcmp.bench.devices import cache_path
    from llmcmp.bench.records import default_path

    for item, path in (("Measurements", default_path()), ("Ceilings", cache_path())):
        existing = next(folder for folder in (path, *path.parents) if folder.exists())
        writable = os.access(existing, os.W_OK)
        size = f"{path.stat().st_size:,} bytes" if path.is_file() else "none yet"
        yield Finding(
            subject="Files",
            item=item,
            state=f"{tilde(path)} ({size})",
            problem=not writable,
            next_step="" if writable else f"cannot be written: change the rights of {tilde(existing)}",
        )


def tilde(path: str | Path) -> str:
    """A path, or a text with paths in it, without the name of its user."""
    return str(path).replace(str(Path.home()), "~")
