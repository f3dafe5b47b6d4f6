"""A model as data: towers of stacks of blocks, and the walk over them that every cost folds.

A block is a row of steps x + f(x); repeated blocks are stored once. `walk` yields each distinct component once with
how often it runs and how often its weights are stored: the two differ where layers share weights (ALBERT).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from llmcmp.errors import ModelError, UndisclosedError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.card import Card
    from llmcmp.components.base import Component
    from llmcmp.components.norms import Norm
    from llmcmp.ops import Run

Side = Literal["encoder", "decoder"]

# Where the norms of a step stand (N a norm, f the sub-layer):
#   pre       x + f(N(x))         GPT-2, LLaMA           post      N(x + f(x))          BERT, GPT-1
#   sandwich  x + N(f(N(x)))      Gemma 2                output    x + N(f(x))          OLMo 2
#   deep      a N(x) + f(N(x))    DeepNorm as GLM-130B runs it, a = sqrt(2 layers) (arXiv 2203.00555)
Placement = Literal["pre", "post", "sandwich", "output", "deep"]


@frozen
class Branch:
    """One sub-layer with the norms before and after it."""

    name: str
    mixer: Component
    before: Norm | None = None
    after: Norm | None = None


@frozen
class Step:
    """One residual step. Several branches run in parallel on the same input (GPT-J, PaLM), perhaps through one norm."""

    branches: tuple[Branch, ...]
    shared_norm: Norm | None = None

    def parts(self) -> Iterator[tuple[str, Component]]:
        """(name, component) in the order of execution."""
        if self.shared_norm is not None:
            yield "norm", self.shared_norm
        for branch in self.branches:
            if branch.before is not None:
                yield f"{branch.name}_norm", branch.before
            yield branch.name, branch.mixer
            if branch.after is not None:
                yield f"{branch.name}_output_norm", branch.after


@frozen
class Block:
    """One layer."""

    steps: tuple[Step, ...]
    placement: Placement

    def parts(self) -> Iterator[tuple[str, Component]]:
        """(name, component) in the order of execution."""
        for step in self.steps:
            yield from step.parts()

    def mixers(self) -> Iterator[tuple[str, Component]]:
        """The sub-layers without their norms."""
        for step in self.steps:
            for branch in step.branches:
                yield branch.name, branch.mixer


@frozen
class Stack:
    """A pattern of blocks, repeated over `layers` layers; the last repetition may be cut short (Gemma 3).

    `shared`: all layers use one set of weights (ALBERT).
    """

    blocks: tuple[Block, ...]
    layers: int
    shared: bool = False


@frozen
class Layers:
    """One distinct block and the layers that it stands at; `shared` layers hold one set of weights."""

    numbers: tuple[int, ...]
    block: Block
    shared: bool

    @property
    def copies(self) -> int:
        """How often its weights are stored."""
        return 1 if self.shared else len(self.numbers)


@frozen
class Tower:
    """One side of a model: what tokens pass before, in and after its stacks."""

    side: Side
    entry: tuple[tuple[str, Component], ...]
    stacks: tuple[Stack, ...]
    exit: tuple[tuple[str, Component], ...]

    @property
    def depth(self) -> int:
        """Layers."""
        return sum(stack.layers for stack in self.stacks)

    def layers(self) -> list[Layers]:
        """Each distinct block once with all the layers that it stands at, in the order of its first."""
        found: dict[tuple[Block, int | None], list[int]] = {}
        start = 0
        for number, stack in enumerate(self.stacks):
            # Stacks that share weights within themselves do not share them with one another.
            weights = number if stack.shared else None
            for offset, block in enumerate(stack.blocks[: stack.layers]):
                numbers = range(start + offset, start + stack.layers, len(stack.blocks))
                found.setdefault((block, weights), []).extend(numbers)
            start += stack.layers
        return [
            Layers(numbers=tuple(sorted(n)), block=block, shared=weights is not None)
            for (block, weights), n in found.items()
        ]


@frozen
class Use:
    """One distinct component in its place.

    `path` holds "*" for the layer where it repeats; it runs `times` times and its weights are stored `copies` times.
    """

    path: str
    component: Component
    times: int
    copies: int
    tower: int
    layers: tuple[int, ...] = ()


@frozen
class Model:
    """A model's card and, unless its vendor keeps that secret, its structure.

    `towers` run in order: an encoder-decoder has two, all others one. `apart` are modules that are listed beside the
    model and never in its total: multi-token prediction, the heads of a bare encoder.
    """

    card: Card
    towers: tuple[Tower, ...]
    apart: tuple[tuple[str, Tower], ...] = ()

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def disclosed(self) -> bool:
        """Whether there is a structure to compute from."""
        return bool(self.towers)

    def disclosed_towers(self) -> tuple[Tower, ...]:
        """The towers. Raises UndisclosedError where the architecture is not public."""
        if not self.towers:
            raise UndisclosedError(f"{self.name}: its architecture is undisclosed, so nothing can be computed from it")
        return self.towers

    @property
    def tower(self) -> Tower:
        """The tower that reads the tokens of a run: the decoder, or the only one."""
        return self.disclosed_towers()[-1]

    @property
    def encoder(self) -> Tower | None:
        """The tower that reads the source, in an encoder-decoder."""
        return self.towers[0] if len(self.towers) > 1 else None

    def runs(self, run: Run) -> tuple[Run, ...]:
        """What each tower executes of a run."""
        return (run.of_source(), run) if len(self.towers) > 1 else (run,)


def expect_model(value: object) -> None:
    """Raise ModelError for what is no Model: a name, say, that was never loaded."""
    if not isinstance(value, Model):
        raise ModelError(f"expected a Model, not {value!r}; load one with llmcmp.load(name)")


@cache
def walk(model: Model) -> tuple[Use, ...]:
    """Every distinct component of the model, in the order of execution.

    Raises UndisclosedError where the architecture is not public.
    """
    return tuple(
        use
        for number, tower in enumerate(model.disclosed_towers())
        for use in walk_tower(tower, number, f"{tower.side}." if len(model.towers) > 1 else "")
    )


def walk_tower(tower: Tower, number: int = 0, prefix: str = "") -> Iterator[Use]:
    """Every distinct component of one tower."""
    for name, component in tower.entry:
        yield Use(path=prefix + name, component=component, times=1, copies=1, tower=number)
    for layers in tower.layers():
        for name, component in layers.block.parts():
            yield Use(
                path=f"{prefix}layers.*.{name}",
                component=component,
                times=len(layers.numbers),
                copies=layers.copies,
                tower=number,
                layers=layers.numbers,
            )
    for name, component in tower.exit:
        yield Use(path=prefix + name, component=component, times=1, copies=1, tower=number)
