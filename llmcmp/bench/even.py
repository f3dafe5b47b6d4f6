"""Shrunk models that so many ranks can split: heads and intermediates rounded up to what they divide.

Shrinking keeps ratios, and three KV heads are nothing for two ranks. A real model is never changed: it is refused.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, cast

from llmcmp.components.base import Component
from llmcmp.components.experts import Experts
from llmcmp.frozen import field_names, replace
from llmcmp.passes.shard import SPLIT, WHOLE, each_component

if TYPE_CHECKING:
    from llmcmp.model import Model


def even(model: Model, ranks: int) -> tuple[Model, tuple[str, ...]]:
    """The model with sizes that the ranks divide, and what was changed."""
    changes: dict[str, None] = {}
    return each_component(model, lambda component: _even(component, ranks, changes)), tuple(changes)


def _even(component: Component, ranks: int, changes: dict[str, None]) -> Component:
    if isinstance(component, WHOLE):
        return component
    sizes = {name: cast("int", getattr(component, name)) for name in _SIZES if name in field_names(type(component))}
    rounded = _rounded(sizes, ranks)
    for name, size in sizes.items():
        if rounded[name] != size:
            changes[f"{name} {size:,} → {rounded[name]:,} for {ranks} ranks"] = None
    found = replace(component, **rounded)
    if isinstance(found, Experts):
        networks = {"expert": found.expert} | ({} if found.shared is None else {"shared": found.shared})
        return replace(found, **{name: _even(network, ranks, changes) for name, network in networks.items()})
    return found


_SIZES = tuple(name for name in SPLIT if name != "vocabulary")


def _rounded(sizes: dict[str, int], ranks: int) -> dict[str, int]:
    """Every size, rounded up; as many queries as before share a KV head where there is one for every rank."""
    rounded = {name: _up(size, ranks) for name, size in sizes.items()}
    if "kv_heads" in sizes:
        held = sizes["kv_heads"]
        kept = held if ranks % held == 0 else _up(held, ranks)
        rounded["kv_heads"] = kept
        rounded["heads"] = _up(sizes["heads"] // held * kept, lcm(kept, ranks))
    if "key_heads" in sizes:
        rounded["value_heads"] = sizes["value_heads"] // sizes["key_heads"] * rounded["key_heads"]
    return rounded


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
