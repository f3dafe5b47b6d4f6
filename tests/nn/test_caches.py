"""Caches hold what `state()` says, and whichever way they are kept, the logits are the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

torch: Any = pytest.importorskip("torch")

from twins import DECODERS, model_of  # noqa: E402 - after torch is known to be there

import llmcmp  # noqa: E402
from llmcmp.nn.build import build  # noqa: E402
from llmcmp.nn.count import cached_elements, tokens  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from llmcmp.nn.tower import Cache, Twin

FULL = partial(pytest.param, marks=pytest.mark.full)
TOKENS, SOURCE = 13, 6
# Shorter passes sum in another order; logits are of size one.
CLOSE = {"rtol": 1e-5, "atol": 2e-5}


@pytest.fixture(autouse=True)
def _without_gradients() -> Any:
    with torch.no_grad():
        yield


def source_of(twin: Twin) -> Tensor | None:
    return None if twin.model.encoder is None else tokens(twin, 2, SOURCE, seed=1)


def read(twin: Twin, cache: Cache, sizes: list[int], prefix: int | None = None) -> Tensor:
    """Logits of all tokens, read in passes of these sizes."""
    found, source = [], source_of(twin)
    for piece in tokens(twin, 2, sum(sizes)).split(sizes, 1):
        found.append(twin(piece, cache, source_BR=source, prefix=prefix))
        source = None
    return torch.cat(found, 1)


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("sizes", [FULL([4]), FULL([5]), [13], FULL([3, 1, 1, 1]), [7, 1], FULL([4, 9])], ids=str)
def test_a_growing_cache_holds_what_state_says(kind: str, sizes: list[int]) -> None:
    model = model_of(kind)
    twin = build(model)
    cache = twin.new_cache(2)
    read(twin, cache, sizes)
    source = {"source": SOURCE} if model.encoder is not None else {}
    assert cached_elements(cache) == llmcmp.kvcache(model, sum(sizes), 2, **source).elements > 0
    assert cache.length == sum(sizes)


@pytest.mark.parametrize("kind", DECODERS)
def test_each_slot_holds_what_the_states_of_its_component_say(kind: str) -> None:
    model = model_of(kind)
    twin = build(model)
    cache = twin.new_cache(2)
    read(twin, cache, [TOKENS])
    blocks = {number: layers.block for layers in model.tower.layers() for number in layers.numbers}
    for number, slots in enumerate(cache.layers):
        states = {name: mixer.state() for name, mixer in blocks[number].mixers()}
        held = {name: sum(tensor.numel() for tensor in slot.tensors().values()) for name, slot in slots.items()}
        assert held == {
            name: sum(2 * state.elements(TOKENS, SOURCE) for state in kept) for name, kept in states.items() if kept
        }


# A memory of hidden states is not allocated ahead: it grows up to its size.
@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind not in ("segment", "adaptive")])
def test_a_static_cache_holds_what_state_says_of_its_capacity(kind: str) -> None:
    model = model_of(kind)
    twin = build(model)
    cache = twin.new_cache(2, 20, SOURCE)
    before = [tensor.data_ptr() for tensor in cache.tensors() if tensor.numel()]
    read(twin, cache, [7, 1, 5])
    source = {"source": SOURCE} if model.encoder is not None else {}
    assert cached_elements(cache) == llmcmp.kvcache(model, 20, 2, **source).elements
    assert {*before} <= {tensor.data_ptr() for tensor in cache.tensors()}, "storage moved"


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("capacity", [None, TOKENS, FULL(40)])
@pytest.mark.parametrize("sizes", [FULL([3] + [1] * 10), FULL([7, 6]), [2, 1, 5, 1, 1, 1, 2]], ids=str)
def test_passes_with_a_cache_are_one_prefill(kind: str, capacity: int | None, sizes: list[int]) -> None:
    twin = build(model_of(kind))
    prefix = sizes[0]  # what a prefix decoder attends in both directions is the same on both sides
    whole = twin(tokens(twin, 2, TOKENS), source_BR=source_of(twin), prefix=prefix)
    pieces = read(twin, twin.new_cache(2, capacity, SOURCE), sizes, prefix)
    if kind in ("segment", "adaptive"):  # within a memory's reach all is one segment, beyond it earlier ones are lost
        whole, pieces = whole[:, :8], pieces[:, :8]
    torch.testing.assert_close(pieces, whole, **CLOSE)


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("capacity", [None, 40])
def test_a_cache_that_is_reset_starts_over(kind: str, capacity: int | None) -> None:
    twin = build(model_of(kind))
    cache = twin.new_cache(2, capacity, SOURCE)
    first = read(twin, cache, [9, 1, 3])
    cache.reset()
    assert cache.length == 0
    assert torch.equal(read(twin, cache, [9, 1, 3]), first)


@pytest.mark.parametrize("kind", ["latent", "latent queries"])
@pytest.mark.parametrize("sizes", [[7], [6, 1], [2, 5]], ids=str)
def test_absorbed_and_expanded_latent_attention_give_the_same(kind: str, sizes: list[int]) -> None:
    twin = build(model_of(kind))
    found = []
    for plan in ("expanded", "absorbed", "auto"):
        for layer in twin.layers:
            layer.attention.plan = plan
        found.append(read(twin, twin.new_cache(2, 20), sizes))
    torch.testing.assert_close(found[1], found[0], **CLOSE)
    torch.testing.assert_close(found[2], found[0], **CLOSE)
