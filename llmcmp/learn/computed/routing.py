"""Mixtures in numbers: combinations of experts that a token can be sent to, and experts that a batch has to read."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

from llmcmp.components.experts import Experts
from llmcmp.folds.traffic import traffic
from llmcmp.frozen import replace
from llmcmp.learn.example import MODEL, computed_table, under
from llmcmp.model import walk
from llmcmp.ops import Draw
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

EXPERTS = Column(key="experts", label="Experts", unit="number")
PER_TOKEN = Column(key="per_token", label="Visited", unit="number")
CONTEXT = 4096


def _mixtures(model: Model) -> list[Experts]:
    return list(dict.fromkeys(use.component for use in walk(model) if isinstance(use.component, Experts)))


def combinations(term: Term, models: Sequence[Model]) -> Table:
    """How narrow the experts are, and how many sets of them a token can be sent to, with and without groups."""
    columns = (
        MODEL,
        replace(EXPERTS, machine=True),
        replace(PER_TOKEN, machine=True),
        Column(key="routing", label="Routing"),
        Column(key="intermediate", label="Width", unit="number"),
        Column(key="hidden", label="Hidden", unit="number"),
        Column(key="groups", label="Groups", machine=True),
        Column(key="combinations", label="Sets", unit="count"),
        Column(key="reachable_combinations", label="Within groups", unit="count"),
    )
    rows = [row for model in models for row in _combination_rows(model)]
    return computed_table(term, models, columns, rows, "sets of routed experts a layer")


def _combination_rows(model: Model) -> Iterator[Row]:
    for mixture in _mixtures(model):
        router = mixture.router
        limited = router.groups > 1
        yield {
            "model": model.name,
            "experts": mixture.experts,
            "per_token": mixture.per_token,
            "routing": f"{mixture.per_token} of {mixture.experts}",
            "intermediate": mixture.expert.intermediate,
            "hidden": mixture.hidden,
            "groups": f"{router.groups_per_token} of {router.groups}" if limited else None,
            "combinations": comb(mixture.experts, mixture.per_token),
            "reachable_combinations": reachable(mixture) if limited else None,
        }


def reachable(mixture: Experts) -> int:
    """Sets of experts that lie within the groups a token may choose."""
    groups, size = mixture.router.groups, mixture.experts // mixture.router.groups
    chosen = min(mixture.router.groups_per_token, groups)
    return sum(comb(groups, n) * _touching(n, size, mixture.per_token) for n in range(1, chosen + 1))


def _touching(groups: int, size: int, items: int) -> int:
    """Sets of `items` from `groups` groups of `size` that leave no group out: inclusion and exclusion."""
    return sum((-1) ** out * comb(groups, out) * comb((groups - out) * size, items) for out in range(groups + 1))


def experts_read(term: Term, models: Sequence[Model]) -> Table:
    """Distinct experts of a layer that a decode step is expected to read, and the bytes of weights that it reads."""
    columns = (
        MODEL,
        Column(key="batch", label="Batch", unit="number", machine=True),
        EXPERTS,
        PER_TOKEN,
        Column(key="expected_experts", label="Distinct, expected", unit="intensity"),
        Column(key="expected_weight_bytes", label="Weights read", unit="bytes"),
        Column(key="expected_weight_bytes_per_token", label="A token", unit="bytes"),
    )
    rows = [row for model in models for row in _read_rows(model)]
    title = "what a decode step reads if tokens are routed evenly and independently"
    return computed_table(term, models, columns, rows, title, context=CONTEXT)


def _read_rows(model: Model) -> Iterator[Row]:
    mixture = _mixtures(model)[0]
    for batch in (1, 16, 256):
        read = traffic(model, batch, new=1, past=CONTEXT - 1).expected_weight_bytes
        yield {
            "model": model.name,
            "model_shown": model.name if batch == 1 else under(f"batch {batch}"),
            "batch": batch,
            "experts": mixture.experts,
            "per_token": mixture.per_token,
            "expected_experts": Draw(experts=mixture.experts, per_token=mixture.per_token, tokens=batch).expected,
            "expected_weight_bytes": read,
            "expected_weight_bytes_per_token": read / batch,
        }
