"""`pick`: which models suit a use and fit a memory, by rules that are printed with the answer, and why others do not.

Card facts and exact memory only: nothing here knows how good a model is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from llmcmp import units
from llmcmp.errors import DoesNotFitError, QuantityError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.memory import weight_bytes
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.tables import describe
from llmcmp.tables.compare import card_facts, limit, stored_notes
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llmcmp.model import Model

MANY = "multi"  # what a card says where a model speaks more languages than it names
Rank = Literal["newest", "largest", "lightest", "fastest"]

# Each rank in words, and the key that sorts by it; equal ones keep the order of their names.
RANKS: dict[Rank, tuple[str, Callable[[Row], tuple[int, ...]]]] = {
    "newest": ("newer first, then more parameters", lambda row: (-_months(row), -row["parameters"])),
    "largest": ("more parameters first", lambda row: (-row["parameters"],)),
    "lightest": ("less memory first", lambda row: (row["total_bytes"],)),
    "fastest": ("fewer active parameters first", lambda row: (row["active_parameters"],)),
}

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="rank", label="Rank", unit="number", machine=True),
    Column(key="verdict", label="Verdict", core=True),
    Column(key="released", label="Released", core=True),
    Column(key="class", label="Class"),
    Column(key="parameters", label="Parameters", unit="count", core=True),
    Column(key="active_parameters", label="Active", unit="count"),
    Column(key="context_limit", label="Window", unit="tokens"),
    Column(key="weight_bytes", label="Weights", unit="bytes", core=True),
    Column(key="kv_bytes", label="Cache", unit="bytes", core=True),
    Column(key="total_bytes", label="Together", unit="bytes", core=True),
    Column(key="free_bytes", label="Left", unit="bytes", machine=True),
    Column(key="reason", label="Why", core=True),
)


@frozen
class Wish:
    """What a model is wanted for, and what it has to live in."""

    memory: int
    task: str | None = None
    language: str | None = None
    architecture: str | None = None
    ctx: int = 4096
    batch: int = 1
    weights: str = "bf16"
    dtype: str = "bf16"
    overhead: int = 0
    rank: Rank = "newest"


@frozen
class Rule:
    """One condition: a short name to count by, what it says, and its answer for a model.

    `check` returns whether it holds, with the reason in words.
    """

    name: str
    text: str
    check: Callable[[Model, Row], tuple[bool, str]]


def pick_table(models: Sequence[Model], wish: Wish, *, every: bool = False) -> Table:
    """The models that suit and fit, best ranked first; with `every`, those that are ruled out below them."""
    rules = rules_of(wish)
    rows = [_row(model, wish, rules) for model in models]
    suiting = sorted((row for row in rows if row["suits"]), key=lambda row: _order(row, wish))
    ruled_out = [row for row in rows if not row["suits"]]
    chosen = [row | {"rank": number} for number, row in enumerate(suiting, start=1)]
    shown = models if every else [model for model, row in zip(models, rows, strict=True) if row["suits"]]
    return Table(
        command="pick",
        columns=COLUMNS if every else tuple(column for column in COLUMNS if column.key != "verdict"),
        rows=(*chosen, *(ruled_out if every else ())),
        settings=_settings(wish) | {"suits": len(chosen), "ruled_out": _counts(ruled_out, rules)},
        title=f"{len(chosen)} of {len(rows)} models suit and fit in {_memory(wish)}: {_asked(wish)}",
        notes=(*_notes(wish, rules), *_ruled_out(ruled_out, rules, every=every), *stored_notes(shown, wish.weights)),
    )


def expect_any(table: Table) -> None:
    """Raise DoesNotFitError, with what stands in the way, where nothing suits and fits."""
    if not table.settings["suits"]:
        counts = ", ".join(f"{name} {count}" for name, count in table.settings["ruled_out"].items())
        raise DoesNotFitError(f"no model suits and fits; ruled out by {counts}. See each with --all, or ask for less")


def rules_of(wish: Wish) -> tuple[Rule, ...]:
    """The conditions that a wish poses, in the order in which they are asked."""
    rules = [Rule(name="undisclosed", text="its architecture is public", check=_disclosed)]
    if wish.architecture is not None:
        text = f"its class holds '{wish.architecture}'"
        rules.append(Rule(name="class", text=text, check=partial(_of_class, wish.architecture)))
    if wish.task is not None:
        rules.append(Rule(name="task", text=f"its card names {wish.task}", check=partial(_task, wish.task)))
    if wish.language is not None:
        text = f"its card names {wish.language}, or '{MANY}' (more than it names)"
        rules.append(Rule(name="language", text=text, check=partial(_language, wish.language)))
    window = f"its window holds {units.show_tokens(wish.ctx)} tokens, if its card states one"
    rules.append(Rule(name="context", text=window, check=partial(_window, wish.ctx)))
    fit = f"weights ({wish.weights}, without scales) + cache ({wish.dtype}) + overhead fit in {_memory(wish)}"
    rules.append(Rule(name="memory", text=fit, check=partial(_fits, wish)))
    return tuple(rules)


def _disclosed(model: Model, row: Row) -> tuple[bool, str]:
    return model.disclosed, "" if model.disclosed else "architecture undisclosed"


def _of_class(wanted: str, model: Model, row: Row) -> tuple[bool, str]:
    return wanted.lower() in row["class"].lower(), row["class"]


def _task(task: str, model: Model, row: Row) -> tuple[bool, str]:
    found = task in model.card.tasks
    return found, task if found else f"card names no {task}"


def _language(language: str, model: Model, row: Row) -> tuple[bool, str]:
    if language in model.card.languages:
        return True, f"{language} named"
    many = MANY in model.card.languages
    return many, f"{language} not named, but '{MANY}'" if many else f"card names no {language}"


def _window(ctx: int, model: Model, row: Row) -> tuple[bool, str]:
    window = limit(model)
    if not window:
        return True, "no window stated"
    return ctx <= window, f"window {units.show_tokens(window)}"


def _fits(wish: Wish, model: Model, row: Row) -> tuple[bool, str]:
    total = row.get("total_bytes")
    if total is None:
        return False, ""
    room = wish.memory - total
    words = f"{units.show_bytes(room)} left" if room >= 0 else f"{units.show_bytes(-room)} too much"
    return room >= 0, words


def _row(model: Model, wish: Wish, rules: Iterable[Rule]) -> Row:
    row = _costs(model, wish)
    answers = [(rule, *rule.check(model, row)) for rule in rules]
    failing = [(rule, reason) for rule, holds, reason in answers if not holds]
    shown = failing or [(rule, reason) for rule, _, reason in answers]
    return row | {
        "suits": not failing,
        "verdict": "ruled out" if failing else "suits",
        # A model is counted under the first rule that it fails.
        "failed": failing[0][0].name if failing else None,
        "named": wish.language is None or wish.language in model.card.languages,
        "reason": " · ".join(reason for _, reason in shown if reason),
    }


def _costs(model: Model, wish: Wish) -> Row:
    row = card_facts(model) | {"context_limit": limit(model) or None}
    if not model.disclosed:
        return row
    sizes, held = params(model), weight_bytes(model, wish.weights)
    cache = kvcache(model, wish.ctx, wish.batch, dtype=wish.dtype).bytes
    total = held + cache + wish.overhead
    return row | {
        "class": describe.architecture_class(model),
        "parameters": sizes.total,
        "active_parameters": sizes.active,
        "weight_bytes": held,
        "kv_bytes": cache,
        "total_bytes": total,
        "free_bytes": wish.memory - total,
    }


def _order(row: Row, wish: Wish) -> tuple[bool, tuple[int, ...], str]:
    return not row["named"], RANKS[wish.rank][1](row), row["model"]


def _months(row: Row) -> int:
    if row["released"] == "unknown":
        return 0
    year, month = row["released"].split("-")
    return 12 * int(year) + int(month)


def _counts(ruled_out: Sequence[Row], rules: Iterable[Rule]) -> dict[str, int]:
    """How many models fail each rule first."""
    counts = {rule.name: sum(row["failed"] == rule.name for row in ruled_out) for rule in rules}
    return {name: count for name, count in counts.items() if count}


def _settings(wish: Wish) -> dict[str, object]:
    return {
        "task": wish.task,
        "language": wish.language,
        "class": wish.architecture,
        "memory_bytes": wish.memory,
        "overhead_bytes": wish.overhead,
        "context": wish.ctx,
        "batch": wish.batch,
        "weights": wish.weights,
        "dtype": wish.dtype,
        "rank": wish.rank,
    }


def _memory(wish: Wish) -> str:
    return units.show_bytes(wish.memory)


def _asked(wish: Wish) -> str:
    wanted = [text for text in (wish.task, wish.language, wish.architecture) if text is not None]
    size = f"{units.show_tokens(wish.ctx)} tokens, batch {wish.batch}, weights {wish.weights}, cache {wish.dtype}"
    return ", ".join((*wanted, size, f"overhead {units.show_bytes(wish.overhead)}"))


def _notes(wish: Wish, rules: Iterable[Rule]) -> tuple[str, ...]:
    first = [] if wish.language is None else [f"models that name {wish.language} before those that say '{MANY}'"]
    order = "; ".join([*first, RANKS[wish.rank][0], "then by name"])
    suits = "; ".join(rule.text for rule in rules)
    both = "an encoder-decoder's source is as long as the context; no quality is judged, overhead is what you state"
    return (f"suits: {suits}", f"ranked: {order}", both)


def _ruled_out(ruled_out: Sequence[Row], rules: Iterable[Rule], *, every: bool) -> tuple[str, ...]:
    if not ruled_out:
        return ()
    counts = ", ".join(f"{name} {count}" for name, count in _counts(ruled_out, rules).items())
    more = "" if every else "; each with its reasons: --all"
    return (f"ruled out, by the first rule that fails: {counts}{more}",)


def check_wish(wish: Wish) -> None:
    """Raise QuantityError for a memory that the overhead fills."""
    if wish.overhead >= wish.memory:
        raise QuantityError(
            f"--overhead ({units.show_bytes(wish.overhead)}) leaves nothing of --memory ({_memory(wish)})"
        )
