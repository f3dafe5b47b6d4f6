"""What becomes of each dimension when a model's sizes change: one set of `Sizes`, one rule a name of a field.

Components share dimensions by the names of their fields. A new size is a pure function of the old one: what was equal
stays equal, in whichever component it stands. To add a component, give each of its whole numbers a rule here.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING, Any

from llmcmp.components.positions import Rotary
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

GRAIN = 8  # elements of bfloat16 in 16 bytes, which fast kernels ask widths to be multiples of


@frozen
class Sizes:
    """`hidden_was` becomes `hidden`, and all widths follow in proportion.

    `unit` is the narrowest feed-forward (0: there is none), of which all others are multiples; beside the proportion
    they are stretched by `stretch`. `attention` is the first mixer with heads, after which tables of one number a head
    are shaped. `depth` is the share of the layers that stay. `experts` is the most that a layer may have, if bounded.
    """

    hidden_was: int
    hidden: int
    unit: int
    attention: object
    vocabulary: int
    rows: int
    window: int
    depth: float = 1.0
    stretch: float = 1.0
    experts: int | None = None

    @property
    def factor(self) -> float:
        """How much wider the model becomes."""
        return self.hidden / self.hidden_was

    def width(self, old: int) -> int:
        """A width in proportion to `hidden`."""
        return rounded(old * self.factor)

    def feed_forward(self, old: int) -> int:
        """The width of a feed-forward: a multiple of the narrowest one's, as before."""
        return rounded(self.narrowest * old / self.unit)

    @property
    def narrowest(self) -> int:
        """The width of the narrowest feed-forward."""
        return rounded(self.unit * self.factor * self.stretch)


def rounded(value: float, grain: int = GRAIN) -> int:
    """The nearest multiple of `grain`, at least one."""
    return max(grain, round(value / grain) * grain)


# Which fields hold a mixer's heads, the number of them that share keys and values (or the like), and the size of one.
HEADS: dict[str, tuple[str, str | None, str]] = {
    "Attention": ("heads", "kv_heads", "head_dim"),
    "CrossAttention": ("heads", "kv_heads", "head_dim"),
    "LatentAttention": ("heads", None, "value_dim"),
    "SegmentAttention": ("heads", None, "head_dim"),
    "Mamba2": ("heads", "groups", "head_dim"),
    "GatedDeltaNet": ("value_heads", "key_heads", "value_dim"),
}


def head_sizes(record: Any, sizes: Sizes) -> tuple[int, int, int]:
    """(heads, KV heads, elements of a head) of a mixer: as wide beside `hidden` as before, in heads of 32 or 64.

    A wide mixer has not many more heads than before, and a narrow one at least four, so that they can form groups.
    """
    names = HEADS[type(record).__name__]
    heads, dim = int(getattr(record, names[0])), int(getattr(record, names[2]))
    shared = heads if names[1] is None else int(getattr(record, names[1]))
    inner = heads * dim * sizes.factor
    size = 64 if dim > 128 else 32
    while 2 * size <= dim and inner > 1.5 * heads * size:
        size *= 2
    while size > GRAIN and inner < 4 * size:
        size //= 2
    size = _rotatable(getattr(record, "position", None), size)
    wanted = max(1 if heads == 1 else 2, round(inner / size))
    return *_grouped(wanted, heads, shared), size


def _rotatable(position: object, size: int) -> int:
    """The first size, in steps of 8, of which the rotated fraction is a whole and even number (of each axis)."""
    if not isinstance(position, Rotary):
        return size
    even = 2 * position.axes
    sizes = range(size, 16 * size, GRAIN)
    return next(
        (s for s in sizes if abs(s * position.fraction / even - round(s * position.fraction / even)) < 1e-9), size
    )


def _grouped(wanted: int, heads: int, kv_heads: int) -> tuple[int, int]:
    """(heads, KV heads): MHA stays MHA, MQA stays MQA; else about `wanted` heads in groups about as large as before."""
    if kv_heads in (1, heads):
        return wanted, 1 if kv_heads == 1 else wanted
    best, least = (4, 2), inf
    for kv in range(2, wanted // 2 + 1):
        for group in {max(2, wanted // kv), max(2, -(-wanted // kv))}:
            change = 2 * abs(log(kv * group / wanted)) + abs(log(group * kv_heads / heads))
            if change < least:
                best, least = (kv * group, kv), change
    return best


def _head_part(record: Any, sizes: Sizes, old: int) -> int:
    """Part of a head, in proportion to the whole."""
    whole = getattr(record, HEADS[type(record).__name__][2])
    new = old * head_sizes(record, sizes)[2] / whole
    return rounded(new, GRAIN if new >= GRAIN else 2)


def _experts(record: Any, sizes: Sizes, old: int) -> int:
    """As many as before, unless bounded: then whole groups, and more than a token visits."""
    groups = record.router.groups
    most = old if sizes.experts is None else min(old, sizes.experts)
    choosable = -(-record.per_token * groups // record.router.groups_per_token)
    return min(old, max(most // groups, -(-max(choosable, record.per_token + 1) // groups)) * groups)


def _width(record: Any, sizes: Sizes, old: int) -> int:
    return sizes.width(old)


def _kept(record: Any, sizes: Sizes, old: int) -> int:
    return old


RULES: dict[str, Callable[[Any, Sizes, int], int]] = {
    "hidden": _width,
    "width": _width,
    "inner": _width,
    "query_rank": _width,
    "kv_rank": _width,
    "step_rank": _width,
    "intermediate": lambda record, sizes, old: sizes.feed_forward(old),
    "nope_dim": _head_part,
    "Attention.value_dim": _head_part,
    "rope_dim": _head_part,
    "key_dim": _head_part,
    "RelativeBias.heads": lambda record, sizes, old: head_sizes(sizes.attention, sizes)[0],
    "experts": _experts,
    "per_token": _kept,
    "Indexer.heads": _kept,
    "Indexer.head_dim": _kept,
    "top_k": _kept,
    "Router.groups": _kept,
    "groups_per_token": _kept,
    "vocabulary": lambda record, sizes, old: sizes.vocabulary,
    "rows": lambda record, sizes, old: sizes.rows + record.offset,
    "window": lambda record, sizes, old: min(old, sizes.window),
    "memory": lambda record, sizes, old: min(old, sizes.window),
    "divisor": _kept,
    "types": _kept,
    "buckets": _kept,
    "max_distance": _kept,
    "original": _kept,
    "floor": _kept,
    "offset": _kept,
    "state_size": _kept,
    "kernel": _kept,
}


def new_size(record: Any, name: str, old: int, sizes: Sizes) -> int:
    """What becomes of one whole number. Raises ModelError where no rule says so."""
    kind = type(record).__name__
    if name in (triple := HEADS.get(kind, ())):
        return head_sizes(record, sizes)[triple.index(name)]
    rule = RULES.get(f"{kind}.{name}") or RULES.get(name)
    if rule is None:
        raise ModelError(f"{kind}.{name} is a size that cannot be changed; give it a rule in llmcmp/sizes.py")
    return rule(record, sizes, old)
