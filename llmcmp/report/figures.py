"""Every figure of a report, drawn once: page and folder show the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from llmcmp.report.contents import Report


@frozen(eq=False)
class Figures:
    """Figures by the names of their parts, and the drawn architectures by the names of their models."""

    parts: Mapping[str, Figure]
    blocks: Mapping[str, Figure]

    def __len__(self) -> int:
        return len(self.parts) + len(self.blocks)


def to_draw(report: Report) -> int:
    """How many figures a report has."""
    return sum(part.drawn for part in report.parts()) + sum(model.disclosed for model in report.models)


def draw(report: Report, tell: Callable[[str], None] = lambda what: None) -> Figures:
    """Draw them all; `tell` is told what is drawn next."""
    from llmcmp.plots import plot
    from llmcmp.tables.show import show_table

    parts: dict[str, Figure] = {}
    for part in report.parts():
        if part.drawn:
            tell(part.title)
            parts[part.name] = plot.figure(part.table)
    blocks: dict[str, Figure] = {}
    for model in report.models:
        if model.disclosed:
            tell(model.name)
            blocks[model.name] = plot.figure(show_table(model))
    return Figures(parts=parts, blocks=blocks)
