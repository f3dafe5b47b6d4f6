"""What a report holds, in the order of reading: sections of tables, some of them with a figure, and the models.

Every number comes from the tables that the commands print, under one set of settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.frozen import frozen, replace
from llmcmp.tables.caches import kvcache_table
from llmcmp.tables.compare import compare
from llmcmp.tables.compute import flops_table
from llmcmp.tables.drawn import drawn_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model
    from llmcmp.tables.asked import Asked
    from llmcmp.tables.drawn import Kind
    from llmcmp.tables.table import Table

LINES: tuple[Kind, ...] = ("kv", "flops", "attention")
# Contexts at which caches stand side by side; the one that was asked for is added.
CONTEXTS = (4 * 1024, 32 * 1024, 128 * 1024)


@frozen(eq=False)
class Part:
    """A table, with its figure where it has one. `name` is its file's; `said` tells what is to be seen."""

    name: str
    title: str
    said: str
    table: Table
    drawn: bool = False


@frozen(eq=False)
class Section:
    """Some parts under a heading."""

    name: str
    title: str
    lead: str
    parts: tuple[Part, ...]


@frozen(eq=False)
class Report:
    """Everything about some models."""

    models: tuple[Model, ...]
    asked: Asked
    sections: tuple[Section, ...]

    def parts(self) -> tuple[Part, ...]:
        """The parts of all sections; those of which nothing is known or drawable have no rows."""
        return tuple(part for section in self.sections for part in section.parts)


def report(models: Sequence[Model], asked: Asked) -> Report:
    """The report of some models. Raises QuantityError for settings that none of them has a use for."""
    whole = compare(
        list(models), asked.point, batch=asked.batch, source=asked.source, weights=asked.weights, dtype=asked.dtype
    )
    sections = (
        _overview(whole),
        _architecture(whole),
        _parameters(models, asked),
        _compute(models, asked),
        _memory(models, asked),
        _roofline(models, asked),
    )
    return Report(models=tuple(models), asked=asked, sections=sections)


def _overview(whole: Table) -> Section:
    keys = "model released class parameters active_parameters context attention kv_bytes weight_bytes decode_flops"
    return Section(
        name="overview",
        title="At a glance",
        lead="Who, how big, how far, and what a token costs.",
        parts=(Part(name="overview", title="At a glance", said="One row a model.", table=_only(whole, keys)),),
    )


def _architecture(whole: Table) -> Section:
    groups = ("Card", "Architecture")
    keys = " ".join(column.key for column in whole.columns if column.key == "model" or column.group in groups)
    table = replace(_only(whole, keys), notes=())
    return Section(
        name="architecture",
        title="Architecture",
        lead="What each model is made of; layers that differ are listed with their number.",
        parts=(Part(name="architecture", title="Architecture", said="One row a model.", table=table),),
    )


def _only(table: Table, keys: str) -> Table:
    """A table of some columns, in the order of the keys."""
    found = {column.key: replace(column, group="", core=True) for column in table.columns}
    return replace(table, columns=tuple(found[key] for key in keys.split()), rows_as="rows")


def _parameters(models: Sequence[Model], asked: Asked) -> Section:
    return Section(
        name="parameters",
        title="Parameters",
        lead="Counted tensor by tensor; tied and shared tensors count once.",
        parts=(
            _figure("parameters", "Parameters by component", "Bars of each model's parts, as shares.", models, asked),
            _figure("active", "Total and active", "Models by total size and what a token uses of it.", models, asked),
        ),
    )


def _compute(models: Sequence[Model], asked: Asked) -> Section:
    return Section(
        name="compute",
        title="Compute",
        lead="One multiply-add is two FLOPs; full query-key pairs, as dense kernels compute them.",
        parts=(
            _figure("flops", "FLOPs against context", "A line a model, growing with context.", models, asked),
            _figure("attention", "Share of attention scores", "How attention takes over with context.", models, asked),
            _step("prefill", "Prefill", models, asked),
            _step("decode", "One decode step", models, asked),
        ),
    )


def _step(phase: Phase, title: str, models: Sequence[Model], asked: Asked) -> Part:
    table = flops_table(
        models,
        phase,
        asked.point,
        batch=asked.batch,
        source=asked.source,
        weights=asked.weights,
        dtype=asked.dtype,
    )
    said = f"FLOPs by component and bytes moved; {table.title}."
    return Part(name=f"flops-{phase}", title=title, said=said, table=replace(table, rows_as="rows"))


def _memory(models: Sequence[Model], asked: Asked) -> Section:
    contexts = sorted({*CONTEXTS, asked.point})
    table = kvcache_table(models, contexts, batch=asked.batch, source=asked.source, dtype=asked.dtype)
    lengths = ", ".join(units.show_tokens(context) for context in contexts)
    return Section(
        name="memory",
        title="Cache",
        lead="What the architecture keeps between tokens: keys and values, latents, windows, recurrent states.",
        parts=(
            _figure("kv", "Cache against context", "A line a model, growing with context.", models, asked),
            _figure("kv-year", "Cache a token by release", "Models by release and cache a token.", models, asked),
            _figure("bubble", "Size, active size and cache", "Bubbles by size and cache.", models, asked),
            Part(name="kvcache", title=f"Cache at {lengths} tokens", said="One column a length.", table=table),
        ),
    )


def _roofline(models: Sequence[Model], asked: Asked) -> Section:
    return Section(
        name="roofline",
        title="Roofline",
        lead=f"What {asked.device.title} allows at most; nothing here is measured.",
        parts=(_figure("roofline", "Roofline", "Prefill and decode steps under the roof.", models, asked),),
    )


def _figure(kind: Kind, title: str, said: str, models: Sequence[Model], asked: Asked) -> Part:
    # Lines show each model up to its own window, whatever context the points stand at.
    table = drawn_table(kind, models, replace(asked, context=None) if kind in LINES else asked)
    disclosed = any(row.get("disclosed", True) for row in table.rows)
    return Part(name=kind, title=title, said=said, table=replace(table, rows_as="rows"), drawn=disclosed)
