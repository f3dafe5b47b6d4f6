"""A model taken apart: towers, layers, components, what sets each apart, and its tensors with their shapes.

A tensor that several components use counts where it is first met, as in `params`; where it is met again it says so.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Literal

from llmcmp.folds.params import params, stored
from llmcmp.frozen import frozen
from llmcmp.model import walk, walk_tower
from llmcmp.spans import Fixed
from llmcmp.tables.compare import card_facts
from llmcmp.tables.describe import PLACEMENTS
from llmcmp.tables.diagram import details, layer_range
from llmcmp.tables.table import Column, Row, Table
from llmcmp.units import show_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmcmp.components.base import Component
    from llmcmp.model import Layers, Model, Tower, Use
    from llmcmp.ops import State, Weight

Kind = Literal["model", "tower", "layers", "component", "fact", "tensor", "shared", "buffer"]


@frozen
class Node:
    """One thing and what is in it. `parameters` are those of all its copies; None where it has none of its own.

    `part` is, of a component, what its parameters count as.
    """

    kind: Kind
    label: str
    detail: str = ""
    parameters: int | None = None
    inner: tuple[Node, ...] = ()
    part: str = ""


def structure(model: Model) -> Node:
    """A model as a tree. Raises UndisclosedError where its architecture is not public."""
    uses, sizes = walk(model), params(model)
    counted = _counted(uses)
    parts = [
        tuple(_parts(tower, [use for use in uses if use.tower == number], counted))
        for number, tower in enumerate(model.towers)
    ]
    inner = parts[0] if len(parts) == 1 else tuple(map(_side, model.towers, parts))
    return Node(kind="model", label=model.name, parameters=sizes.total, inner=(*inner, *_apart(model)))


def _side(tower: Tower, parts: tuple[Node, ...]) -> Node:
    return Node(kind="tower", label=tower.side, parameters=_together(parts), inner=parts)


def _counted(uses: Iterable[Use]) -> set[tuple[Use, str]]:
    """The tensors that count, each in the first component that holds it."""
    return {(use, weight.name) for use, weight in stored(uses)}


def _parts(tower: Tower, uses: Sequence[Use], counted: set[tuple[Use, str]]) -> Iterator[Node]:
    """What tokens pass in a tower, its layers grouped."""
    layers = {each.numbers: each for each in tower.layers()}
    for numbers, group in groupby(uses, key=lambda use: use.layers):
        parts = tuple(_component(use, counted) for use in group)
        if numbers:
            yield _layers(layers[numbers], parts)
        else:
            yield from parts


def _layers(layers: Layers, parts: tuple[Node, ...]) -> Node:
    """Layers of one kind: where they stand, where their norms stand, what each holds."""
    count, together = len(layers.numbers), _together(parts)
    label = f"{count} × layers {layer_range(layers.numbers)}" if count > 1 else f"layer {layers.numbers[0]}"
    said = [f"norms: {PLACEMENTS[layers.block.placement]}"]
    if any(len(step.branches) > 1 for step in layers.block.steps):
        said.append("branches in parallel")
    if layers.copies == 1 and count > 1:
        said.append("one set of weights")
    elif count > 1:
        said.append(f"{show_count(together // layers.copies)} each")
    return Node(kind="layers", label=label, detail=", ".join(said), parameters=together, inner=parts)


def _component(use: Use, counted: set[tuple[Use, str]]) -> Node:
    component = use.component
    weights = tuple(component.weights())
    tensors = tuple(_tensor(use, weight, (use, weight.name) in counted) for weight in weights)
    said = tuple(Node(kind="fact", label=line) for line in _facts(component))
    name = use.path.rpartition(".")[2].replace("_", " ")
    detail = component.label.partition(", ")[0]
    return Node(
        kind="component",
        label=name,
        detail=detail,
        parameters=_together(tensors) or None,
        inner=(*said, *tensors),
        part=weights[-1].part if weights else "",
    )


def _facts(component: Component) -> Iterator[str]:
    """What sets a component apart beside its label, and what it keeps between tokens."""
    yield from (line for line in details(component) if line != component.label)
    yield from (_kept(state) for state in component.state())


def _kept(state: State) -> str:
    """ "keeps keys and values: 2,048 elements a token, at most 4,096 tokens"."""
    if isinstance(state.span, Fixed):
        return f"keeps a {state.name}: {state.elements(1, 1):,} elements, whatever the context"
    of = "source token" if state.clock == "source" else "token"
    most = "" if state.span.window is None else f", at most {state.span.window:,} tokens"
    return f"keeps {state.name}: {state.width:,} elements a {of}{most}"


def _tensor(use: Use, weight: Weight, counts: bool) -> Node:
    shape = " × ".join(f"{size:,}" for _, size in weight.axes)
    copies = f", {use.copies} times" if use.copies > 1 else ""
    if not counts:
        return Node(kind="shared", label=weight.name, detail=f"{shape}, shared: counted above")
    if weight.buffer:
        return Node(kind="buffer", label=weight.name, detail=f"{shape}{copies}, a buffer: in no total")
    elements = weight.elements * use.copies
    return Node(kind="tensor", label=weight.name, detail=f"{shape}{copies}", parameters=elements)


def _together(nodes: Iterable[Node]) -> int:
    return sum(node.parameters or 0 for node in nodes)


def _apart(model: Model) -> Iterator[Node]:
    """Modules beside the model: listed, and in no total."""
    sizes = params(model).apart
    for name, tower in model.apart:
        uses = tuple(walk_tower(tower))
        own = _counted(uses) - set(_shared_with(model, uses))
        parts = tuple(_parts(tower, uses, own))
        yield Node(kind="tower", label=name, detail="apart from the total", parameters=sizes[name], inner=parts)


def _shared_with(model: Model, uses: Iterable[Use]) -> Iterator[tuple[Use, str]]:
    """Tensors of modules beside the model that the model holds."""
    held = {weight.shared for use in walk(model) for weight in use.component.weights() if weight.shared}
    return ((use, weight.name) for use in uses for weight in use.component.weights() if weight.shared in held)


COLUMNS = (
    Column(key="model", label="Model"),
    Column(key="part", label="Part"),
    Column(key="layers", label="Layers"),
    Column(key="component", label="Component"),
    Column(key="tensor", label="Tensor"),
    Column(key="shape", label="Shape"),
    Column(key="copies", label="Copies", unit="number"),
    Column(key="parameters", label="Together", unit="count"),
)


def tensors_table(models: Sequence[Model]) -> Table:
    """Every tensor that counts, with its shape, its copies and what they hold together; buffers are left out."""
    rows = tuple(row for model in models for row in _tensor_rows(model))
    settings = {"models": [model.name for model in models]}
    return Table(command="params", columns=COLUMNS, rows=rows, settings=settings, title="Parameters by tensor")


def _tensor_rows(model: Model) -> Iterator[Row]:
    if not model.disclosed:
        yield card_facts(model)
        return
    for use, weight in stored(walk(model)):
        if not weight.buffer:
            yield {
                "model": model.name,
                "part": weight.part,
                "layers": layer_range(use.layers) or None,
                "component": use.path.rpartition(".")[2],
                "tensor": weight.name,
                "shape": " × ".join(f"{size:,}" for _, size in weight.axes),
                "copies": use.copies,
                "parameters": weight.elements * use.copies,
            }
