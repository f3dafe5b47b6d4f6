"""The tables of a preset from what a reader knows layer by layer: kinds are named, layers become stacks.

A config made a preset's document is a preset: what-if changes, errors that name a table, and `import` come for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Table = dict[str, Any]
Section = str
MOST_PERIOD = 24  # the longest pattern that is looked for

SECTIONS = ("attention", "mixer", "cross_attention", "feed_forward")


@frozen
class Layer:
    """The names of what one layer consists of, by section."""

    parts: tuple[tuple[Section, str], ...]
    side: str | None = None
    placement: str | None = None  # of its norms, where layers differ


@frozen(eq=False)
class Drawing:
    """A model as a reader draws it: single tables, and the kinds of parts that its layers name.

    `kinds` holds, by section and name, each kind's table; an attention's "position" is a table in it.
    """

    embedding: Table
    norm: Table
    kinds: dict[tuple[Section, str], Table]
    layers: tuple[Layer, ...]
    block: Table
    head: Table
    position: Table | None = None  # of the tower: learned, relative, sinusoidal
    prediction: Table | None = None
    architecture: str = "decoder-only"
    shared: bool = False


def sections(drawing: Drawing) -> Table:
    """The sections of a preset."""
    document: Table = {"embedding": drawing.embedding, "norm": drawing.norm}
    used = {part for layer in drawing.layers for part in layer.parts}
    sections_used = {section for section, _ in used}
    kinds = {key: dict(table) for key, table in drawing.kinds.items() if key in used}
    positions = _positions(kinds, drawing.position)
    if positions:
        document["position"] = positions
    for section in SECTIONS:
        named = {name: table for (of, name), table in kinds.items() if of == section}
        if named:
            # A decoder alone says which of its blocks have cross-attention, by name; and so does a hybrid with both.
            alone = section == "cross_attention" and drawing.architecture == "decoder-only"
            alone = alone or (section in ("attention", "mixer") and {"attention", "mixer"} <= sections_used)
            document[section] = named if alone or len(named) > 1 else next(iter(named.values()))
    document["stack"] = list(_stacks(drawing))
    if drawing.block:
        document["block"] = drawing.block
    if drawing.head:
        document["head"] = drawing.head
    if drawing.prediction is not None:
        last = _block(drawing.layers[-1], drawing, _kinds_used(drawing))
        document["multi_token_prediction"] = {"block": last} if last else {}
    return document


def _positions(kinds: dict[tuple[Section, str], Table], tower: Table | None) -> Table:
    """[position]: taken out of the attentions, which name theirs where there are several."""
    if tower is not None:
        for table in kinds.values():
            table.pop("position", None)
        return tower
    found: dict[str, Table] = {}
    for (_, name), table in kinds.items():
        position = table.pop("position", None)
        if position is None:
            continue
        label = next((known for known, other in found.items() if other == position), None)
        if label is None:
            label = position["kind"] if position["kind"] not in found else f"{position['kind']}-{name}"
            found[label] = position
        table["position"] = label
    if len(found) == 1:
        for table in kinds.values():
            table.pop("position", None)
        return next(iter(found.values()))
    return found


def _stacks(drawing: Drawing) -> Iterable[Table]:
    several = _kinds_used(drawing)
    sides = list(dict.fromkeys(layer.side for layer in drawing.layers))
    for side in sides:
        rows = [layer for layer in drawing.layers if layer.side == side]
        for pattern, layers in runs(rows):
            stack: Table = {"layers": layers}
            if side is not None:
                stack["side"] = side
            if drawing.shared:
                stack["shared"] = True
            blocks = [_block(layer, drawing, several) for layer in pattern]
            if blocks != [{}]:
                stack["blocks"] = blocks
            yield stack


def _kinds_used(drawing: Drawing) -> dict[Section, int]:
    """How many kinds of each section there are."""
    used = {part for layer in dict.fromkeys(drawing.layers) for part in layer.parts}
    return {section: sum(of == section for of, _ in used) for section in SECTIONS}


def _block(layer: Layer, drawing: Drawing, several: dict[Section, int]) -> Table:
    """One entry of `blocks`: the kinds that have to be named, and what a layer does without."""
    parts = dict(layer.parts)
    mixed = several["attention"] > 0 and several["mixer"] > 0
    block: Table = {}
    for section in SECTIONS:
        if section in parts and (several[section] > 1 or (mixed and section in ("attention", "mixer"))):
            block[section] = parts[section]
    if "cross_attention" in parts and drawing.architecture == "decoder-only":
        block["cross_attention"] = parts["cross_attention"]
    if layer.placement is not None:
        block["placement"] = layer.placement
    absent = [section for section in ("attention", "feed_forward") if several[section] and section not in parts]
    if "feed_forward" in absent:
        block["feed_forward"] = "none"
    if "attention" in absent and "mixer" not in parts:
        block["attention"] = "none"
    if not several["attention"] and several["mixer"] and "mixer" not in parts:
        block["attention"] = "none"
    return block


def runs(layers: list[Layer]) -> Iterable[tuple[list[Layer], int]]:
    """The layers as patterns, each with the number of layers that it covers, its last repetition perhaps cut short."""
    start = 0
    while start < len(layers):
        best, covered = 1, _covered(layers, start, 1)
        for period in range(2, min(MOST_PERIOD, (len(layers) - start) // 2) + 1):
            reach = _covered(layers, start, period)
            if reach > covered and reach >= 2 * period:
                best, covered = period, reach
        yield layers[start : start + best], covered
        start += covered


def _covered(layers: list[Layer], start: int, period: int) -> int:
    """How many layers from `start` on repeat with this period."""
    end = start + period
    while end < len(layers) and layers[end] == layers[end - period]:
        end += 1
    return min(end, len(layers)) - start
