"""`show`: everything about one model in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.tables.compare import card_facts, size_facts, structure_facts
from llmcmp.tables.sizes import component_columns, component_facts
from llmcmp.tables.table import Column, Table

if TYPE_CHECKING:
    from llmcmp.model import Model

COLUMNS = (
    Column(key="model", label="Model"),
    Column(key="family", label="Family"),
    Column(key="organization", label="Organisation"),
    Column(key="released", label="Released"),
    Column(key="class", label="Class"),
    Column(key="context", label="Context", unit="tokens"),
    Column(key="position_limit", label="Position limit", unit="tokens"),
    Column(key="tasks", label="Tasks"),
    Column(key="languages", label="Languages"),
    Column(key="changed", label="What changed"),
    Column(key="position", label="Position"),
    Column(key="norm", label="Normalisation"),
    Column(key="activation", label="Activation"),
    Column(key="attention", label="Attention"),
    Column(key="attention_details", label="Attention details"),
    Column(key="layers", label="Layers", unit="number"),
    Column(key="hidden", label="Hidden", unit="number"),
    Column(key="heads", label="Heads", unit="number"),
    Column(key="kv_heads", label="KV heads", unit="number"),
    Column(key="head_dim", label="Head size", unit="number"),
    Column(key="feed_forward", label="Feed-forward"),
    Column(key="experts", label="Experts", unit="number"),
    Column(key="experts_per_token", label="Experts a token", unit="number"),
    Column(key="vocabulary", label="Vocabulary", unit="number"),
    Column(key="tied", label="Tied head", unit="flag"),
    Column(key="parameters", label="Parameters", unit="count"),
    Column(key="active_parameters", label="Active a token", unit="count"),
    Column(key="non_embedding_parameters", label="Less embeddings", unit="count"),
    Column(key="active_non_embedding_parameters", label="Active less embeddings", unit="count"),
    Column(key="published_parameters", label="Published"),
    Column(key="published_active", label="Published active"),
    Column(key="published_exact", label="Published exactly", unit="number"),
    Column(key="notes", label="Notes"),
    Column(key="sources", label="Sources"),
)


def show_table(model: Model) -> Table:
    """A model's card, structure and totals."""
    card, published = model.card, model.card.published
    row = card_facts(model) | {
        "position_limit": card.position_limit,
        "tasks": ", ".join(card.tasks),
        "languages": ", ".join(card.languages),
        "changed": card.changed,
        "notes": " ".join(card.notes) or None,
        "sources": "; ".join(f"{source.what} ({source.date}): {source.url}" for source in card.sources),
    }
    if published is not None:
        row |= {
            "published_parameters": published.parameters,
            "published_active": published.active,
            "published_exact": published.exact,
        }
    if model.disclosed:
        row |= structure_facts(model) | size_facts(model) | component_facts(model)
    settings = {"models": [model.name]}
    columns = (*COLUMNS, *component_columns((row,)))
    return Table(
        command="show",
        columns=columns,
        rows=(row,),
        settings=settings,
        title=model.name,
        rows_as="columns",
        drawn=(model,),
    )
