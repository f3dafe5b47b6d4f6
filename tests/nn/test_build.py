"""Building: the same seed gives the same weights, none is zero, and packing changes nothing that can be seen."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from twins import ALL, PLAIN, model_of  # noqa: E402 - after torch is known to be there

from llmcmp.nn.build import build  # noqa: E402
from llmcmp.nn.count import tokens  # noqa: E402

# Wider products sum in another order; logits are of size one.
CLOSE = {"rtol": 1e-5, "atol": 2e-5}


@pytest.mark.parametrize("kind", ALL)
def test_weights_follow_from_the_seed(kind: str) -> None:
    first, again, other = (list(build(model_of(kind), seed=seed).state_dict().values()) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert all(tensor.count_nonzero() == tensor.numel() for tensor in first)


@pytest.mark.parametrize("kind", ALL)
def test_on_the_meta_device_nothing_is_held(kind: str) -> None:
    assert {tensor.device.type for tensor in build(model_of(kind), "meta").state_dict().values()} == {"meta"}


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("new", [1, 7])
def test_packing_changes_no_name_no_value_and_no_logit(kind: str, new: int) -> None:
    plain, packed = build(model_of(kind)), build(model_of(kind)).pack()
    for (name, a), (other, b) in zip(plain.named_parameters(), packed.named_parameters(), strict=True):
        assert name == other and torch.equal(a, b)
    ids, source = tokens(plain, 2, new), tokens(plain, 2, 5) if plain.model.encoder is not None else None
    with torch.no_grad():
        torch.testing.assert_close(packed(ids, source_BR=source), plain(ids, source_BR=source), **CLOSE)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_packed_parameter_that_is_changed_changes_the_logits(kind: str) -> None:
    twin = build(model_of(kind)).pack()
    ids, source = tokens(twin, 2, 7), tokens(twin, 2, 5) if twin.model.encoder is not None else None
    with torch.no_grad():
        before = twin(ids, source_BR=source)
        for name, parameter in twin.named_parameters():
            if name.endswith((".value.weight", ".value_up.weight", ".up.weight")):
                parameter.mul_(1.5)
        assert not torch.allclose(twin(ids, source_BR=source), before)
