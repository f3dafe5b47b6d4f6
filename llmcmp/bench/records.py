"""Measurements on disk: one JSON object a line, appended and flushed as it is made, so that a stopped run keeps all.

A record is found again by its key: what was measured, how, and on what. Line breaks end records; a last line that a
killed run left half-written is passed over, and so is whatever else is no record.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import OutputError
from llmcmp.model import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmcmp.bench.settings import Settings
    from llmcmp.model import Model

Record = dict[str, Any]
VERSION = 1


def default_path() -> Path:
    """Where measurements are kept if no file is named: this user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("llmcmp", appauthor=False) / "bench.jsonl"


def structure(model: Model) -> str:
    """A short name for what a model is made of, whatever it is called: its tensors, its states, and where they stand.

    Numbers that cost nothing (the epsilon of a norm) are left out: saved rows outlive a correction of them.
    """
    uses = (
        (use.path, use.layers, use.copies, tuple(use.component.weights()), tuple(use.component.state()))
        for use in walk(model)
    )
    return _digest(repr(tuple(uses)))


def key(models: Iterable[Model], settings: Settings, environment: dict[str, Any]) -> str:
    """The name of a measurement: the models that are run, the settings, the machine with its software."""
    return _digest(repr(([model.towers for model in models], settings, sorted(environment.items()))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class RecordFile:
    """A file that records are added to, one line each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Make the folder, and raise OutputError now rather than after the first measurement."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab"):
                pass
        except OSError as error:
            raise OutputError(f"cannot write '{self.path}': {error.strerror}") from error

    def append(self, record: Record) -> None:
        """Add a record and see it to the disk; a half-written line before it is closed first."""
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        try:
            with self.path.open("ab+") as file:
                if file.tell() and not self._ends_a_line(file.fileno(), file.tell()):
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write '{self.path}': {error.strerror}") from error

    @staticmethod
    def _ends_a_line(handle: int, size: int) -> bool:
        return os.pread(handle, 1, size - 1) == b"\n"

    def read(self) -> list[Record]:
        """All records, the oldest first; none where there is no file. Raises OutputError for one that is unreadable."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"cannot read '{self.path}': {error.strerror}") from error
        return [record for line in lines if (record := _record(line)) is not None]


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or cast("Record", record).get("version") != VERSION:
        return None
    return cast("Record", record)


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    """The newest record of each measurement."""
    return {record["key"]: record for record in records}
