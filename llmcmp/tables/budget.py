"""`kvcache --budget`: the longest context, or the most sequences, that a memory holds, model by model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.errors import DoesNotFitError, ModelError
from llmcmp.folds.budget import cache_bytes, longest_context, most_sequences
from llmcmp.folds.memory import weight_bytes
from llmcmp.passes.shard import shard
from llmcmp.tables import describe
from llmcmp.tables.caches import refusals
from llmcmp.tables.compare import card_facts, limit, stored_notes
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.model import Model
    from llmcmp.tables.caches import Question

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="attention", label="Attention"),
    Column(key="context_limit", label="Window", unit="tokens", core=True),
    Column(key="context", label="Context", unit="number", core=True),
    Column(key="batch", label="Sequences", unit="number", core=True),
    Column(key="beyond_limit", label="Beyond", unit="flag", machine=True),
    Column(key="weight_bytes", label="Weights", unit="bytes", core=True),
    Column(key="kv_bytes", label="Cache", unit="bytes", core=True),
    Column(key="left_bytes", label="Left", unit="bytes", core=True),
    Column(key="unlimited", label="Unlimited", unit="flag", machine=True),
    Column(key="refused", label="Refused", machine=True),
)


def budget_table(
    models: Sequence[Model], budget: int, question: Question, *, ctx: int | None = None, weights: str | None = None
) -> Table:
    """A row a model: with `ctx` the most sequences of it, else the longest context of `question.batch` sequences.

    `weights`: the dtype of weights that the budget has to hold beside the cache. Best first.
    """
    check_used(models, source=question.source)
    rows = [_row(model, budget, question, ctx, weights) for model in models]
    key = "batch" if ctx is not None else "context"
    order = sorted(
        rows, key=lambda row: (not row["fits"], not row.get("unlimited"), row.get(key) is None, -(row.get(key) or 0))
    )
    asked = f"{units.show_tokens(ctx)} tokens each" if ctx is not None else f"batch {question.batch}"
    beside = "cache alone" if weights is None else f"weights {weights} and cache"
    what = "Most sequences" if ctx is not None else "Longest context"
    return Table(
        command="kvcache",
        columns=tuple(column for column in COLUMNS if weights is not None or column.key != "weight_bytes"),
        rows=tuple(order),
        settings={
            "models": [model.name for model in models],
            "budget_bytes": budget,
            "context": ctx,
            "weights": weights,
            **question.settings(),
        },
        title=f"{what} in {units.show_bytes(budget)} ({beside}): {asked}, {question.formats}, {question.engine}",
        notes=(*_notes(rows), *(() if weights is None else stored_notes(models, weights)), *question.notes()),
    )


def expect_any(table: Table) -> None:
    """Raise DoesNotFitError where no model fits at all."""
    if not any(row["fits"] for row in table.rows):
        raise DoesNotFitError("nothing fits in this budget; raise it, or ask for smaller dtypes")


def _row(model: Model, budget: int, question: Question, ctx: int | None, weights: str | None) -> Row:
    row = card_facts(model) | {"context_limit": limit(model) or None, "context": None, "fits": False}
    if not model.disclosed:
        return row
    row["attention"] = describe.attention(model)
    try:
        held = 0 if weights is None else weight_bytes(shard(model, question.tuning.tp), weights)
        return row | _answer(model, budget - held, question, ctx) | {"weight_bytes": held}
    except ModelError as error:
        shown = {f"{key}_shown": "refused" for key in ("context", "batch")}
        return row | shown | {"refused": str(error)}


def _answer(model: Model, room: int, question: Question, ctx: int | None) -> Row:
    if room < 0:
        return {"context": ctx or 0, "batch": question.batch if ctx is None else 0}
    most = _most(model, room, question, ctx)
    length, batch = (most, question.batch) if ctx is None else (ctx, most)
    size = 0 if most == 0 else _bytes(model, length or 1, batch or 1, question)
    row: Row = {"context": length, "batch": batch, "kv_bytes": size, "left_bytes": room - size, "fits": most != 0}
    if most is None:
        row |= {"unlimited": True, "context_shown" if ctx is None else "batch_shown": "any"}
    elif ctx is None:
        row["beyond_limit"] = 0 < limit(model) < most
    return row


def _source(model: Model, question: Question) -> int | None:
    return question.source if model.card.architecture == "encoder-decoder" else None


def _most(model: Model, room: int, question: Question, ctx: int | None) -> int | None:
    if ctx is None:
        return longest_context(
            model,
            room,
            question.batch,
            source=_source(model, question),
            dtype=question.dtype,
            value_dtype=question.value_dtype,
            engine=question.engine,
            tuning=question.tuning,
        )
    return most_sequences(
        model,
        room,
        ctx,
        source=_source(model, question),
        dtype=question.dtype,
        value_dtype=question.value_dtype,
        engine=question.engine,
        tuning=question.tuning,
    )


def _bytes(model: Model, ctx: int, batch: int, question: Question) -> int:
    return cache_bytes(
        model,
        ctx,
        batch,
        source=_source(model, question),
        dtype=question.dtype,
        value_dtype=question.value_dtype,
        engine=question.engine,
        tuning=question.tuning,
    )


def _notes(rows: Sequence[Row]) -> tuple[str, ...]:
    beyond = [row["model"] for row in rows if row.get("beyond_limit")]
    found = [f"* more than the context window of {', '.join(beyond[:4])}{_more(beyond)}"] if beyond else []
    return (*found, *refusals(rows))


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 4} more" if len(names) > 4 else ""
