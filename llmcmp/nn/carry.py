"""Weights of a transformers model carried over into a twin.

Every tensor of theirs has to find its place and every parameter of the twin its values: what is left over on either
side is an error. Tensors that they tie may come once or several times, as long as they are equal.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import torch

from llmcmp.errors import ModelError
from llmcmp.sources.huggingface.names import target_of
from llmcmp.sources.huggingface.targets import Fused, OneOf, Reshaped, Zero

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from llmcmp.nn.tower import Twin
    from llmcmp.sources.huggingface.targets import Target


@torch.no_grad()
def carry(twin: Twin, tensors: Mapping[str, Tensor], cls: str) -> Twin:
    """Fill the twin with the state dict of a transformers model of the class `cls`; returns the twin.

    Raises ModelError, which names the tensor, where one is unknown, missing, of another shape or there twice.
    """
    carried = _Carried(twin)
    for name, tensor in tensors.items():
        target, expert = target_of(name, cls)
        for ours, value in carried.parts(target, name, tensor):
            carried.put(ours, value, name, expert)
    carried.expect_all()
    return twin


class _Carried:
    """A twin's tensors by all their names, and what has been put where."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.places: dict[str, Tensor] = dict(twin.named_parameters(remove_duplicate=False)) | dict(
            twin.named_buffers()
        )
        # By parameter and expert (none for most): a tied parameter has several names, and a stack many experts.
        self.filled: dict[tuple[int, int | None], str] = {}

    def parts(self, target: Target, name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(our name, value) of all that a tensor of theirs holds."""
        match target:
            case str():
                yield target, tensor
            case OneOf():
                yield next((ours for ours in target.names if ours in self.places), target.names[0]), tensor
            case Fused():
                yield from zip(target.names, self._split(target, name, tensor), strict=True)
            case Reshaped():
                yield target.name, tensor.reshape(self._place(target.name, name).shape)
            case Zero():
                if tensor.count_nonzero():
                    raise ModelError(f"the tensor {name} is not zero, and no part of the model uses it")
            case _:
                assert_never(target)

    def _split(self, fused: Fused, name: str, tensor: Tensor) -> tuple[Tensor, ...]:
        if fused.inputs_first and fused.names[0].endswith("weight"):
            tensor = tensor.transpose(-1, -2)
        axis = 1 if ".experts." in fused.names[0] else 0  # of outputs
        sizes = [self._place(ours, name).shape[axis] for ours in fused.names]
        if sum(sizes) != tensor.shape[axis]:
            raise ModelError(f"the tensor {name} has {tensor.shape[axis]} outputs, {' and '.join(fused.names)} {sizes}")
        turns = self._turns(fused, sizes)
        by_turn: Tensor = tensor.unflatten(axis, (turns, -1))
        parts: tuple[Tensor, ...] = by_turn.split([size // turns for size in sizes], axis + 1)
        return tuple(part.flatten(axis, axis + 1) for part in parts)

    def _turns(self, fused: Fused, sizes: list[int]) -> int:
        if fused.turns is None:
            return 1
        if fused.turns == "rows":
            return sizes[0]
        mixer: Any = self.twin.get_submodule(fused.names[0].rsplit(".", 2)[0])
        return getattr(mixer.spec, fused.turns)

    def _place(self, ours: str, name: str) -> Tensor:
        if ours not in self.places:
            raise ModelError(f"the tensor {name} is {ours} here, which {self.twin.model.name} does not have")
        return self.places[ours]

    def put(self, ours: str, value: Tensor, name: str, expert: int | None) -> None:
        """Copy a value into its place, or hold it to what stands there already."""
        whole = self._place(ours, name)
        place = whole if expert is None else whole[expert]
        if place.shape != value.shape:
            raise ModelError(f"the tensor {name} is {tuple(value.shape)}, {ours} is {tuple(place.shape)}")
        key = id(whole), expert
        if key not in self.filled:
            place.copy_(value)
        elif not torch.equal(place, value.to(place)):
            raise ModelError(
                f"the tensors {name} and {self.filled[key]} differ, and {self.twin.model.name} has one of them"
            )
        self.filled.setdefault(key, name)

    def expect_all(self) -> None:
        """Raise for a tensor of the twin that got no values, or not those of all experts."""
        for ours, place in self.places.items():
            got = [expert for tensor, expert in self.filled if tensor == id(place)]
            if not got or (None not in got and len(got) < place.shape[0]):
                raise ModelError(f"no tensor holds {ours} of {self.twin.model.name}, or not all of it")
