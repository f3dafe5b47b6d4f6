"""Twins of recurrent mixers give the logits of transformers: at once, in chunks, and step by step with the state.

Weights are carried over from a small reference with random values, everything in fp32.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from llmcmp.nn.build import build
from llmcmp.nn.carry import carry

from .oracle import cache_name, left, reference_model
from .oracle import torch as torch_module
from .references import preset_references
from .shrink import shrunken

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin

torch: Any = torch_module

PRESETS = ("mamba2-130m", "jamba-v0.1", "qwen3-next-80b-a3b", "glm-4-0414-9b", "glm-4-0414-32b")

# fp32 keeps 24 bits. Other orders of summing lose a few; where a head reads out almost nothing, the norm behind it
# magnifies what was lost, so that a dozen may be gone in single logits. Against fp64 both sides are equally far off.
CLOSE = {"rtol": 5e-4, "atol": 5e-4}


@cache
def twins(preset: str, seed: int) -> tuple[Twin, Any]:
    """A twin and its reference with the same random weights."""
    model = shrunken(preset, seed)
    reference = reference_model(preset_references()[preset], model, device="cpu")
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, parameter.shape[-1] ** -0.5, generator=random)
            else:
                parameter.uniform_(0.5, 1.5, generator=random)
            if name.endswith("A_log"):
                parameter.sub_(3)  # slow decay: what happened chunks ago still shows
    return carried(model, reference), reference


def carried(model: Model, reference: Any) -> Twin:
    return carry(build(model), reference.state_dict(), type(reference).__name__)


def token_ids(count: int, batch: int = 2) -> Tensor:
    return torch.randint(100, (batch, count), generator=torch.Generator().manual_seed(count))


@pytest.fixture(autouse=True)
def _without_gradients() -> Any:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("new", "seed"), [(1, 0), (2, 1), (7, 0), (64, 0), (70, 1), (150, 0)])
def test_a_prefill_gives_the_logits_of_transformers(preset: str, seed: int, new: int) -> None:
    twin, reference = twins(preset, seed)
    tokens = token_ids(new)
    expected = reference(input_ids=tokens, use_cache=False).logits
    assert expected.std() > 0.1  # logits that are all alike would agree with anything
    torch.testing.assert_close(twin(tokens), expected, **CLOSE)
    torch.testing.assert_close(twin(tokens, twin.new_cache(2, 200)), expected, **CLOSE)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("packed", [False, True])
def test_decode_steps_give_the_logits_of_transformers(preset: str, packed: bool) -> None:
    twin, reference = twins(preset, 0)
    if packed:
        twin = carried(twin.model, reference).pack()
    tokens = token_ids(16)
    outputs = reference(input_ids=tokens[:, :9], use_cache=True)
    held = twin.new_cache(2, 20)
    torch.testing.assert_close(twin(tokens[:, :9], held), outputs.logits, **CLOSE)
    for position in range(9, 16):
        step = tokens[:, position : position + 1]
        outputs = reference(input_ids=step, use_cache=True, **{cache_name(reference): left(outputs)})
        torch.testing.assert_close(twin(step, held), outputs.logits, **CLOSE)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cuts", [(1, 1, 1), (3, 5), (2, 1, 70, 1, 7), (64, 65)])
def test_a_prefill_in_chunks_and_the_steps_after_it_are_one_prefill(preset: str, cuts: tuple[int, ...]) -> None:
    twin, reference = twins(preset, 0)
    tokens = token_ids(sum(cuts) + 2)
    expected = reference(input_ids=tokens, use_cache=False).logits
    held, start = twin.new_cache(2, None), 0
    for count in (*cuts, 1, 1):
        part = twin(tokens[:, start : start + count], held)
        torch.testing.assert_close(part, expected[:, start : start + count], **CLOSE)
        start += count
