"""`evolve`: what changed from release to release of a lineage, computed from the presets and read off their cards.

A release is a month in which presets of the lineage came out. Which two models are compared is a rule that the table
states (RULE), not a list: a new preset finds its place by its card.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from llmcmp import units
from llmcmp.folds.cache import kvcache
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.sources.lineages import lineage
from llmcmp.sources.names import normal_form, spellings
from llmcmp.tables import describe
from llmcmp.tables.compare import card_facts, size_facts, structure_facts
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llmcmp.model import Model

By = Literal["its card", "closest in active size"]

# What a release is compared in, in the order in which changes are listed.
DESIGN = (
    Column(key="class", label="Class"),
    Column(key="position", label="Position"),
    Column(key="rope_base", label="RoPE base"),
    Column(key="norm", label="Normalisation"),
    Column(key="activation", label="Activation"),
    Column(key="attention", label="Attention"),
    Column(key="attention_details", label="Attention details"),
    Column(key="tied", label="Tied head", unit="flag"),
    Column(key="beside", label="Modules beside"),
    Column(key="context", label="Context", unit="tokens"),
)
SIZES = (
    Column(key="layers", label="Layers", unit="number"),
    Column(key="hidden", label="Hidden", unit="number"),
    Column(key="heads", label="Heads", unit="number"),
    Column(key="kv_heads", label="KV heads", unit="number"),
    Column(key="head_dim", label="Head size", unit="number"),
    Column(key="feed_forward", label="Feed-forward"),
    Column(key="vocabulary", label="Vocabulary", unit="number"),
    Column(key="parameters", label="Parameters", unit="count"),
    Column(key="active_parameters", label="Active a token", unit="count"),
    Column(key="kv_bytes_per_token", label="KV a token", unit="bytes"),
)
COLUMNS = (
    Column(key="released", label="Released", core=True),
    Column(key="model", label="Model", core=True),
    Column(key="members", label="Released with it"),
    Column(key="against", label="Against", core=True),
    Column(key="against_by", label="Chosen by"),
    Column(key="changes", label="What changed", core=True),
    Column(key="card", label="What its card says"),
    *DESIGN,
    *SIZES,
)

NEAR_BY_CARD, NEAR_BY_SIZE = 5, 2
RULE = (
    "a release is a month; a model is compared with the earlier one that its card names (beyond "
    f"{NEAR_BY_CARD}× of its active size, with the closest that came with that one), else with the latest earlier one "
    f"within {NEAR_BY_SIZE}×, of its class if there is one, else with the closest; a release is shown by its pair "
    "closest in active size, pairs of a card first, models that their card measures against one of the same "
    "month last; a first release by its smallest"
)


@frozen
class Pair:
    """A model and the earlier one that it is compared with; `ratio` of their active sizes, at least 1."""

    new: Model
    old: Model | None = None
    by: By = "its card"
    ratio: float = 1.0


@frozen
class Change:
    """One fact of a model that its predecessor had otherwise, as people read it."""

    label: str
    old: str
    new: str
    design: bool

    def __str__(self) -> str:
        return f"{self.label} {self.old} → {self.new}"


def evolve_table(name: str) -> Table:
    """A row a release of a lineage or family. Raises UnknownModelError."""
    found = lineage(name)
    models = found.models()
    releases = [tuple(group) for _, group in groupby(models, key=lambda model: model.card.released)]
    rows = tuple(_row(_shown(release, models), release) for release in releases)
    first, last = models[0].card.released, models[-1].card.released
    return Table(
        command="evolve",
        columns=COLUMNS,
        rows=rows,
        settings={"lineage": found.title, "families": list(found.families), "rule": RULE},
        title=f"{found.title}: {_counted(len(rows), 'release')}, {_counted(len(models), 'model')}, {first} to {last}",
        notes=(f"rule: {RULE}", "KV a token: cache of the first token in bf16, all layers"),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _shown(release: Sequence[Model], models: Sequence[Model]) -> Pair:
    """The pair that stands for a release."""
    earlier = [model for model in models if model.card.released < release[0].card.released]
    pairs = [_pair(model, earlier) for model in release]

    def rank(pair: Pair) -> tuple[bool, bool, bool, float, int]:
        sibling = named(pair.new, [model for model in release if model is not pair.new]) is not None
        size = params(pair.new).total if pair.new.disclosed else 0
        # Of a first release, the smallest; of two pairs as close, the larger.
        by_card = pair.by == "its card" and pair.ratio <= NEAR_BY_CARD
        return pair.old is None, sibling, not by_card, pair.ratio, -size if pair.old else size

    return min(pairs, key=rank)


def _pair(model: Model, earlier: Sequence[Model]) -> Pair:
    """A model with its predecessor: by its card, else by size."""
    old = named(model, earlier)
    if old is not None and _ratio(model, old) > NEAR_BY_CARD:
        generation = [each for each in earlier if _came_with(each, old) and each.disclosed]
        old = min(generation, key=lambda each: _ratio(model, each))
    if old is not None:
        return Pair(new=model, old=old, ratio=_ratio(model, old))
    known = [each for each in earlier if each.disclosed] if model.disclosed else []
    if not known:
        return Pair(new=model)
    near = [each for each in known if _ratio(model, each) <= NEAR_BY_SIZE]
    alike = [each for each in near if describe.architecture_class(each) == describe.architecture_class(model)]
    near = alike or near
    latest = [each for each in near if each.card.released == near[-1].card.released]
    old = min(latest or known, key=lambda each: _ratio(model, each))
    return Pair(new=model, old=old, by="closest in active size", ratio=_ratio(model, old))


def _came_with(model: Model, other: Model) -> bool:
    return (model.card.family, model.card.released) == (other.card.family, other.card.released)


def _ratio(one: Model, other: Model) -> float:
    if not (one.disclosed and other.disclosed):
        return 1.0
    small, large = sorted((params(one).active, params(other).active))
    return large / small


def named(model: Model, among: Iterable[Model]) -> Model | None:
    """The one of `among` that a card's "Against ..." names, under any spelling that `load` takes."""
    match = re.search(r"\b[Aa]gainst (?:the )?([^:,;(]+)", model.card.changed)
    name = spellings().get(normal_form(match[1].strip())) if match else None
    return next((each for each in among if each.name == name), None)


def _row(pair: Pair, release: Sequence[Model]) -> Row:
    row = _facts(pair.new)
    changes = () if pair.old is None else changes_between(_facts(pair.old), row)
    others = [model.name for model in release if model is not pair.new]
    return row | {
        "members": ", ".join(others) or None,
        "members_shown": ", ".join(others) or "—",
        "against": None if pair.old is None else pair.old.name,
        "against_shown": "—" if pair.old is None else pair.old.name,
        "against_by": None if pair.old is None else pair.by,
        "against_by_shown": "—" if pair.old is None else pair.by,
        "changes": "; ".join(map(str, changes)) or None,
        "changes_shown": "; ".join(map(str, changes)) or _nothing(pair),
        "card": pair.new.card.changed,
        "listed": changes,
    }


def _nothing(pair: Pair) -> str:
    """Why a release has no computed change."""
    if not pair.new.disclosed:
        return "architecture undisclosed"
    if pair.old is None:
        return "first of its line"
    return "nothing that is computed here" if pair.old.disclosed else f"architecture of {pair.old.name} undisclosed"


def _facts(model: Model) -> Row:
    row = card_facts(model)
    if not model.disclosed:
        return row
    return (
        row
        | structure_facts(model)
        | size_facts(model)
        | {
            "rope_base": describe.rope_base(model),
            "beside": describe.beside(model),
            "kv_bytes_per_token": kvcache(model, 0).bytes_per_token,
        }
    )


def changes_between(old: Row, new: Row) -> tuple[Change, ...]:
    """What differs between two models that are both disclosed; of others, what their cards hold."""
    found: list[Change] = []
    for column in (*DESIGN, *SIZES):
        if (old["disclosed"] and new["disclosed"]) or column.key == "context":
            before, after = column.show(old), column.show(new)
            if before != after and not _said_already(column, old, new):
                found.append(Change(label=column.label, old=before, new=after, design=column in DESIGN))
    return tuple(found)


def _said_already(column: Column, old: Row, new: Row) -> bool:
    """Of two dense models, active parameters are their parameters; of two multi-head ones, KV heads are their heads."""
    same = {"active_parameters": "parameters", "kv_heads": "heads"}.get(column.key)
    return same is not None and all(row[column.key] == row[same] for row in (old, new))


def starts_with(row: Row) -> str:
    """What the first model of a line is made of."""
    parts = [row[key] for key in ("position", "norm", "activation", "attention")]
    return " · ".join((*parts, *((f"context {units.show_tokens(row['context'])}",) if row["context"] else ())))


def summary(row: Row) -> str:
    """A model's size and class in one line."""
    if not row["disclosed"]:
        return row.get("parameters_shown", "undisclosed")
    total, active = row["parameters"], row["active_parameters"]
    size = units.show_count(total) + (f", {units.show_count(active)} active" if active != total else "")
    return f"{size} · {row['class']}"
