"""`kvcache`: what models remember at one context or several, sorted by how much; or what an engine reserves for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp import units
from llmcmp.errors import ModelError
from llmcmp.folds.cache import kvcache, policy
from llmcmp.folds.engines.policy import Tuning
from llmcmp.frozen import frozen
from llmcmp.tables import describe
from llmcmp.tables.compare import asked, base_name, card_facts, context_notes, limit, with_ratios
from llmcmp.tables.growth import curves
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.folds.cache import Cache
    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="attention", label="Attention", core=True),
    Column(key="context", label="Context", unit="tokens"),
    Column(key="context_limit", label="Window", unit="tokens", core=True),
    Column(key="beyond_limit", label="Beyond", unit="flag", machine=True),
    Column(key="kv_elements", label="Elements", unit="count"),
    Column(key="kv_bytes_per_token", label="Next token", unit="bytes", series=True),
    Column(key="kv_bytes_per_sequence", label="One sequence", unit="bytes", series=True),
    Column(key="kv_bytes", label="Cache", unit="bytes", core=True, series=True),
)
# What an engine reserves: on each device, where there are several.
RESERVED = (
    Column(key="model", label="Model", core=True),
    Column(key="attention", label="Attention", core=True),
    Column(key="context", label="Context", unit="tokens"),
    Column(key="context_limit", label="Window", unit="tokens", core=True),
    Column(key="beyond_limit", label="Beyond", unit="flag", machine=True),
    Column(key="needed_bytes", label="Needed", unit="bytes", series=True),
    Column(key="kv_bytes", label="Reserved", unit="bytes", core=True, series=True),
    Column(key="reserved_ratio", label="Of need", unit="ratio", series=True),
    Column(key="reserved_as", label="As", series=True),
    Column(key="refused", label="Refused", machine=True),
)


@frozen
class Question:
    """What is kept, in which dtypes, by which engine, and how that was started."""

    batch: int = 1
    source: int | None = None
    dtype: str = "bf16"
    value_dtype: str | None = None
    engine: str = "ideal"
    tuning: Tuning = Tuning()

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Question:
        """The question that a table's settings hold."""
        return cls(
            batch=settings["batch"],
            source=settings.get("source"),
            dtype=settings["dtype"],
            value_dtype=settings.get("value_dtype"),
            engine=settings.get("engine") or "ideal",
            tuning=Tuning(**cast("dict[str, Any]", settings.get("tuning") or {})),
        )

    @property
    def formats(self) -> str:
        """The dtypes in words."""
        values = self.value_dtype
        return self.dtype if values in (None, self.dtype) else f"keys {self.dtype}, values {values}"

    def cache(self, model: Model, ctx: int) -> Cache:
        """The cache of a model at a context, and of its source in an encoder-decoder."""
        return kvcache(
            model,
            ctx,
            self.batch,
            source=self.source if model.card.architecture == "encoder-decoder" else None,
            dtype=self.dtype,
            value_dtype=self.value_dtype,
            engine=self.engine,
            tuning=self.tuning,
        )

    def settings(self) -> dict[str, object]:
        """For the JSON document."""
        told = {name: getattr(self.tuning, name) for name in self.options}
        return {
            "batch": self.batch,
            "source": self.source,
            "dtype": self.dtype,
            "value_dtype": self.value_dtype,
            "engine": self.engine,
            **({} if self.engine == "ideal" else {"tuning": told}),
        }

    @property
    def options(self) -> tuple[str, ...]:
        """What the engine can be told."""
        return () if self.engine == "ideal" else policy(self.engine).options

    def notes(self) -> tuple[str, ...]:
        """The engine's version, how it was started, and where its rules were read."""
        if self.engine == "ideal":
            return ()
        rules = policy(self.engine)
        told = ", ".join(f"{name.replace('_', ' ')} {_told(getattr(self.tuning, name))}" for name in rules.options)
        each = f"; on each of {self.tuning.tp} devices" if self.tuning.tp > 1 else ""
        return (
            f"{rules.name} {rules.version}, {told}{each}; whether it has this model's code is not checked",
            f"rules read in {', '.join(rules.files)} of {rules.repository}",
        )


def _told(value: int | bool) -> str:
    return f"{value:,}" if type(value) is int else "on" if value else "off"


def kvcache_table(
    models: Sequence[Model],
    contexts: Sequence[int],
    *,
    batch: int = 1,
    source: int | None = None,
    dtype: str = "bf16",
    value_dtype: str | None = None,
    engine: str = "ideal",
    tuning: Tuning | None = None,
    ranked: bool = False,
    baseline: Model | str | None = None,
) -> Table:
    """A table of caches; the arguments are those of `kvcache`."""
    question = Question(
        batch=batch,
        source=source,
        dtype=dtype,
        value_dtype=value_dtype,
        engine=engine,
        tuning=tuning or Tuning(),
    )
    return cache_table(models, contexts, question, ranked=ranked, baseline=baseline)


def cache_table(
    models: Sequence[Model],
    contexts: Sequence[int],
    question: Question,
    *,
    ranked: bool = False,
    baseline: Model | str | None = None,
) -> Table:
    """One row a model and context. `ranked` sorts by the cache at the longest context, models without one last.

    `baseline` adds, for every size, its ratio to that model's at the same context.
    """
    check_used(models, source=question.source)
    contexts = tuple(dict.fromkeys(contexts))
    told = [(model, [_row(model, ctx, question) for ctx in contexts]) for model in models]
    if ranked:
        told.sort(key=lambda each: _rank(each[1]))
    shown = tuple(model for model, _ in told)
    rows = tuple(row for _, mine in told for row in mine)
    ideal = question.engine == "ideal"
    base = base_name(baseline)
    columns, rows = with_ratios(COLUMNS if ideal else RESERVED, rows, base, across="context")
    what = "KV cache and other state" + ("" if ideal else f" as {question.engine} reserves it")
    lengths = ", ".join(units.show_tokens(ctx) for ctx in contexts)
    read = "" if question.source is None else f", source {units.show_tokens(question.source)}"
    return Table(
        command="kvcache",
        columns=columns,
        rows=rows,
        settings={
            "models": [model.name for model in shown],
            "contexts": list(contexts),
            "baseline": base,
            **question.settings(),
        },
        title=f"{what} at {lengths} tokens{read}, batch {question.batch}, {question.formats}",
        across="context",
        curves=lambda: curves(shown, max(contexts), lambda model, ctx: _bytes(model, ctx, question)),
        notes=(*_notes(shown, rows, contexts, question.source), *refusals(rows), *question.notes()),
    )


def _row(model: Model, ctx: int, question: Question) -> Row:
    row = card_facts(model, asked(model, ctx, question.source))
    row |= {"context": ctx, "context_limit": limit(model) or None}
    if not model.disclosed:
        return row
    row["attention"] = describe.attention(model)
    try:
        cache = question.cache(model, ctx)
    except ModelError as error:
        return row | {
            "beyond_limit": False,
            "refused": str(error),
            "reserved_as": "refused",
            "kv_bytes_shown": "refused",
        }
    return row | {
        "kv_elements": cache.elements,
        "kv_bytes_per_token": cache.bytes_per_token,
        "kv_bytes_per_sequence": cache.bytes_per_sequence,
        "kv_bytes": cache.bytes,
        "needed_bytes": cache.needed,
        "reserved_ratio": cache.bytes / cache.needed if cache.needed else None,
        "reserved_as": "; ".join(cache.notes) or None,
    }


def _notes(shown: Sequence[Model], rows: Sequence[Row], contexts: Sequence[int], source: int | None) -> tuple[str, ...]:
    keeps_none = [model.name for model in shown if model.card.architecture == "encoder-only"]
    held = {row["model"] for row in rows if row["disclosed"] and not row.get("refused")}
    notes = context_notes([model for model in shown if model.name in held], contexts, source) if held else ()
    return (*notes, *((f"encoders keep no state: {', '.join(keeps_none)}",) if keeps_none else ()))


def refusals(rows: Sequence[Row]) -> tuple[str, ...]:
    """Each reason once, with the models that it is given for."""
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.get("refused"):
            reason = row["refused"].partition(f"{row['model']}: ")[2] or row["refused"]
            reasons.setdefault(reason, {})[row["model"]] = None
    return tuple(f"refused: {_few(tuple(names))}: {reason}" for reason, names in reasons.items())


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _bytes(model: Model, ctx: int, question: Question) -> int | None:
    try:
        return int(question.cache(model, ctx).bytes)
    except ModelError:
        return None


def _rank(rows: Sequence[Row]) -> tuple[bool, int, str]:
    """Where a model stands among others: by its cache at the longest context, without one last."""
    longest = max(rows, key=lambda row: row["context"])
    held = longest.get("kv_bytes")
    return held is None, held or 0, longest["model"]
