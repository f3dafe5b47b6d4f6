"""Presets shrunk to small odd sizes: the same structure, other numbers, drawn anew for each seed.

A size that fits by accident (a power of two, heads x head_dim = hidden where nothing asks for it) hides mistakes, so
sizes are odd where they can be, and square only where the transformers class knows no other way.
"""

from __future__ import annotations

import random
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

from llmcmp.sources.build import build
from llmcmp.sources.names import preset_files

from .references import preset_references

if TYPE_CHECKING:
    from llmcmp.model import Model

    from .references import Reference

Table = dict[str, Any]

# The class scales what the head reads wherever encoder and decoder share a table; the released model, whose head is a
# matrix of its own, does not.
SCALED_BY_THE_CLASS = {"switch-c-2048"}


@cache
def shrunken(preset: str, seed: int = 0) -> Model:
    """The preset with small sizes of its own, the same for the same seed."""
    document = tomllib.loads(preset_files()[preset].read_text("utf-8"))
    if preset in SCALED_BY_THE_CLASS:
        document["head"] = {"scaled": True}
    _Shrink(document, preset_references()[preset], random.Random(f"{preset} {seed}")).all()
    return build(document, "tiny.toml")


class _Shrink:
    """Draws the sizes that tables share once, then changes the tables."""

    def __init__(self, document: Table, reference: Reference, rng: random.Random) -> None:
        self.document, self.reference, self.rng = document, reference, rng
        attention = _variants(document.get("attention", {"kind": None, "heads": 1}))[0]
        group = attention["heads"] // attention.get("kv_heads", attention["heads"])
        self.kv_heads = 1 if attention.get("kv_heads") == 1 else rng.choice((2, 3))
        self.heads = self.kv_heads * (1 if group == 1 else rng.choice((2, 3, 5)))
        # Every fraction of a head that is rotated is an even number of elements, and more than one pair: 0.4 of 20.
        self.head_dim = (
            20 if self._fraction() == 0.4 else rng.choice((16, 24) if self._fraction() < 0.4 else (8, 16, 24))
        )
        square = self.heads * self.head_dim
        self.hidden = square if reference.square else self.heads * rng.choice((10, 14, 22))
        self.vocabulary = rng.choice((101, 103, 107))
        self.expert = rng.choice((15, 21, 33))
        self.window = rng.choice((4, 5, 6))

    def _fraction(self) -> float:
        return _variants(self.document["position"])[0].get("fraction", 1.0) if "position" in self.document else 1.0

    def all(self) -> None:
        self.document["name"] = "tiny"
        self.document.pop("published", None)
        self._embedding(self.document["embedding"])
        for table in _variants(self.document.get("position", {})):
            self._position(table)
        for section in ("attention", "cross_attention"):
            for table in _variants(self.document.get(section, {})):
                self._attention(table)
        for table in _variants(self.document.get("mixer", {})):
            self._mixer(table)
        for table in _variants(self.document.get("feed_forward", {})):
            self._feed_forward(table)
        self._stacks(self.document["stack"])

    def _embedding(self, table: Table) -> None:
        table.update(vocabulary=self.vocabulary, hidden=self.hidden)
        if "width" in table:
            table["width"] = self.rng.choice((6, 10))

    def _position(self, table: Table) -> None:
        if table["kind"] == "learned":
            table["rows"] = self.rng.choice((41, 43, 47))
        if "width" in table:
            table["width"] = self.hidden
        if table["kind"] == "relative-bias":
            table.update(buckets=self.rng.choice((8, 12)), max_distance=20)
        if "original" in table.get("scaling", {}):
            table["scaling"]["original"] = 16  # so short that a few tokens feel the stretching

    def _attention(self, table: Table) -> None:
        table["heads"] = self.heads
        if table["kind"] == "latent":
            # Even where DeepSeek-V2 rotates pairs as complex numbers; the others odd.
            ranks = {"query_rank": 13, "kv_rank": 10, "nope_dim": 6, "rope_dim": 4, "value_dim": 7}
            table.update({key: ranks[key] + 2 * self.rng.randrange(3) for key in ranks if key in table})
        else:
            table.update(kv_heads=self.kv_heads, head_dim=self.head_dim)
        if "window" in table:
            table["window"] = self.window
        if "temperature" in table:
            table["temperature"]["floor"] = 3

    def _mixer(self, table: Table) -> None:
        """Sizes of each kind: those that its class asks to be multiples of others are."""
        table["kernel"] = self.rng.choice((2, 3, 4))
        if table["kind"] == "mamba":
            table.update(inner=2 * self.hidden, state_size=self.rng.choice((5, 7)), step_rank=self.rng.choice((3, 11)))
        elif table["kind"] == "mamba-2":  # the class has all heads together twice as wide as the model
            groups, head_dim = self.rng.choice((1, 2, 3)), self.hidden // self.heads
            table.update(heads=2 * self.heads * groups, head_dim=head_dim, groups=groups, state_size=9)
            self.document["embedding"]["hidden"] = self.hidden = table["heads"] * head_dim // 2
        else:
            key_heads = self.rng.choice((2, 3))
            table.update(key_heads=key_heads, value_heads=key_heads * self.rng.choice((2, 3)))
            table.update(key_dim=self.rng.choice((6, 10)), value_dim=self.rng.choice((7, 9)))

    def _feed_forward(self, table: Table) -> None:
        if table["kind"] != "experts":
            odd = self.rng.choice((35, 45, 57))
            table["intermediate"] = 4 * self.hidden if self.reference.fourfold else odd
            return
        groups = self.rng.choice((2, 3)) if table.get("router", {}).get("groups", 1) > 1 else 1
        table["experts"] = 3 * groups if groups > 1 else self.rng.choice((5, 7))
        table["per_token"] = 1 if table["per_token"] == 1 else self.rng.choice((2, 3))
        table["expert"]["intermediate"] = self._expert_width(self.expert)
        if "shared" in table:
            table["shared"]["intermediate"] = self._shared()
        if groups > 1:
            table["router"].update(groups=groups, groups_per_token=groups - 1)
            table["per_token"] = min(table["per_token"], 3 * (groups - 1))

    def _expert_width(self, width: int) -> int:
        """The width of an expert; dense feed-forwards come before the experts in every preset that has both."""
        dense = [t for t in _variants(self.document["feed_forward"]) if t["kind"] != "experts"]
        return dense[0]["intermediate"] if dense and self.reference.one_width else width

    def _shared(self) -> int:
        if self.reference.shared_like_expert:
            return self.expert
        return self.expert * self.rng.choice((1, 2, 3)) if self.reference.shared_multiple else 27

    def _stacks(self, stacks: list[Table]) -> None:
        for stack in stacks:
            if "side" in stack:  # Switch has whole patterns of dense and sparse layers
                stack["layers"] = len(stack.get("blocks", [{}])) * self.rng.choice((1, 2))
            else:
                least = 1 if len(stacks) > 1 else self.reference.least_layers
                stack["layers"] = least + self.rng.choice((0, 1) if least < 3 else (0, 2))


def _variants(section: Table) -> list[Table]:
    """The tables of a section with or without names."""
    return [section] if "kind" in section else [table for table in section.values() if isinstance(table, dict)]
