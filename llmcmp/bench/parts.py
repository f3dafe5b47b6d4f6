"""What is run for a model: the model itself, or one block of each distinct kind, multiplied out to the whole.

At block scale the whole takes what its ends take (embedding, last norm, head, without a layer between), and for every
distinct block what its layers take: layers × (the time of an entry with some of those layers − the time of the entry
alone) / how many were measured. So a product as large as a head is never subtracted from another. Costs are sums over
the same parts with the same factors: of FLOPs that sum is the model's own count, to the last unit.

A training step needs logits, so there the ends stand on both sides of the difference.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from llmcmp.folds.params import params
from llmcmp.frozen import frozen, replace
from llmcmp.model import Stack, Tower
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Block, Layers, Model

    Factors = tuple[tuple[Phase, Fraction], ...]

# A block is repeated until its weights are larger than a processor's cache, or decoding would be timed from there.
BEYOND_CACHE = 256 * 2**20


@frozen
class Part:
    """A model to run, with how often it counts in the whole, by phase; phases that it does not count in are not run."""

    name: str
    model: Model
    factors: Factors

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(phase for phase, _ in self.factors)

    def factor(self, phase: Phase) -> Fraction:
        """How often the whole holds it; 0 where it is no part."""
        return dict(self.factors).get(phase, Fraction(0))


@frozen
class Multiplied:
    """Layers of one distinct block: how many the model has, and how many of them were measured."""

    block: str
    layers: int
    measured: int


def phases_of(model: Model, settings: Settings) -> tuple[Phase, ...]:
    """The phases to measure of a model: an encoder alone has no decode step."""
    encoder = model.card.architecture == "encoder-only"
    return tuple(phase for phase in settings.phases if not (encoder and phase == "decode"))


def whole(model: Model, settings: Settings) -> tuple[Part, ...]:
    """The model as its only part."""
    once: Factors = tuple((phase, Fraction(1)) for phase in phases_of(model, settings))
    return (Part(name="model", model=model, factors=once),)


def blocks(model: Model, settings: Settings) -> tuple[tuple[Part, ...], tuple[Multiplied, ...]]:
    """The parts of a model at block scale, and what is multiplied out."""
    bits = dtype_bits(settings.dtype)
    phases = phases_of(model, settings)
    entry, ends = _without_layers(model, exits=False), _without_layers(model, exits=True)
    factors = {"entry": dict.fromkeys(phases, Fraction(0)), "ends": dict.fromkeys(phases, Fraction(1))}
    parts: list[Part] = []
    multiplied: list[Multiplied] = []
    for number, layers in _distinct(model):
        count = len(layers.numbers)
        repeats = min(count, max(1, -(-BEYOND_CACHE * 8 // max(_elements(model, number, layers.block) * bits, 1))))
        times = Fraction(count, repeats)
        name = f"{model.towers[number].side} layer {layers.numbers[0]}"
        multiplied.append(Multiplied(block=name, layers=count, measured=repeats))
        stack = Stack(blocks=(layers.block,), layers=repeats, shared=layers.shared)
        for around, base in (("entry", entry), ("ends", ends)):
            used: tuple[Phase, ...] = tuple(phase for phase in phases if (phase == "train") == (around == "ends"))
            for phase in used:
                factors[around][phase] -= times
            if used:
                multiples: Factors = tuple((phase, times) for phase in used)
                parts.append(Part(name=name, model=_with_layers(base, number, stack), factors=multiples))
    bases = (_base(name, base, factors[name]) for name, base in (("entry", entry), ("ends", ends)))
    return (*(part for part in bases if part.factors), *parts), tuple(multiplied)


def _base(name: str, model: Model, factors: dict[Phase, Fraction]) -> Part:
    kept: Factors = tuple((phase, factor) for phase, factor in factors.items() if factor)
    return Part(name=name, model=model, factors=kept)


def _distinct(model: Model) -> Iterator[tuple[int, Layers]]:
    for number, tower in enumerate(model.disclosed_towers()):
        for layers in tower.layers():
            yield number, layers


def _without_layers(model: Model, *, exits: bool) -> Model:
    towers = tuple(replace(tower, stacks=(), exit=tower.exit if exits else ()) for tower in model.disclosed_towers())
    return replace(model, towers=towers, apart=())


def _with_layers(base: Model, number: int, stack: Stack) -> Model:
    towers = (replace(tower, stacks=(stack,)) if i == number else tower for i, tower in enumerate(base.towers))
    return replace(base, towers=tuple(towers))


def _elements(model: Model, number: int, block: Block) -> int:
    """Weights that a token visits in a block."""
    tower = Tower(side=model.towers[number].side, entry=(), stacks=(Stack(blocks=(block,), layers=1),), exit=())
    return params(replace(model, towers=(tower,), apart=())).active
