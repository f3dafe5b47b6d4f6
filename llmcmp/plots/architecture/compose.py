"""From a Model to its Scene: towers to columns, distinct blocks to frames, steps to stages.

Placement of norms is drawn where it is computed: pre, sandwich and output norms on the branch, post and deep norms on
the main line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.components.embeddings import TokenTypes
from llmcmp.components.heads import AdaptiveHead, LanguageHead, Pooler
from llmcmp.components.positions import NO_POSITION, LearnedPositions, RelativeBias, Sinusoidal
from llmcmp.errors import UndisclosedError
from llmcmp.folds.params import params
from llmcmp.frozen import replace
from llmcmp.plots.architecture import facts
from llmcmp.plots.architecture.cards import simple, sublayer
from llmcmp.plots.architecture.scene import Box, Column, Entry, Frame, Line, Scene, Stage
from llmcmp.tables.describe import PLACEMENTS, block_letters
from llmcmp.tables.diagram import layer_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.base import Component
    from llmcmp.model import Block, Layers, Model, Step, Tower

LONG = 20  # characters of a range of layers that do not fit beside their number


def compose(model: Model) -> Scene:
    """The drawing of a model. Raises UndisclosedError."""
    if not model.disclosed:
        raise UndisclosedError(
            f"{model.name}: its architecture is undisclosed, so it cannot be drawn; what is known: "
            f"llmcmp show {model.name}"
        )
    sizes = iter(_layer_sizes(model))
    columns: list[Column] = []
    letters = iter(block_letters(model).values())
    everywhere: dict[Component, str] = {}
    for tower in model.towers:
        opened: dict[Component, str] = {}
        columns.append(_column(model, tower, next(sizes), letters, opened))
        if len(columns) > 1:
            columns[-1] = _sharing(columns[-1])
        everywhere |= opened if len(columns[-1].frames) > 1 else {}
    return Scene(
        title=model.name,
        subtitle=facts.subtitle(model),
        figures=tuple(facts.figures(model)),
        columns=tuple(columns),
        apart=tuple(facts.apart(model, everywhere)),
        shares=facts.shares(model),
        print=tuple(facts.small_print(model)),
    )


def _layer_sizes(model: Model) -> Iterator[tuple[int, ...]]:
    """Parameters of each layer, tower by tower."""
    sizes = params(model).layers
    for tower in model.towers:
        yield sizes[: tower.depth]
        sizes = sizes[tower.depth :]


# The tower


def _column(
    model: Model, tower: Tower, sizes: tuple[int, ...], letters: Iterator[str], opened: dict[Component, str]
) -> Column:
    frames = tuple(
        _frame(tower, number, layers, next(letters), sizes, opened) for number, layers in enumerate(tower.layers())
    )
    heads = [component for _, component in tower.exit]
    alone = len(model.towers) == 1
    return Column(
        reads="tokens" if alone else {"encoder": "tokens of the source", "decoder": "tokens so far"}[tower.side],
        entry=tuple(_entries(tower)),
        frames=frames,
        exit=tuple(simple(name, component, f"{tower.side}.{name}") for name, component in tower.exit),
        gives=_gives(heads, alone=alone),
        tied=any(isinstance(head, LanguageHead) and head.tied for head in heads),
    )


def _sharing(column: Column) -> Column:
    """A second tower, which looks its tokens up in the first one's table."""
    first, *others = column.entry
    lines = (*first.main.lines, Line(text="the encoder's table", size="small"))
    return replace(column, entry=(replace(first, main=replace(first.main, lines=lines)), *others))


def _gives(heads: list[Component], *, alone: bool) -> str:
    if any(isinstance(head, LanguageHead | AdaptiveHead) for head in heads):
        return "logits"
    if any(isinstance(head, Pooler) for head in heads):
        return "hidden states, pooled vector"
    return "hidden states" if alone else "encoded source"


def _entries(tower: Tower) -> Iterator[Entry]:
    """What is added to the vectors stands beside them; what acts in every layer too."""
    main: Box | None = None
    summed: list[Box] = []
    beside: list[Box] = []
    for name, component in tower.entry:
        box = simple(name, component, f"{tower.side}.{name}")
        match component:
            case LearnedPositions() | TokenTypes() | Sinusoidal():
                summed.append(box)
            case RelativeBias():
                beside.append(box)
            case _:
                if main is not None:
                    yield Entry(main=main, summed=tuple(summed), beside=tuple(beside))
                main, summed, beside = box, [], []
    assert main is not None
    yield Entry(main=main, summed=tuple(summed), beside=tuple(beside))


# The block


def _frame(
    tower: Tower, number: int, layers: Layers, letter: str, sizes: tuple[int, ...], opened: dict[Component, str]
) -> Frame:
    address = f"{tower.side}.{number}"
    signal = _signal(tower)
    scale = f"× √(2 · {tower.depth})" if layers.block.placement == "deep" else ""  # DeepNorm's weight of the residual
    stages = tuple(
        replace(_stage(step, layers.block, address, opened, signal), scale=scale) for step in layers.block.steps
    )
    for _, mixer in layers.block.mixers():
        opened.setdefault(mixer, letter)
    return Frame(
        letter=letter,
        lines=tuple(_frame_lines(layers, sizes)),
        stages=stages,
        numbers=layers.numbers,
        address=address,
    )


def _signal(tower: Tower) -> str:
    """What the tower's positions do to scores: nothing, where they are added to the vectors before."""
    components = [component for _, component in tower.entry]
    if any(isinstance(component, RelativeBias) for component in components):
        return "+ relative bias"
    added = any(isinstance(component, LearnedPositions | Sinusoidal) for component in components)
    return "" if added else NO_POSITION.label


def _frame_lines(layers: Layers, sizes: tuple[int, ...]) -> Iterator[Line]:
    many = len(layers.numbers) > 1
    where = f"layers {layer_range(layers.numbers)}" if many else f"layer {layers.numbers[0]}"
    if len(where) > LONG:
        yield Line(text=f"{len(layers.numbers)} ×", fields=("layers",), size="title")
        yield Line(text=where, fields=("layers",), size="small")
    else:
        yield Line(text=f"{len(layers.numbers)} × {where}", fields=("layers",), size="title")
    size = units.show_count(sizes[layers.numbers[0]])
    shared = f"{size} in all: one set of weights" if layers.shared else f"{size} each" if many else size
    yield Line(text=shared, fields=("shared",), size="small")
    yield Line(text=_arrangement(layers.block), fields=("placement", "steps"), size="small")


def _arrangement(block: Block) -> str:
    """Where norms stand, and whether branches run in parallel."""
    parallel = any(len(step.branches) > 1 for step in block.steps)
    placed = {"output": "norms after sub-layers", "deep": "DeepNorm"}
    where = placed.get(block.placement, f"{PLACEMENTS[block.placement]}-norm")
    return f"{where}, parallel" if parallel else where


def _stage(step: Step, block: Block, address: str, opened: dict[Component, str], signal: str) -> Stage:
    branches: list[tuple[Box, ...]] = []
    lead: list[Box] = []
    trail: list[Box] = []
    for branch in step.branches:
        column: list[Box] = []
        if branch.before is not None:
            before = simple("norm", branch.before, f"{address}.{branch.name}_norm")
            (lead if block.placement == "deep" else column).append(before)
        known = opened.get(branch.mixer)
        column.append(sublayer(branch.name, branch.mixer, f"{address}.{branch.name}", known, signal))
        if branch.after is not None:
            after = simple("norm", branch.after, f"{address}.{branch.name}_output_norm")
            (trail if block.placement == "post" else column).append(after)
        branches.append(tuple(column))
    shared = () if step.shared_norm is None else (simple("norm", step.shared_norm, f"{address}.norm"),)
    return Stage(branches=tuple(branches), lead=tuple(lead), shared=shared, trail=tuple(trail))
