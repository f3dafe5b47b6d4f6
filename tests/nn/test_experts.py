"""However experts are run, one after another, sorted, grouped or brought to each token, they give the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from tiny import tiny  # noqa: E402
from twins import ALL, EXPERT_KINDS  # noqa: E402 - after torch is known to be there

from llmcmp.nn.build import build  # noqa: E402

# Sums of a few dozen products of size one in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
each_kind = pytest.mark.parametrize("kind", EXPERT_KINDS)
each_packing = pytest.mark.parametrize("packed", [False, True], ids=["apart", "packed"])


def experts(kind: str, packed: bool = False, dtype: Any = torch.float32, width: int = 11) -> Any:
    feed_forward = copy.deepcopy(ALL[kind]["feed_forward"])
    feed_forward["expert"]["intermediate"] = width
    twin = build(tiny(ALL[kind], feed_forward=feed_forward), dtype=dtype)
    return (twin.pack() if packed else twin).layers[1].feed_forward


def rows(count: int, dtype: Any = torch.float32) -> Any:
    return torch.randn(count, 24, generator=torch.Generator().manual_seed(count)).to(dtype)


def by_definition(layer: Any, x_RD: Any) -> Any:
    """Each row through each of its experts, written as the formula says."""
    network, (weights_RC, chosen_RC), found = layer.experts, layer.router(x_RD), []
    for x, weights, chosen in zip(x_RD, weights_RC, chosen_RC, strict=True):
        total = torch.zeros_like(x)
        for weight, expert in zip(weights, chosen, strict=True):
            given = x * weight if layer.weights_input else x
            read = tuple(
                linear.weight[expert] @ given + (0 if linear.bias is None else linear.bias[expert])
                for linear in network.inputs()
            )
            down = network.down.weight[expert] @ network.inner(read)
            down = down if network.down.bias is None else down + network.down.bias[expert]
            total = total + (down if layer.weights_input else down * weight)
        found.append(total)
    return torch.stack(found)


@each_kind
@each_packing
@pytest.mark.parametrize("count", [1, 2, 17])
@torch.no_grad()
def test_sorted_and_brought_experts_are_the_definition(kind: str, packed: bool, count: int) -> None:
    layer, x = experts(kind, packed), rows(count)
    routed, expected = layer.router(x), by_definition(layer, x)
    torch.testing.assert_close(layer._sorted(x, *routed), expected, **CLOSE)
    torch.testing.assert_close(layer._brought(x, *routed), expected, **CLOSE)
    torch.testing.assert_close(layer._routed(x, *routed), expected, **CLOSE)


@each_kind
@each_packing
@torch.no_grad()
def test_the_experts_of_one_token_are_the_definition(kind: str, packed: bool) -> None:
    layer, x = experts(kind, packed), rows(1)
    torch.testing.assert_close(layer._one_token(x, *layer.router(x)), by_definition(layer, x), **CLOSE)


@each_kind
@each_packing
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@torch.no_grad()
def test_grouped_experts_are_those_in_a_loop(kind: str, packed: bool, dtype: Any) -> None:
    layer, x = (
        experts(kind, packed, dtype, width=16),
        rows(17, dtype),
    )  # rows of grouped matrices are aligned to 16 bytes
    _, chosen_RC = layer.router(x)
    counts = torch.bincount(chosen_RC.flatten(), minlength=layer.router.weight.shape[0])
    counts[0], counts[1] = counts[0] + counts[1], 0  # an expert that nobody visits
    inputs = rows(int(counts.sum()), dtype)
    # bfloat16 keeps 8 bits, and both ways round between their products.
    close = CLOSE if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    torch.testing.assert_close(layer._grouped(inputs, counts), layer._looped(inputs, counts), **close)


@each_kind
def test_only_visited_experts_have_a_gradient(kind: str) -> None:
    layer, x = experts(kind), rows(2)
    layer(x).sum().backward()
    visited = {*layer.router(x)[1].flatten().tolist()}
    touched = layer.experts.down.weight.grad.flatten(1).any(1).nonzero().flatten().tolist()
    assert {*touched} == visited
