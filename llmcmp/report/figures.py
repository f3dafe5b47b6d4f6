"""Every figure of a report, drawn once: page and folder show the same ones."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from llmcmp.report.contents import Report
    from llmcmp.tables.table import Table


@frozen(eq=False)
class Drawn:
    """A figure and itself as SVG, its texts as texts: written once for page and folder, for that is what takes time."""

    figure: Figure
    svg: str


@frozen(eq=False)
class Figures:
    """Figures by the names of their parts, and the drawn architectures by the names of their models."""

    parts: Mapping[str, Drawn]
    blocks: Mapping[str, Drawn]

    def __len__(self) -> int:
        return len(self.parts) + len(self.blocks)


def to_draw(report: Report) -> int:
    """How many figures a report has."""
    return sum(part.drawn for part in report.parts()) + sum(model.disclosed for model in report.models)


def draw(report: Report, tell: Callable[[str], None] = lambda what: None) -> Figures:
    """Draw them all; `tell` is told what is drawn next."""
    from llmcmp.tables.show import show_table

    parts: dict[str, Drawn] = {}
    for part in report.parts():
        if part.drawn:
            tell(part.title)
            parts[part.name] = _drawn(part.table)
    blocks: dict[str, Drawn] = {}
    for model in report.models:
        if model.disclosed:
            tell(model.name)
            blocks[model.name] = _drawn(show_table(model))
    return Figures(parts=parts, blocks=blocks)


def _drawn(table: Table) -> Drawn:
    from llmcmp.plots import plot
    from llmcmp.report.svg import written

    figure = plot.figure(table)
    svg = written(figure)
    figure.set_layout_engine("none")  # it has found its layout: all that is saved later is the same picture
    return Drawn(figure=figure, svg=svg)
