"""A term's example as a Table: real models as they are and changed, in the quantities that the mechanism is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.frozen import replace
from llmcmp.learn.changes import AS_RELEASED, changed
from llmcmp.learn.figures import QUANTITIES
from llmcmp.sources.presets import load
from llmcmp.tables.compare import context_notes, exceeds
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Example, Term
    from llmcmp.model import Model

# The first column names a row in full, since a narrow terminal repeats no other; what it is made of is for programs.
MODEL = Column(key="model", label="Model")
CHANGE = Column(key="change", label="Change", machine=True)
CONTEXT = Column(key="context", label="Context", unit="tokens", machine=True)
BEYOND = Column(key="beyond_limit", label="Beyond", unit="flag", machine=True)
RATIO = Column(key="ratio", label="Ratio", unit="ratio")


def table_of(term: Term, models: Sequence[Model] = ()) -> Table:
    """The example of a term, on its own models or on others."""
    example = term.example
    chosen = tuple(models) or tuple(load(name) for name in example.models)
    if example.compute is not None:
        from llmcmp.learn.computed import COMPUTED

        return COMPUTED[example.compute](term, chosen)
    contexts = tuple(units.tokens(text) for text in example.contexts)
    rows = tuple(row for model in chosen for row in _rows(example, model, contexts))
    lengths = ", ".join(units.show_tokens(context) for context in contexts)
    return Table(
        command="explain",
        columns=_known(tuple(_columns(example)), rows),
        rows=rows,
        settings=settings(term, chosen) | {"contexts": list(contexts)},
        title=f"{term.title}, computed at {lengths} tokens",
        notes=context_notes(chosen, contexts),
    )


def _known(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns, those without a value in any row kept for programs only."""
    return tuple(
        column if any(row.get(column.key) is not None for row in rows) else replace(column, machine=True)
        for column in columns
    )


def under(text: str) -> str:
    """The name of a row that belongs to the one above it."""
    return f"→ {text}"


def settings(term: Term, models: Sequence[Model]) -> dict[str, Any]:
    """What every example says of how it was computed."""
    return {"term": term.name, "models": [model.name for model in models], "batch": 1, "dtype": "bf16"}


def computed_table(
    term: Term,
    models: Sequence[Model],
    columns: Sequence[Column],
    rows: Sequence[Row],
    title: str,
    notes: tuple[str, ...] = (),
    **extra: Any,
) -> Table:
    """A table of computed/; `extra` are settings beside those of every example."""
    return Table(
        command="explain",
        columns=_known(columns, rows),
        rows=tuple(rows),
        settings=settings(term, models) | extra,
        title=f"{term.title}: {title}",
        notes=notes,
    )


def _columns(example: Example) -> Iterator[Column]:
    yield MODEL
    yield from (CHANGE, CONTEXT, BEYOND)
    for key in example.show:
        column = QUANTITIES[key].column
        yield column
        if column.key == example.against:
            yield RATIO


def _rows(example: Example, model: Model, contexts: Sequence[int]) -> Iterator[Row]:
    """The model as it is, and once for every change that changes something in it."""
    variants = {AS_RELEASED: model} | {name: changed(model, name) for name in example.changes}
    for context in contexts:
        first: Any = None
        for name, variant in variants.items():
            if name != AS_RELEASED and variant == model:
                continue
            row: Row = {"model": model.name, "change": name, "context": context}
            row |= {"beyond_limit": exceeds(model, context)}
            if name != AS_RELEASED:
                row["model_shown"] = under(name)
            elif len(contexts) > 1:
                row["model_shown"] = f"{model.name} at {units.show_tokens(context)}"
            row |= {QUANTITIES[key].column.key: QUANTITIES[key].compute(variant, context) for key in example.show}
            first = row if first is None else first
            if example.against is not None:
                row["ratio"] = row[example.against] / first[example.against] if first[example.against] else None
            yield row
