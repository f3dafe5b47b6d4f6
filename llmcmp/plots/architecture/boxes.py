"""The boxes that insides of components are made of, and their wording of sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import replace
from llmcmp.plots.architecture.scene import Box, Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.components.base import Component
    from llmcmp.components.linear import Linear
    from llmcmp.ops import State

BLANK = Box(look="blank")
Rows = tuple[tuple[Box, ...], ...]


def blank(span: int = 1) -> Box:
    """An empty place in a row."""
    return Box(look="blank", span=span)


def words(name: str) -> str:
    """ "query_down" as "query down"."""
    return name.replace("_", " ")


def line(text: str, *fields: str) -> Line:
    """A line that spells out some fields of its component."""
    return Line(text=text, fields=fields)


def weights(name: str, *lines: Line, tensors: Sequence[str] = (), span: int = 1) -> Box:
    """A part that holds tensors, named in its first line."""
    return Box(look="part", lines=(Line(text=name), *lines), tensors=tuple(tensors) or (f"{name}.weight",), span=span)


def linear(matrix: Linear, inner: str, outer: str, *fields: str, span: int = 1, prefix: str = "") -> Box:
    """A linear map: its name, and the sizes that it joins."""
    bias = " + bias" if matrix.bias else ""
    tensors = tuple(prefix + weight.name for weight in matrix.weights())
    sizes = Line(text=f"{inner} → {outer}{bias}", fields=(*fields, f"{prefix_of(prefix)}bias.{matrix.name}"))
    return Box(look="part", lines=(Line(text=words(matrix.name)), sizes), tensors=tensors, span=span)


def prefix_of(prefix: str) -> str:
    """The field of an experts' component that tensors with this prefix belong to, with its dot."""
    return prefix.replace("experts.", "expert.")


def holding(component: Component, prefix: str, *lines: Line, span: int = 1) -> Box:
    """A part that holds the component's tensors of this prefix; an operation, where there are none."""
    tensors = tuple(weight.name for weight in component.weights() if weight.name.startswith(prefix))
    return Box(look="part" if tensors else "operation", lines=lines, tensors=tensors, span=span)


def operation(*lines: Line, span: int = 1) -> Box:
    """What holds no weight."""
    return Box(look="operation", lines=lines, span=span)


def keeps(states: Sequence[State]) -> tuple[Line, ...]:
    """A line for each state: how many elements are kept, of each token or in all. It follows from other lines."""
    return tuple(line(f"keeps {state.name}: {_amount(state)}") for state in states)


def _amount(state: State) -> str:
    each = {"tokens": "a token", "source": "a source token"}[state.clock]
    fixed = state.elements(0, 0)  # what is there before any token is there for good
    return f"{fixed:,} elements" if fixed else f"{state.width:,} {each}"


def unknown(component: Component) -> Rows:
    """The inside of a component that has no drawing of its own: its tensors by name, three a row."""
    groups: dict[str, list[str]] = {}
    shapes: dict[str, str] = {}
    for weight in component.weights():
        name = weight.name.rpartition(".")[0] or weight.name
        groups.setdefault(name, []).append(weight.name)
        shapes.setdefault(name, " × ".join(f"{size:,}" for _, size in weight.axes))
    found = [weights(words(name), line(shapes[name]), tensors=groups[name]) for name in groups]
    return tuple(tuple(found[start : start + 3]) for start in range(0, len(found), 3))


def owned(box: Box, address: str) -> Box:
    """The box with all those in it, as showing the component at `address`."""
    rows = tuple(tuple(owned(inner, address) for inner in row) for row in box.rows)
    return replace(box, address=address, rows=rows)
