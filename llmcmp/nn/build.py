"""From a Model to a module: built, tied, filled with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from llmcmp.model import expect_model, walk
from llmcmp.nn.tower import EncoderDecoder, SingleTower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Model, Use
    from llmcmp.nn.tower import Twin
    from llmcmp.ops import Weight


def build(model: Model, device: str = "cpu", dtype: torch.dtype = torch.float32, *, seed: int = 0) -> Twin:
    """The torch twin of a model, in evaluation mode, with random weights (none on the meta device).

    Raises UndisclosedError where the architecture is not public, ModelError for what is no Model.
    """
    expect_model(model)
    towers = model.disclosed_towers()
    with torch.device("meta"):
        twin = SingleTower(model) if len(towers) == 1 else EncoderDecoder(model)
    twin = twin.to(dtype=dtype)
    tie(twin, model)
    if device != "meta":
        twin = twin.to_empty(device=device)
        tie(twin, model)
        fill(twin, seed)
    return twin.eval().requires_grad_(True)


def names(model: Model) -> Iterator[tuple[str, Use, Weight]]:
    """Every tensor of every use of a component under its full name, shared ones as often as they are used."""
    for use in walk(model):
        numbers = use.layers if "*" in use.path else (0,)
        for number in numbers if use.copies > 1 or len(numbers) == 1 else numbers[: use.copies]:
            for weight in use.component.weights():
                yield f"{use.path.replace('*', str(number))}.{weight.name}", use, weight


def tie(twin: Twin, model: Model) -> None:
    """Make the tensors that share one key one parameter, the first that is met."""
    first: dict[str, nn.Parameter] = {}
    for name, _, weight in names(model):
        if weight.shared is None:
            continue
        path, _, leaf = name.rpartition(".")
        module = twin.get_submodule(path)
        setattr(module, leaf, first.setdefault(weight.shared, getattr(module, leaf)))


@torch.no_grad()
def fill(twin: Twin, seed: int) -> None:
    """Random values under which activations keep their size."""
    random = generator(next(twin.parameters()).device, seed)
    for name, tensor in (*twin.named_parameters(), *twin.named_buffers()):
        randomize(name, tensor, random)


def generator(device: torch.device | str, seed: int) -> torch.Generator:
    """Where random values on a device come from."""
    return torch.Generator(device=device).manual_seed(seed)


@torch.no_grad()
def randomize(name: str, tensor: Tensor, random: torch.Generator) -> None:
    """Matrices by their inputs, weights of norms around one; what is added (biases) in small numbers around zero."""
    if tensor.dim() > 1:
        tensor.normal_(0, tensor.shape[-1] ** -0.5, generator=random)
    else:
        tensor.normal_(0, 0.1, generator=random)
        if name.endswith("norm.weight"):
            tensor.add_(1)
