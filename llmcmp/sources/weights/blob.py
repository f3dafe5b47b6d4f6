"""Bytes that can be read in pieces, of a file here or of one on the Hub. Their length is known before any is read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Protocol

from llmcmp.errors import WeightFileError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from pathlib import Path


class Blob(Protocol):
    """A named run of bytes."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes:
        """Bytes from `start` on, exactly as many as asked for. Raises WeightFileError where there are fewer."""
        ...


@frozen
class LocalBlob:
    """A file of this machine, opened anew for each piece."""

    path: Path
    name: str
    size: int

    def read(self, start: int, length: int) -> bytes:
        """Bytes from `start` on."""
        try:
            with open(self.path, "rb", opener=_without_waiting) as file:
                file.seek(start)
                found = file.read(length)
        except OSError as error:
            raise WeightFileError(f"{self.name}: cannot be read: {error.strerror}") from error
        if len(found) < length:
            raise cut_short(self.name, start + length, start + len(found))
        return found


def local(path: Path) -> LocalBlob:
    """The bytes of a file. Raises WeightFileError for what is no file."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise WeightFileError(f"{path.name[:200]}: cannot be read: {said}") from error
    if not stat.S_ISREG(found.st_mode):
        raise WeightFileError(f"{path.name}: is no file")
    return LocalBlob(path=path, name=path.name, size=found.st_size)


def cut_short(name: str, needed: int, size: int) -> WeightFileError:
    """The error for a file that is shorter than it says."""
    return WeightFileError(
        f"{name}: is cut short: what it claims to hold takes {needed:,} bytes, and it has {size:,}; fetch it again"
    )


def _without_waiting(name: str, flags: int) -> int:
    """Opens what never answers, a pipe say, without waiting for it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
