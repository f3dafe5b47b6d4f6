"""`shrink`: a tiny model of the same shape, so that architectures can be timed side by side on any machine.

All get the same budget of active parameters and the same vocabulary, so what differs between them is the architecture.
Whether ranks at this size carry to the full one is another question: launch overhead weighs more here.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING, Any

from llmcmp.changes import changed
from llmcmp.errors import QuantityError
from llmcmp.folds.params import stored
from llmcmp.frozen import frozen, replace
from llmcmp.model import Model, expect_model, walk_tower
from llmcmp.resize import fewer_layers, fields_of, resize_tower
from llmcmp.sizes import GRAIN, HEADS, Sizes, head_sizes, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.model import Tower

BUDGET = 20_000_000
CONTEXT = 512

LEAST_BUDGET = 100_000
MOST_TOTAL = 8  # times the budget: with AdamW's state in float32, a model of 20 M active stays below 3 GB
DEPTHS = range(4, 9)  # layers, where the pattern allows: deep enough to be a stack, few enough to be quick
WORDS = 4096  # of the vocabulary at BUDGET; embedding and head then take about a fifth of it

# What a hidden size that is a multiple of no more than this costs, in the units of `_distortion`; kernels are quickest
# at multiples of 64. Likewise numbers of heads that cannot be halved over two devices, and each layer more.
GRAINS = {64: 0.0, 32: 0.03, 16: 0.08, 8: 0.12}
ODD_HEADS = 0.04
LAYER = 0.01


@frozen
class Shrunk:
    """The tiny model, and what was changed, in lines for people."""

    model: Model
    changes: tuple[str, ...]


@frozen
class _Count:
    """Parameters of a model of some sizes, and the part that stretching the feed-forwards changes."""

    active: int
    total: int
    stretched: int


def shrink(model: Model, budget: int = BUDGET, *, context: int = CONTEXT) -> Shrunk:
    """A model of the same shape with about `budget` active parameters, to be run over about `context` tokens.

    Kept: MHA, MQA and the size of GQA groups; feed-forwards, ranks and narrow embeddings in proportion to the hidden
    size; experts and how many a token visits; whole periods of the pattern of layers, at least one of each stack;
    encoder and decoder in balance; everything that is not a size. Modules apart (multi-token prediction) shrink alike.

    Of all models the same: the active parameters (within 2 % of the default budget for every preset), the vocabulary
    (4,096 words there) and the rows of learned positions. Windows and memories are cut to a quarter of `context`.
    Experts are reduced where all parameters would exceed 8 times the budget. A model below the budget grows up to it.

    Raises UndisclosedError where the architecture is not public, QuantityError for a budget below 100,000.

    >>> import llmcmp
    >>> from llmcmp.shrink import shrink
    >>> shrink(llmcmp.load("mistral-7b")).changes[0]
    'hidden 4,096 → 544'
    """
    expect_model(model)
    if budget < LEAST_BUDGET or context < 1:
        raise QuantityError(f"a shrunk model needs a budget of at least {LEAST_BUDGET:,} and a context of at least 1")
    towers = model.disclosed_towers()
    sizes = _fitted(towers, _chosen(towers, budget, context), budget)
    tiny = tuple(resize_tower(tower, sizes) for tower in towers)
    apart = tuple((name, resize_tower(tower, replace(sizes, depth=1.0))) for name, tower in model.apart)
    changes = changed(model.towers, tiny)
    # Published totals and notes are those of the model that this one is no longer.
    card = replace(model.card, name=f"{model.name} (shrunk)", published=None, estimates=(), notes=changes)
    return Shrunk(model=Model(card=card, towers=tiny, apart=apart), changes=changes)


def _chosen(towers: tuple[Tower, ...], budget: int, context: int) -> Sizes:
    """The depth and the hidden size that change the shape least when the feed-forwards are stretched to the budget."""
    best, least = None, inf
    guess, experts = 0.0, None
    for start in _starts(towers, budget, context):
        if not guess:
            guess, experts = _rough(towers, start, budget)
        start = replace(start, experts=experts)
        guess = _exact_width(towers, start, budget, guess)
        for sizes in _widths(start, guess):
            count = _count(towers, sizes)
            fitting = _stretched(sizes, count, budget)
            # Without feed-forwards, only the width can meet the budget, and how nearly it does counts most.
            missed = log(fitting.stretch) if sizes.unit else 10 * log(count.active / budget)
            change = abs(missed) + _distortion(towers, sizes)
            if change < least:
                best, least = fitting, change
    assert best is not None
    return best


def _rough(towers: tuple[Tower, ...], start: Sizes, budget: int) -> tuple[float, int | None]:
    """About the hidden size, and a number of experts not far beyond the bound: a router of thousands is large."""
    sizes, guess = start, float(start.hidden)
    for _ in range(3):
        guess = _exact_width(towers, sizes, budget, guess)
        sizes = _bounded(towers, replace(sizes, hidden=rounded(guess)), budget)
    return guess, None if sizes.experts is None else sizes.experts * 5 // 4


def _starts(towers: tuple[Tower, ...], budget: int, context: int) -> Iterator[Sizes]:
    """Sizes of each depth, their hidden size being still that of the model."""
    mixers = _all_mixers(reversed(towers))
    hidden = next(mixer.hidden for mixer in mixers if _has(mixer, "hidden"))
    # Their share of the budget should be the same at any budget.
    words = rounded(WORDS * (budget / BUDGET) ** 0.5, 64)
    total = sum(tower.depth for tower in towers)
    seen: set[tuple[int, ...]] = set()
    for depth in DEPTHS:
        share = min(1.0, depth / total)
        layers = tuple(fewer_layers(stack, share) for tower in towers for stack in tower.stacks)
        if layers in seen:
            continue
        seen.add(layers)
        yield Sizes(
            hidden_was=hidden,
            hidden=hidden,
            unit=min((width for mixer in mixers for width in _feed_forwards(mixer)), default=0),
            attention=next((mixer for mixer in mixers if type(mixer).__name__ in HEADS), None),
            vocabulary=words,
            rows=max(words, context),
            window=max(context // 4, 1),
            depth=share,
        )


def _all_mixers(towers: Iterable[Tower]) -> list[Any]:
    """The distinct sub-layers."""
    blocks = dict.fromkeys(block for tower in towers for stack in tower.stacks for block in stack.blocks)
    return list(dict.fromkeys(mixer for block in blocks for _, mixer in block.mixers()))


def _has(record: Any, name: str) -> bool:
    return name in fields_of(record)


def _feed_forwards(record: Any) -> Iterator[int]:
    """Widths of the feed-forwards in a component."""
    for name in fields_of(record):
        value = getattr(record, name)
        if name == "intermediate":
            yield value
        else:
            yield from _feed_forwards(value)


def _exact_width(towers: tuple[Tower, ...], start: Sizes, budget: int, guess: float) -> float:
    """The hidden size that would meet the budget, if it could be any number."""
    for _ in range(4):
        sizes = replace(start, hidden=rounded(guess))
        # Parameters grow a little slower than the square of the width.
        guess = sizes.hidden * (budget / _count(towers, sizes).active) ** 0.53
        if abs(guess / sizes.hidden - 1) < 0.02:
            break
    return guess


def _widths(start: Sizes, exact: float) -> Iterator[Sizes]:
    """Hidden sizes next to the exact one, in steps of each grain."""
    # Of a wide model, only widths that suit kernels are tried; of a narrow one, all that it can have.
    grains = [
        grain
        for grain in GRAINS
        if grain <= max(exact, GRAIN) and (exact < 50 * grain or grain == max(GRAINS) or not start.unit)
    ]
    nearest = {int(exact // grain + up) * grain for grain in grains for up in (0, 1)}
    for hidden in sorted(nearest):
        # Farther off, the feed-forwards would have to make up for a third of the budget.
        if abs(hidden / exact - 1) < 0.1 or len(nearest) < 3:
            yield replace(start, hidden=hidden)


def _distortion(towers: tuple[Tower, ...], sizes: Sizes) -> float:
    """How far a choice is from the model's shape: 0 for the same proportions, 0.1 for about 10 % off."""
    grain = next(cost for grain, cost in GRAINS.items() if sizes.hidden % grain == 0)
    layers = sum(fewer_layers(stack, sizes.depth) for tower in towers for stack in tower.stacks)
    change = grain + LAYER * layers
    if sizes.attention is None:
        return change
    first, shared, size = HEADS[type(sizes.attention).__name__]
    heads, kv_heads, dim = head_sizes(sizes.attention, sizes)
    old = getattr(sizes.attention, first)
    group = 1.0 if shared is None else heads / kv_heads * getattr(sizes.attention, shared) / old
    inner = heads * dim / (old * getattr(sizes.attention, size) * sizes.factor)
    odd = (heads % 2 + kv_heads % 2) * ODD_HEADS if kv_heads > 1 else heads % 2 * ODD_HEADS
    return change + odd + abs(log(inner)) / 2 + (abs(log(group)) / 4 if kv_heads > 1 else 0)


def _count(towers: Iterable[Tower], sizes: Sizes) -> _Count:
    """What a model of these sizes holds, tied and shared weights once."""
    uses = (use for tower in towers for use in walk_tower(resize_tower(tower, sizes)))
    active = total = stretched = 0
    for use, weight in stored(uses):
        if weight.buffer:
            continue
        visited = weight.active * use.copies
        active, total = active + visited, total + weight.elements * use.copies
        if "intermediate" in dict(weight.axes):
            stretched += visited
    return _Count(active=active, total=total, stretched=stretched)


def _fitted(towers: tuple[Tower, ...], sizes: Sizes, budget: int) -> Sizes:
    """The sizes with the experts that the bound on all parameters allows, and feed-forwards that meet the budget."""
    best, least = sizes, inf
    for _ in range(10):
        count = _count(towers, sizes)
        bounded = _bounded(towers, sizes, budget, count)
        if bounded is sizes and abs(count.active - budget) < least:
            best, least = sizes, abs(count.active - budget)
        fitting = _stretched(bounded, count, budget)
        if bounded is sizes and (not sizes.unit or sizes.narrowest == fitting.narrowest):
            break
        sizes = fitting
    return best


def _stretched(sizes: Sizes, count: _Count, budget: int) -> Sizes:
    """The sizes with feed-forwards that make up for what is missing of the budget, or too much."""
    stretch = sizes.stretch * (1 + (budget - count.active) / max(count.stretched, 1))
    return replace(sizes, stretch=max(stretch, 0.1)) if sizes.unit else sizes


def _bounded(towers: tuple[Tower, ...], sizes: Sizes, budget: int, count: _Count | None = None) -> Sizes:
    """The sizes with fewer experts, if all weights exceed the bound; else the same."""
    count = count or _count(towers, sizes)
    if count.total <= MOST_TOTAL * budget or count.total == count.active:
        return sizes
    widest = max((mixer for mixer in _all_mixers(towers) if _has(mixer, "experts")), key=lambda mixer: mixer.experts)
    experts = min(widest.experts, sizes.experts or widest.experts)
    over = (MOST_TOTAL * budget - count.active) / (count.total - count.active)
    # Only the experts that a token does not visit can be spared.
    return replace(sizes, experts=min(experts - 1, widest.per_token + int((experts - widest.per_token) * over)))
