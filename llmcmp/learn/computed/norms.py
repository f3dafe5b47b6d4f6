"""DeepNorm's constants at a model's depth (arXiv 2203.00555, figure 2; GLM-130B: arXiv 2210.02414, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.learn.example import MODEL, computed_table
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table


def residual_scale(term: Term, models: Sequence[Model]) -> Table:
    """How much louder the residual path is made, in the paper's decoder and in GLM-130B's form."""
    columns = (
        MODEL,
        Column(key="layers", label="Layers", unit="number"),
        Column(key="alpha", label="α = (2N)^(1/4)", unit="intensity"),
        Column(key="beta", label="β = (8N)^(−1/4)", unit="intensity"),
        Column(key="glm_alpha", label="GLM: α = (2N)^(1/2)", unit="intensity"),
    )
    rows = [_row(model) for model in models]
    return computed_table(term, models, columns, rows, "constants at the depth of the model")


def _row(model: Model) -> Row:
    depth = model.tower.depth
    row: Row = {"model": model.name, "layers": depth}
    return row | {"alpha": (2 * depth) ** 0.25, "beta": (8 * depth) ** -0.25, "glm_alpha": (2 * depth) ** 0.5}
