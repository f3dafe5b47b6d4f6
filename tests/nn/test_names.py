"""A twin has the tensors that `weights()` says, under the same names and of the same shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch")

from tiny import disclosed
from twins import ALL, model_of

from llmcmp.frozen import replace
from llmcmp.nn.build import build, names

if TYPE_CHECKING:
    from llmcmp.model import Model, Tower


def expected(model: Model, *, buffers: bool) -> dict[str, tuple[int, ...]]:
    """Shapes by name; of tensors that share one key, the first is the one."""
    found: dict[str, tuple[int, ...]] = {}
    shared: set[str] = set()
    for name, _, weight in names(model):
        if weight.buffer is buffers and weight.shared not in shared:
            found[name] = tuple(size for _, size in weight.axes)
            shared |= {weight.shared} - {None}
    return found


def shallow(model: Model) -> Model:
    """The model with each pattern of layers once."""

    def cut(tower: Tower) -> Tower:
        return replace(tower, stacks=tuple(replace(stack, layers=len(stack.blocks)) for stack in tower.stacks))

    return replace(model, towers=tuple(map(cut, model.towers)))


@pytest.mark.parametrize("kind", ALL)
def test_parameters_and_buffers_are_the_weights_name_by_name(kind: str) -> None:
    model = model_of(kind)
    twin = build(model)
    assert {name: tuple(p.shape) for name, p in twin.named_parameters()} == expected(model, buffers=False)
    assert {name: tuple(b.shape) for name, b in twin.named_buffers()} == expected(model, buffers=True)


@pytest.mark.parametrize("model", disclosed(), ids=lambda model: model.name)
def test_parameters_of_a_preset_are_its_weights_name_by_name(model: Model) -> None:
    twin = build(shallow(model), "meta")
    assert {name: tuple(p.shape) for name, p in twin.named_parameters()} == expected(shallow(model), buffers=False)
    assert {name: tuple(b.shape) for name, b in twin.named_buffers()} == expected(shallow(model), buffers=True)
