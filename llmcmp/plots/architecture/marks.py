"""The marks of a difference on a scene: lines whose fields differ, boxes that differ or stand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.differences import label, shown
from llmcmp.frozen import frozen, replace
from llmcmp.plots.architecture.scene import EVERY, Box, Column, Entry, Frame, Line, Scene, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llmcmp.differences import Difference
    from llmcmp.plots.architecture.scene import Mark


@frozen(eq=False)
class Marks:
    """For one side: the fields that differ with this side's values, by address, and the addresses that only it has."""

    fields: dict[str, dict[str, Any]]
    alone: frozenset[str]

    def of(self, address: str) -> Mark:
        """How what stands at an address, or the tower that it stands in, is marked."""
        if self.alone.intersection((address, address.partition(".")[0])):
            return "alone"
        return "differs" if address in self.fields else ""


def left(found: Iterable[Difference]) -> Marks:
    """The marks of the first model."""
    return _marks((difference.left, difference.right, difference.field, difference.before) for difference in found)


def right(found: Iterable[Difference]) -> Marks:
    """The marks of the second."""
    return _marks((difference.right, difference.left, difference.field, difference.after) for difference in found)


def _marks(found: Iterable[tuple[str | None, str | None, str, Any]]) -> Marks:
    fields: dict[str, dict[str, Any]] = {}
    alone: set[str] = set()
    for mine, theirs, field, value in found:
        if mine is not None and theirs is None:
            alone.add(mine)
        elif mine is not None:
            fields.setdefault(mine, {})[field] = value
    return Marks(fields=fields, alone=frozenset(alone))


def marked(scene: Scene, marks: Marks) -> Scene:
    """The scene with its differences marked."""
    columns = tuple(_column(column, marks) for column in scene.columns)
    return replace(scene, columns=columns, apart=_row(scene.apart, marks))


def _column(column: Column, marks: Marks) -> Column:
    entry = tuple(
        Entry(main=_card(e.main, marks), summed=_row(e.summed, marks), beside=_row(e.beside, marks))
        for e in column.entry
    )
    frames = tuple(_frame(frame, marks) for frame in column.frames)
    return replace(column, entry=entry, frames=frames, exit=_row(column.exit, marks))


def _frame(frame: Frame, marks: Marks) -> Frame:
    if marks.of(frame.address) == "alone":
        return replace(frame, mark="alone")
    lines = _lines(frame.lines, marks.fields.get(frame.address, {}))
    return replace(frame, lines=lines, stages=tuple(_stage(stage, marks) for stage in frame.stages))


def _stage(stage: Stage, marks: Marks) -> Stage:
    return replace(
        stage,
        branches=tuple(_row(branch, marks) for branch in stage.branches),
        lead=_row(stage.lead, marks),
        shared=_row(stage.shared, marks),
        trail=_row(stage.trail, marks),
    )


def _row(boxes: Sequence[Box], marks: Marks) -> tuple[Box, ...]:
    return tuple(_card(box, marks) for box in boxes)


def _card(box: Box, marks: Marks) -> Box:
    """A component's card; fields that differ and that it does not spell out are added to its lines."""
    values = marks.fields.get(box.address, {})
    spelled = {field for inner in box.walk() for line in inner.lines for field in line.fields}
    silent = [field for field in values if not any(_touches(field, told) for told in spelled)]
    added = tuple(
        Line(text=f"{label(field)}: {shown(values[field])}", fields=(field,), marked=True) for field in silent
    )
    within = _within(box, values)
    return replace(within, lines=within.lines + added, mark=marks.of(box.address))


def _within(box: Box, values: dict[str, Any]) -> Box:
    rows = tuple(tuple(_within(inner, values) for inner in row) for row in box.rows)
    return replace(box, lines=_lines(box.lines, values), rows=rows)


def _lines(lines: Sequence[Line], values: dict[str, Any]) -> tuple[Line, ...]:
    return tuple(
        replace(line, marked=any(_touches(field, told) for field in values for told in line.fields)) for line in lines
    )


def _touches(changed: str, told: str) -> bool:
    """Whether a line that tells a field, one within it or the one around it, tells of the changed one."""
    return told in (EVERY, changed) or changed.startswith(f"{told}.") or told.startswith(f"{changed}.")
