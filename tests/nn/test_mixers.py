"""Twins of recurrent mixers: their scans against the recurrence run token by token, and what they hold and count."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from tiny import MIXERS, mixing, tiny
from twins import ALL, MIXED

import llmcmp
from llmcmp.ops import Convolve, Plan, Run, Scan

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = pytest.importorskip("torch")

from llmcmp.nn import delta, mamba, mamba2  # noqa: E402 - they need torch
from llmcmp.nn.build import build, names  # noqa: E402
from llmcmp.nn.count import cached_elements, counted_flops, counter, recurrent_flops, tokens  # noqa: E402
from llmcmp.nn.recurrence import CHUNK, StateSlot  # noqa: E402

RECURRENT = list(MIXED)
LENGTHS = [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]

# Results are of size one and made of sums of up to a hundred products in fp32; the recurrence runs in fp64.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}

B, G, R, K, V = 2, 3, 2, 5, 7


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(1)


def slot_of(state: Tensor | None) -> Any:
    return None if state is None else StateSlot(state.clone(), torch.zeros(1, 1, 1))


def starts(shape: tuple[int, ...]) -> list[Tensor | None]:
    return [None, torch.zeros(shape), torch.randn(shape)]


def each_token(
    state: Tensor, decay: Tensor, k: Tensor, v: Tensor, q: Tensor, beta: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The recurrence of ops.Scan on B x G x K x R x V, in fp64."""
    state, results = state.double(), []
    for t in range(k.shape[1]):
        state = state * decay[:, t, :, None, :, None].double()
        value, key = v[:, t].double(), k[:, t, :, :, None, None].double()
        if beta is not None:
            value = beta[:, t].unsqueeze(-1).double() * (value - (state * key).sum(2))
        state = state + key * value.unsqueeze(2)
        results.append((state * q[:, t, :, :, None, None].double()).sum(2))
    return torch.stack(results, 1), state


@pytest.mark.parametrize("new", LENGTHS)
@pytest.mark.parametrize("start", [0, 1, 2])
def test_chunks_of_mamba2_are_the_recurrence(new: int, start: int) -> None:
    q, k = torch.randn(B, new, G, K), torch.randn(B, new, G, K)
    v, log = torch.randn(B, new, G, R, V), -0.3 * torch.rand(B, new, G, R)
    state = starts((B, G, K, R, V))[start]
    slot = slot_of(state)
    y = mamba2.scanned(q, k, v, log, slot, fresh=start < 2)
    expected, end = each_token(torch.zeros(B, G, K, R, V) if state is None else state, log.exp(), k, v, q, None)
    torch.testing.assert_close(y.double(), expected, **CLOSE)
    if slot is not None:
        torch.testing.assert_close(slot.state.double(), end, **CLOSE)


@pytest.mark.parametrize("new", LENGTHS)
@pytest.mark.parametrize("start", [0, 1, 2])
def test_chunks_of_the_delta_net_are_the_recurrence(new: int, start: int) -> None:
    q, k = (torch.nn.functional.normalize(torch.randn(B, new, G, K), dim=-1) for _ in range(2))
    v, log = torch.randn(B, new, G, R, V), -0.3 * torch.rand(B, new, G, R)
    beta = torch.rand(B, new, G, R)
    state = starts((B, G, K, R, V))[start]
    slot = slot_of(state)
    y = delta.scanned(q, k, v, beta, log, slot, fresh=start < 2)
    expected, end = each_token(torch.zeros(B, G, K, R, V) if state is None else state, log.exp(), k, v, q, beta)
    torch.testing.assert_close(y.double(), expected, **CLOSE)
    if slot is not None:
        torch.testing.assert_close(slot.state.double(), end, **CLOSE)


@pytest.mark.parametrize("new", LENGTHS)
@pytest.mark.parametrize("start", [0, 1, 2])
def test_chunks_of_mamba_are_the_recurrence(new: int, start: int) -> None:
    channels = G * R
    v, step = torch.randn(B, new, channels), torch.rand(B, new, channels)
    k, q = torch.randn(B, new, K), torch.randn(B, new, K)
    rate = -0.3 * torch.rand(channels, K)
    state = starts((B, channels, K))[start]
    slot = slot_of(state)
    y = mamba.scanned(v, step, k, q, rate, slot)
    held, results = (torch.zeros(B, channels, K) if state is None else state).double(), []
    for t in range(new):
        held = held * (step[:, t, :, None] * rate).double().exp() + ((step * v)[:, t, :, None] * k[:, t, None]).double()
        results.append((held * q[:, t, None].double()).sum(-1))
    torch.testing.assert_close(y.double(), torch.stack(results, 1), **CLOSE)
    if slot is not None:
        torch.testing.assert_close(slot.state.double(), held, **CLOSE)


@pytest.mark.parametrize("kind", RECURRENT)
def test_parameters_are_the_weights_name_by_name(kind: str) -> None:
    model = tiny(ALL[kind])
    shapes = {name: tuple(size for _, size in weight.axes) for name, _, weight in names(model)}
    assert {name: tuple(p.shape) for name, p in build(model).named_parameters()} == shapes


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("capacity", [None, 90])
def test_a_cache_holds_what_state_says_at_any_length(kind: str, capacity: int | None) -> None:
    model = tiny(ALL[kind])
    twin = build(model)
    held = twin.new_cache(3, capacity)
    for length in (0, 5, 70):
        held.reset()
        if length:
            with torch.no_grad():
                twin(tokens(twin, 3, length), held)
        expected = llmcmp.kvcache(model, length if capacity is None else capacity, 3).elements
        assert cached_elements(held) == expected
        for layer in held.layers:
            for slot in layer.values():
                assert slot.tensors().get("recurrent state", torch.empty(0)).dtype == torch.float32


@pytest.mark.parametrize("kind", MIXERS)
def test_tensors_of_a_slot_are_the_states_by_name(kind: str) -> None:
    model = tiny(ALL[kind])
    (layers,) = model.tower.layers()
    component = dict(layers.block.parts())["mixer"]
    slot = build(model).layers[0].mixer.new_slot(2, None, 0, "cpu", torch.bfloat16)
    tensors = slot.tensors()
    assert {state.name: 2 * state.elements(7, 0) for state in component.state()} == {
        name: tensor.numel() for name, tensor in tensors.items()
    }
    assert [tensor.dtype for tensor in tensors.values()] == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_cache_that_is_reset_starts_over(kind: str) -> None:
    twin = build(tiny(ALL[kind]))
    held, ids = twin.new_cache(2, 90), tokens(twin, 2, 70)
    with torch.no_grad():
        first = twin(ids, held)
        twin(ids[:, :1], held)
        held.reset()
        assert torch.equal(twin(ids, held), first)


def uncounted(model: llmcmp.Model, **sizes: Any) -> int:
    """What `flops` says less the recurrences."""
    counted = llmcmp.flops(model, 2, **sizes, plan=Plan(latent="expanded"))
    return counted.full - counted.components.get("scan", 0) - counted.components["convolution"]


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize(("new", "past"), [(1, 0), (7, 0), (150, 0), (1, 9), (3, 9), (70, 9), (150, 70)])
def test_counted_flops_are_the_fold_but_for_what_chunks_add(kind: str, new: int, past: int) -> None:
    model = tiny(ALL[kind])
    twin = build(model)
    expected = uncounted(model, new=new, past=past) + recurrent_flops(twin, 2, new, past)
    assert counted_flops(twin, 2, new, past) == expected


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("new", [1, 7, 150])
def test_counted_flops_of_a_training_step_are_the_fold_but_for_what_chunks_add(kind: str, new: int) -> None:
    model = tiny(ALL[kind])
    twin = build(model)
    expected = uncounted(model, new=new, training=True) + recurrent_flops(twin, 2, new, training=True)
    assert counted_flops(twin, 2, new, training=True) == expected


@pytest.mark.parametrize("kind", ["mamba-2", "delta"])
def test_a_step_computes_the_scan_and_nothing_else(kind: str) -> None:
    """Every multiply-add of the recurrence is a product that torch counts, and there is no other."""
    model = tiny(ALL[kind])
    assert recurrent_flops(build(model), 2, 1, 9) == llmcmp.flops(model, 2, new=1, past=9).components["scan"]


@pytest.mark.parametrize("kind", RECURRENT)
def test_packing_changes_no_logit_and_no_name(kind: str) -> None:
    plain, packed = build(tiny(ALL[kind])), build(tiny(ALL[kind])).pack()
    assert [name for name, _ in plain.named_parameters()] == [name for name, _ in packed.named_parameters()]
    ids = tokens(plain, 2, 70)
    with torch.no_grad():
        # Wider products sum in another order, and norms of small results magnify what is lost.
        torch.testing.assert_close(packed(ids), plain(ids), rtol=1e-3, atol=1e-3)
    for (name, a), (_, b) in zip(plain.named_parameters(), packed.named_parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("kind", RECURRENT)
def test_every_weight_of_a_mixer_has_a_gradient(kind: str) -> None:
    twin = build(tiny(ALL[kind]))
    twin(tokens(twin, 2, 70)).logsumexp(-1).sum().backward()
    assert [name for name, p in twin.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("kind", MIXERS)
def test_half_precision_keeps_its_state_in_fp32(kind: str) -> None:
    twin = build(tiny(mixing(kind)), dtype=torch.bfloat16)
    held = twin.new_cache(2, 20)
    with torch.no_grad():
        for count in (9, 1):
            assert twin(tokens(twin, 2, count), held).dtype == torch.bfloat16


def test_the_counter_sees_no_convolution() -> None:
    twin = build(tiny(ALL["mamba"]))
    kernels = twin.layers[0].mixer.kernels
    with counter() as counts, torch.no_grad():
        kernels(torch.randn(2, 12, 30), 9)
    assert counts.get_total_flops() == 0
    component = dict(twin.model.tower.layers()[0].block.parts())["mixer"]
    ops = list(component.ops(Run(batch=2, new=9), Plan(latent="expanded")))
    assert sum(op.flops for op in ops if isinstance(op, Convolve)) > 0
    assert sum(isinstance(op, Scan) for op in ops) == 1
