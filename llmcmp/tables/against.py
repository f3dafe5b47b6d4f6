"""Quantities against context, one row a model and length: cache, FLOPs, and the share of FLOPs in attention scores.

Lengths are powers of two up to each model's window, or up to the context that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.tables.compare import card_facts, limit
from llmcmp.tables.growth import LONGEST, SHORTEST
from llmcmp.tables.phases import check_used, phase_flops
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.model import Model
    from llmcmp.tables.asked import Asked

MODEL = Column(key="model", label="Model", core=True)
CONTEXT = Column(key="context", label="Context", unit="tokens")
BEYOND = Column(key="beyond_limit", label="Beyond", unit="flag", machine=True)
# What grows with the square of a sequence; cross-attention with target x source.
SCORES = ("attention scores", "cross-attention scores")


def kv_table(models: Sequence[Model], asked: Asked) -> Table:
    """KV cache and other state against context."""

    def value(model: Model, ctx: int) -> Row | None:
        size = kvcache(model, ctx, asked.batch, source=asked.read(model), dtype=asked.dtype).bytes
        return {"kv_bytes": int(size)} if size else None

    column = Column(key="kv_bytes", label="Cache", unit="bytes", core=True, series=True)
    title = f"KV cache and other state against context, {asked.dtype}, batch {asked.batch}{_source(asked)}"
    return _table("kv", (MODEL, CONTEXT, column, BEYOND), models, asked, title, value)


def flops_growth_table(models: Sequence[Model], asked: Asked) -> Table:
    """FLOPs of a phase against context."""

    def value(model: Model, ctx: int) -> Row | None:
        counted = phase_flops(model, asked.phase, ctx, asked.batch, asked.read(model))
        return None if counted is None else {"flops": int(counted.total)}

    column = Column(key="flops", label="FLOPs", unit="flops", core=True, series=True)
    title = f"FLOPs of {_phase(asked)} against context, full pairs, batch {asked.batch}{_source(asked)}"
    return _table("flops", (MODEL, CONTEXT, column, BEYOND), models, asked, title, value)


def attention_table(models: Sequence[Model], asked: Asked) -> Table:
    """The share of a phase's FLOPs in attention scores, against context."""

    def value(model: Model, ctx: int) -> Row | None:
        counted = phase_flops(model, asked.phase, ctx, asked.batch, asked.read(model))
        if counted is None:
            return None
        scores = sum(int(counted.components.get(part, 0)) for part in SCORES)
        return {"score_flops": scores, "flops": int(counted.total), "score_share": scores / int(counted.total)}

    columns = (
        MODEL,
        CONTEXT,
        Column(key="score_share", label="Share", unit="percent", core=True, series=True),
        Column(key="score_flops", label="FLOPs of scores", unit="flops"),
        Column(key="flops", label="FLOPs", unit="flops"),
        BEYOND,
    )
    title = f"Share of attention scores in the FLOPs of {_phase(asked)}, full pairs{_source(asked)}"
    return _table("attention", columns, models, asked, title, value)


def _table(
    kind: str,
    columns: tuple[Column, ...],
    models: Sequence[Model],
    asked: Asked,
    title: str,
    value: Callable[[Model, int], Row | None],
) -> Table:
    check_used(models, source=asked.source)
    rows = tuple(row for model in models if model.disclosed for row in _rows(model, asked, value))
    settings: dict[str, Any] = {
        "kind": kind,
        "models": [model.name for model in models],
        "context": asked.context,
        "batch": asked.batch,
        "source": asked.source,
        **({"dtype": asked.dtype} if kind == "kv" else {"phase": asked.phase}),
    }
    notes = (*left_out(models, {row["model"] for row in rows}), *_ends(asked))
    return Table(
        command="plot", columns=columns, rows=rows, settings=settings, title=title, across="context", notes=notes
    )


def _rows(model: Model, asked: Asked, value: Callable[[Model, int], Row | None]) -> list[Row]:
    found = [(ctx, value(model, ctx)) for ctx in lengths(model, asked)]
    return [card_facts(model, ctx) | {"context": ctx} | row for ctx, row in found if row is not None]


def lengths(model: Model, asked: Asked) -> list[int]:
    """Powers of two up to the model's window, or to the context that was asked for, itself included."""
    end = asked.context or limit(model) or LONGEST
    powers = [2**power for power in range(41) if SHORTEST <= 2**power <= end]
    return powers if asked.context is None or powers[-1:] == [end] else [*powers, end]


def left_out(models: Sequence[Model], shown: set[str]) -> tuple[str, ...]:
    """Lines that name the models of which there is nothing to show, and why."""
    secret = [model.name for model in models if not model.disclosed]
    without = [model.name for model in models if model.disclosed and model.name not in shown]
    found = (("undisclosed", secret), ("no such run or state", without))
    return tuple(f"left out, {why}: {', '.join(names)}" for why, names in found if names)


def _ends(asked: Asked) -> tuple[str, ...]:
    return ("each model ends at its window",) if asked.context is None else ()


def _source(asked: Asked) -> str:
    return "" if asked.source is None else f", source {units.show_tokens(asked.source)}"


def _phase(asked: Asked) -> str:
    return {"prefill": "a prefill", "decode": "a decode step", "train": "a training step"}[asked.phase]
