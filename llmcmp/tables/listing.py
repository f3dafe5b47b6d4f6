"""`list`: the presets, filtered by what their cards and totals say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmcmp.folds.params import params
from llmcmp.frozen import replace
from llmcmp.sources.names import family as members
from llmcmp.sources.names import is_own
from llmcmp.sources.presets import every_model
from llmcmp.tables import describe
from llmcmp.tables.compare import card_facts
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="family", label="Family"),
    Column(key="released", label="Released", core=True),
    Column(key="class", label="Class", core=True),
    Column(key="parameters", label="Parameters", unit="count", core=True),
    Column(key="active_parameters", label="Active", unit="count", core=True),
    Column(key="context", label="Context", unit="tokens", core=True),
    Column(key="attention", label="Attention"),
    Column(key="tasks", label="Tasks"),
    Column(key="languages", label="Languages"),
)
# Shown where the user has any presets of their own.
OWN = Column(key="own", label="Yours", unit="flag", core=True)


def list_table(
    family: str | None = None,
    architecture: str | None = None,
    task: str | None = None,
    language: str | None = None,
    smallest: int | None = None,
    largest: int | None = None,
    *,
    attention: str | None = None,
    mixture: bool | None = None,
) -> Table:
    """Presets that meet every filter; those for size and attention leave undisclosed models out.

    `attention` is a word of what the table says of it ("MLA", "window"), `mixture` whether there are experts.

    Raises UnknownModelError for a family that does not exist.
    """
    if family is not None:
        members(family)
    filters = (family, architecture, task, language, smallest, largest, attention, mixture)
    rows = tuple(sorted((list_row(model) for model in every_model() if _meets(model, *filters)), key=order))
    settings = {
        "family": family,
        "class": architecture,
        "task": task,
        "language": language,
        "min_parameters": smallest,
        "max_parameters": largest,
        "attention": attention,
        "mixture": mixture,
    }
    own = any(row["own"] for row in rows)
    return Table(
        command="list",
        columns=(*COLUMNS, replace(OWN, machine=not own)),
        rows=rows,
        settings=settings,
        title=f"{len(rows)} model{'' if len(rows) == 1 else 's'}",
    )


def order(row: Row) -> tuple[str, str, int]:
    """Where a model stands: family by family, each as it came out, then by size."""
    return row["family"], row["released"], row.get("parameters") or row.get("estimated_parameters") or 0


def _meets(
    model: Model,
    family: str | None,
    architecture: str | None,
    task: str | None,
    language: str | None,
    smallest: int | None,
    largest: int | None,
    attention: str | None,
    mixture: bool | None,
) -> bool:
    card = model.card
    if family is not None and card.family != family.lower():
        return False
    if architecture is not None and architecture.lower() not in describe.architecture_class(model).lower():
        return False
    if (task is not None and task not in card.tasks) or (
        language is not None and language.lower() not in card.languages
    ):
        return False
    if mixture is not None and mixture != ("MoE" in describe.architecture_class(model)):
        return False
    if smallest is None and largest is None and attention is None:
        return True
    if not model.disclosed or not _says(describe.attention(model), attention):
        return False
    total = params(model).total
    return (smallest is None or smallest <= total) and (largest is None or total <= largest)


def _says(told: str, word: str | None) -> bool:
    """Whether a word stands in a text, as a word: "MHA" is no part of another, and "Mamba" none of "Mamba-2"."""
    return word is None or re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", told, re.IGNORECASE) is not None


def attention_words() -> tuple[str, ...]:
    """What presets' attention can be filtered by: kinds, and what they may have."""
    told = (row["attention"] for row in list_table().rows if row.get("attention"))
    words = (word for text in told for word in re.findall(r"[A-Z][A-Za-z]*(?:-\d+)?|[a-z]+(?: [a-z]+)*", text))
    return tuple(sorted(dict.fromkeys(words), key=lambda word: (word[0].islower(), word.lower())))


def list_row(model: Model) -> Row:
    """What the table says of one model."""
    row = card_facts(model) | {
        "tasks": ", ".join(model.card.tasks),
        "languages": ", ".join(model.card.languages),
        "own": is_own(model.name),
    }
    if not model.disclosed:
        return row
    sizes = params(model)
    return row | {
        "parameters": sizes.total,
        "active_parameters": sizes.active,
        "attention": describe.attention(model),
    }
