"""`import`: the preset that was written, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.folds.params import params
from llmcmp.tables.describe import architecture_class
from llmcmp.tables.table import Column, Table

if TYPE_CHECKING:
    from pathlib import Path

    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="class", label="Class", core=True),
    Column(key="parameters", label="Parameters", unit="count", core=True),
    Column(key="file", label="File", core=True),
)


def imported_table(model: Model, source: str, file: Path) -> Table:
    """One row: the model under its new name, and its file."""
    row = {
        "model": model.name,
        "class": architecture_class(model),
        "parameters": params(model).total if model.disclosed else None,
        "disclosed": model.disclosed,
        "file": str(file),
    }
    return Table(command="import", columns=COLUMNS, rows=(row,), settings={"source": source}, title="Preset written")
