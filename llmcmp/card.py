"""A model's card: who published it, when, for what, and where its numbers come from. Facts only, no structure."""

from __future__ import annotations

import re
from typing import Literal

from llmcmp.errors import ModelError
from llmcmp.frozen import frozen

Architecture = Literal["decoder-only", "encoder-only", "encoder-decoder", "prefix-decoder"]
Task = Literal[
    "text-generation",
    "chat",
    "code",
    "math",
    "reasoning",
    "tool-use",
    "translation",
    "summarization",
    "question-answering",
    "classification",
    "fill-mask",
    "embeddings",
]
# What a vendor's active figure leaves out.
Excluded = Literal["input embedding", "head"]


@frozen
class Source:
    """Where a number was read."""

    what: str
    url: str
    date: str


@frozen
class Published:
    """Totals as the vendor prints them (none, where it prints none), and the exact count with what counted it."""

    parameters: str | None = None
    active: str | None = None
    active_excludes: tuple[Excluded, ...] = ()
    exact: int | None = None
    exact_from: str | None = None


@frozen
class Estimate:
    """What outsiders believe of an undisclosed model, with the source of the belief."""

    parameters: str
    what: str
    url: str
    date: str
    active: str | None = None


@frozen
class Otherwise:
    """An engine whose own code for this model keeps another cache than its rules for the architecture say."""

    engine: str
    what: str
    url: str
    date: str


@frozen
class Card:
    """`context` is what the vendor states, in tokens; `position_limit` what the config allows, where that differs."""

    name: str
    family: str
    organization: str
    released: str
    architecture: Architecture
    changed: str
    sources: tuple[Source, ...]
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    context: int | None = None
    position_limit: int | None = None
    undisclosed: bool = False
    quantised: str | None = None  # what the weights of its file are stored in: bytes here are never that file's
    notes: tuple[str, ...] = ()
    published: Published | None = None
    estimates: tuple[Estimate, ...] = ()
    kept_otherwise: tuple[Otherwise, ...] = ()
    # Overrides applied after loading, as typed ("kv_heads=32"): the model is then no longer the published one.
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not self.name.strip():
            raise ModelError(f"name must be one line of text, not {self.name!r}")
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])|unknown", self.released):
            raise ModelError(f"released must be a year and month, like 2024-12, or unknown, not '{self.released}'")
