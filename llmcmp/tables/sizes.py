"""`params`: where the parameters of models sit, by component and by layer."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, get_args

from llmcmp.folds.params import params
from llmcmp.ops import Part
from llmcmp.tables.compare import base_name, card_facts, size_facts, undisclosed_notes, with_ratios
from llmcmp.tables.table import COMPONENTS, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.model import Model

TOTALS = (
    Column(key="parameters", label="Total", unit="count", group="Parameters", core=True),
    Column(key="active_parameters", label="Active a token", unit="count", group="Parameters", core=True),
    Column(key="non_embedding_parameters", label="Less embeddings", unit="count", group="Parameters", core=True),
    Column(key="active_non_embedding_parameters", label="Active less embeddings", unit="count", group="Parameters"),
)


def params_table(models: Sequence[Model], *, baseline: Model | str | None = None) -> Table:
    """Parameters by component, and what is listed apart from the total; beside each, its ratio to a baseline's."""
    rows = tuple(_row(model) for model in models)
    apart = dict.fromkeys(name for model in models for name, _ in model.apart)
    columns = (
        Column(key="model", label="Model", core=True),
        *TOTALS,
        *component_columns(rows),
        *(Column(key=_key(name), label=_label(name), unit="count", group="Apart from the total") for name in apart),
    )
    if any(row.get("buffer_elements") for row in rows):
        buffers = Column(key="buffer_elements", label="Stored buffers", unit="count", group="Apart from the total")
        columns = (*columns, buffers)
    base = base_name(baseline)
    columns, rows = with_ratios(columns, rows, base)
    settings = {"models": [model.name for model in models], "baseline": base}
    return Table(
        command="params",
        columns=columns,
        rows=rows,
        settings=settings,
        title="Parameters",
        rows_as="columns",
        notes=undisclosed_notes(models),
    )


def _row(model: Model) -> Row:
    row = card_facts(model)
    if not model.disclosed:
        return row
    sizes = params(model)
    row |= size_facts(model)
    row |= component_facts(model)
    row |= {_key(name): size for name, size in sizes.apart.items()}
    return row | {"buffer_elements": sizes.buffers}


def component_facts(model: Model) -> Row:
    """Parameters by component."""
    return {_key(part): size for part, size in params(model).components.items()}


def component_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """A column for each component that any row has, in one order everywhere."""
    parts = [part for part in get_args(Part) if any(_key(part) in row for row in rows)]
    return tuple(
        Column(key=_key(part), label=_label(part), unit="count", group=COMPONENTS, core=True) for part in parts
    )


def _key(name: str) -> str:
    return f"{name.lower().replace(' ', '_').replace('-', '_')}_parameters"


def _label(name: str) -> str:
    return name[:1].upper() + name[1:]


def layers_table(models: Sequence[Model]) -> Table:
    """Parameters layer by layer, neighbours of one size in one row, and what stands outside the layers."""
    columns = (
        Column(key="model", label="Model"),
        Column(key="layers", label="Layers"),
        Column(key="layer_parameters", label="Each", unit="count"),
        Column(key="parameters", label="Together", unit="count"),
    )
    rows = tuple(row for model in models for row in _layer_rows(model))
    settings = {"models": [model.name for model in models]}
    return Table(command="params", columns=columns, rows=rows, settings=settings, title="Parameters by layer")


def _layer_rows(model: Model) -> Iterator[Row]:
    if not model.disclosed:
        yield card_facts(model)
        return
    sizes = params(model)
    layers = iter(sizes.layers)
    for tower in model.towers:
        side = f"{tower.side} " if len(model.towers) > 1 else ""
        numbered = enumerate(size for _, size in zip(range(tower.depth), layers, strict=False))
        for size, group in groupby(numbered, key=lambda pair: pair[1]):
            numbers = [number for number, _ in group]
            span = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
            yield {
                "model": model.name,
                "layers": side + span,
                "layer_parameters": size,
                "parameters": size * len(numbers),
            }
    yield {"model": model.name, "layers": "outside", "layer_parameters": None, "parameters": sizes.outside}
