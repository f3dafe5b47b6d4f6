"""The named tables of a preset to be written: which distinct attentions, mixers, networks and positions there are.

A Model knows no names of variants, so they are given by what sets them apart: local and global attention, dense and
moe feed-forward, else the kind; where that does not tell them apart, by number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.positions import NO_POSITION
from llmcmp.frozen import field_names
from llmcmp.sources.binding import Table, unbound
from llmcmp.sources.build import GIVEN
from llmcmp.sources.schema import ABSENT, BlockTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.model import Block

NAMED = ("position", "attention", "mixer", "cross_attention", "feed_forward")
# What a kind is usually called in the files; the others by their kind.
USUAL = {"experts": "moe", "plain": "dense", "gated": "dense", "none": "nope"}


class Variants:
    """The tables of the sections whose variants blocks name, and the names that each block uses."""

    def __init__(self, blocks: Sequence[Block], tower_position: Table | None, *, crossed: bool) -> None:
        """`crossed`: every block of the decoder has a cross-attention; else those that have one name it."""
        self.tables: dict[str, list[Table]] = {section: [] for section in NAMED}
        self.tower_position, self.crossed = tower_position, crossed
        self.placement = blocks[0].placement
        # The variants of each block: section to the number of its table. Of an attention, two tables: with it goes
        # the position that it names.
        self.chosen = {block: dict(self._choose(block)) for block in blocks}
        self.called = self._named()

    def _choose(self, block: Block) -> Iterator[tuple[str, int]]:
        for section, mixer in block.mixers():
            table = unbound(mixer, GIVEN)
            if section == "attention":
                position = self._position(getattr(mixer, "position", None))
                if position is not None:
                    table["position"] = self._number("position", position)
            yield section, self._number(section, table)

    def _position(self, carried: object) -> Table | None:
        """The position that an attention names: its own, or the tower's where it carries none."""
        if carried in (None, NO_POSITION) and self.tower_position is not None:
            return self.tower_position
        return None if carried is None else unbound(carried, GIVEN)

    def _number(self, section: str, table: Table) -> int:
        """The place of a table among the distinct ones."""
        known = self.tables[section]
        if table not in known:
            known.append(table)
        return known.index(table)

    def _named(self) -> dict[str, list[str]]:
        """A name for every table; an only one needs none, unless blocks choose between an attention and a mixer."""
        both = bool(self.tables["attention"]) and bool(self.tables["mixer"])
        always = (*(("attention", "mixer") if both else ()), *(() if self.crossed else ("cross_attention",)))
        called: dict[str, list[str]] = {}
        for section in ("attention", "mixer", "cross_attention", "feed_forward", "position"):
            tables = self.tables[section]
            if len(tables) == 1 and section not in always:
                called[section] = [""]
            else:
                hints = self._position_hints(called) if section == "position" else self._hints(tables)
                called[section] = _apart(hints)
        return called

    def _hints(self, tables: Sequence[Table]) -> list[str]:
        windowed = any("window" in table for table in tables)
        reach = {True: "local", False: "global" if windowed else "full"}
        return [
            reach["window" in table] if table.get("kind") == "multi-head" else _usual(table.get("kind"))
            for table in tables
        ]

    def _position_hints(self, called: dict[str, list[str]]) -> list[str]:
        """By kind; where kinds do not tell them apart, after the first attention that uses each."""
        hints = [_usual(table.get("kind")) for table in self.tables["position"]]
        if len(set(hints)) == len(hints):
            return hints
        users = [table.get("position") for table in self.tables["attention"]]
        return [called["attention"][users.index(number)] for number in range(len(hints))]

    def section(self, section: str) -> Iterator[tuple[str, Table]]:
        """The section with its table, or its named tables; nothing where there is none."""
        tables = [self._shown(table) if section == "attention" else table for table in self.tables[section]]
        if not tables:
            return
        names = self.called[section]
        yield section, tables[0] if names == [""] else dict(zip(names, tables, strict=True))

    def _shown(self, table: Table) -> Table:
        """An attention with the name of its position, which is left out where there is only one."""
        shown = {key: value for key, value in table.items() if key != "position"}
        number = table.get("position")
        name = self.called["position"][number] if isinstance(number, int) else ""
        return shown | ({"position": name} if name else {})

    def names(self, block: Block) -> Table:
        """The entry of `blocks` for a block: what it names of each section."""
        chosen = self.chosen[block]
        named: Table = {section: self.called[section][number] for section, number in chosen.items()}
        if not chosen.keys() & {"attention", "mixer"}:
            named["attention"] = ABSENT
        if "feed_forward" not in chosen and ("attention" in chosen or self.tables["feed_forward"]):
            named["feed_forward"] = ABSENT
        if block.placement != self.placement:
            named["placement"] = block.placement
        return {key: named[key] for key in field_names(BlockTable) if named.get(key)}


def _usual(kind: object) -> str:
    return USUAL.get(str(kind), str(kind))


def _apart(hints: Sequence[str]) -> list[str]:
    """Hints made different by numbers."""
    return [
        hint if hints.count(hint) == 1 else f"{hint}_{hints[: place + 1].count(hint)}"
        for place, hint in enumerate(hints)
    ]
