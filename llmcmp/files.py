"""Files that appear whole or not at all: written beside their place under another name, then moved there."""

from __future__ import annotations

import os
from pathlib import Path

from llmcmp.errors import OutputError


def write(made: bytes, path: Path, *, replace: bool = True) -> None:
    """Write a file. Raises OutputError; a failure leaves the old file, or none.

    Without `replace` a file that is there already, or appears meanwhile, is an error.
    """
    try:
        _place(path, made, replace=replace)
    except FileExistsError as error:
        raise OutputError(f"cannot write '{path}': a file is there already; choose another name, or --force") from error
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {error.strerror}") from error


def _place(path: Path, made: bytes, *, replace: bool) -> None:
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        temporary.chmod(0o666 & ~_umask())
        if replace:
            temporary.replace(path)
        else:
            _claim(path, temporary)
            temporary.unlink(missing_ok=True)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _claim(path: Path, temporary: Path) -> None:
    """Let `path` be `temporary`; unlike a move, this fails where something is."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        temporary.replace(path)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
