"""FLOPs obey the algebra of runs, and sweeps answer as scalars do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import DENSE, ENCODER, ENCODER_DECODER, KINDS, disclosed, tiny

import llmcmp
from llmcmp.errors import QuantityError, UndisclosedError
from llmcmp.folds.flops import flops
from llmcmp.ops import Plan

CAUSAL = [name for name in KINDS if name not in ("prefix", "segment")]
SMALL = st.integers(1, 9)


@pytest.mark.parametrize("kind", CAUSAL)
def test_decode_steps_sum_to_causal_prefill(kind: str) -> None:
    model, plan = tiny(KINDS[kind]), Plan(latent="absorbed")
    for tokens in (1, 2, 7, 11):
        steps = sum(flops(model, new=1, past=past, causal=True, plan=plan).total for past in range(tokens))
        assert steps == flops(model, new=tokens, causal=True, plan=plan).total


def test_decode_steps_after_a_prefix_sum_to_the_prefill_that_holds_it() -> None:
    model = tiny(KINDS["prefix"])
    whole = flops(model, new=9, prefix=4, causal=True).total
    steps = [flops(model, new=1, past=past, prefix=4, causal=True).total for past in range(4, 9)]
    assert flops(model, new=4, prefix=4, causal=True).total + sum(steps) == whole


def test_a_prefix_sees_itself_in_both_directions_by_default() -> None:
    model = tiny(KINDS["prefix"])
    assert flops(model, new=9, causal=True).total == flops(model, new=9).total
    assert flops(model, new=9, causal=True).total > flops(model, new=9, prefix=0, causal=True).total


@pytest.mark.parametrize("kind", CAUSAL)
@given(first=SMALL, second=SMALL)
@settings(max_examples=20, deadline=None)
def test_chunks_of_a_prefill_sum_to_the_whole(kind: str, first: int, second: int) -> None:
    model, plan = tiny(KINDS[kind]), Plan(latent="absorbed")
    chunks = flops(model, new=first, causal=True, plan=plan).total
    chunks += flops(model, new=second, past=first, causal=True, plan=plan).total
    assert chunks == flops(model, new=first + second, causal=True, plan=plan).total


@pytest.mark.parametrize("kind", KINDS)
def test_flops_are_linear_in_the_batch(kind: str) -> None:
    model = tiny(KINDS[kind])
    one = flops(model, new=3, past=6)
    shared = 2 * min(6 + 3, 7 + 3) * 24 * 15 * 3 if kind == "segment" else 0  # distances, the same for all sequences
    assert flops(model, 5, new=3, past=6).total - shared == 5 * (one.total - shared)


@pytest.mark.parametrize("kind", KINDS)
def test_components_sum_to_the_total(kind: str) -> None:
    for causal in (False, True):
        counted = flops(tiny(KINDS[kind]), 2, new=5, past=0, causal=causal)
        assert sum(counted.components.values()) == counted.total
        assert counted.total == (counted.visible if causal else counted.full)
        assert counted.visible <= counted.full


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_is_three_forward_passes_less_gradients_of_constants(kind: str) -> None:
    model = tiny(KINDS[kind])
    plan = Plan(latent="expanded")
    # Transformer-XL projects 5 sinusoids of distances in 3 layers, to which no gradient goes back.
    constants = 3 * 2 * 5 * 24 * 15 if kind == "segment" else 0
    for causal in (False, True):
        forward = flops(model, 2, new=5, causal=causal, plan=plan).total
        assert flops(model, 2, new=5, causal=causal, plan=plan, training=True).total == 3 * forward - constants


@pytest.mark.parametrize("kind", KINDS)
def test_sweeps_equal_scalars_point_by_point(kind: str) -> None:
    model = tiny(KINDS[kind])
    rng = np.random.default_rng(5)
    batch, new, past = rng.integers(1, 50, 60), rng.integers(0, 40, 60), rng.integers(0, 40, 60)
    swept = flops(model, batch, new=new, past=past)
    for i in range(60):
        point = flops(model, int(batch[i]), new=int(new[i]), past=int(past[i]))
        assert swept.total[i] == point.total
        assert swept.visible[i] == point.visible
        assert swept.elementwise[i] == point.elementwise
        for part, amount in point.components.items():
            assert np.broadcast_to(swept.components[part], (60,))[i] == amount


def test_sizes_broadcast_as_arrays_do() -> None:
    grid = flops(tiny(), np.array([[1], [2]]), new=1, past=np.array([3, 5, 7]))
    assert grid.total.shape == (2, 3)
    assert grid.total[1, 2] == flops(tiny(), 2, new=1, past=7).total


def test_a_sweep_that_would_wrap_64_bits_is_float_and_true_to_1e_15() -> None:
    model = llmcmp.load("llama3.1-405b")
    batch, new = np.array([1, 10**6]), np.array([1000, 10**7])
    swept = flops(model, batch, new=new).total
    assert swept.dtype == np.float64
    for i in range(2):
        exact = flops(model, int(batch[i]), new=int(new[i])).total
        assert exact > 2**63 or i == 0
        # 53 bits of a float hold 1.1e-16; a dozen sums and products stay below 1e-15.
        assert abs(int(swept[i]) - exact) <= exact * 1e-15


def test_scalars_are_exact_beyond_64_bits() -> None:
    model = llmcmp.load("llama3.1-405b")
    total = flops(model, 10**6, new=10**7).total
    assert type(total) is int
    assert total == 10**6 * flops(model, new=10**7).total > 2**64


def test_latent_attention_takes_the_cheaper_plan_and_names_it() -> None:
    model = llmcmp.load("deepseek-v3")
    for sizes in ({"new": 1, "past": 4095}, {"new": 4096}, {"new": 64, "past": 10_000}):
        totals = {latent: flops(model, **sizes, plan=Plan(latent=latent)).total for latent in ("absorbed", "expanded")}
        chosen = flops(model, **sizes)
        assert chosen.total == min(totals.values()) == totals[chosen.plan.latent]


def test_a_sweep_names_the_plan_at_each_point() -> None:
    model = llmcmp.load("deepseek-v3")
    swept = flops(model, new=np.array([1, 4096]), past=np.array([4095, 0]))
    assert [plan.latent for plan in swept.plan] == ["absorbed", "expanded"]
    assert flops(model, new=1, past=np.array([4000, 5000])).plan == Plan(latent="absorbed")


def test_logits_for_the_last_position_save_the_rest_of_the_head() -> None:
    model = tiny()
    saved = flops(model, 3, new=7).total - flops(model, 3, new=7, logits="last").total
    assert saved == 2 * 3 * 6 * 24 * 101


def test_an_encoder_reads_its_source_once() -> None:
    model = tiny(ENCODER_DECODER)
    encode = flops(model, new=0, source_new=7).total
    decode = flops(model, new=1, past=3, source_past=7).total
    both = flops(model, new=1, past=3, source_new=7).total
    assert both == encode + decode


def test_an_encoder_attends_in_full_by_either_convention() -> None:
    counted = flops(tiny(ENCODER), new=7)
    assert counted.visible == counted.full


@pytest.mark.parametrize(
    ("document", "sizes"),
    [
        (DENSE, {"new": 1, "source_new": 3}),
        (DENSE, {"new": 1, "prefix": 1}),
        (DENSE, {"new": -1}),
        (DENSE, {"new": 1.5}),
        (DENSE, {"new": 1, "batch": 0}),
        (DENSE, {"new": 1, "logits": "some"}),
        (ENCODER, {"new": 1, "past": 3}),
        (ENCODER_DECODER, {"new": 1}),
        (ENCODER_DECODER, {"new": 1, "source_new": 2, "source_past": 2}),
        (KINDS["prefix"], {"new": 2, "prefix": 3}),
        (KINDS["prefix"], {"new": 2, "past": 1, "prefix": 2}),
        (KINDS["prefix"], {"new": np.array([2, 9]), "prefix": np.array([2, 10])}),
    ],
)
def test_sizes_that_a_model_has_no_use_for_are_refused(document: dict[str, Any], sizes: dict[str, Any]) -> None:
    with pytest.raises(QuantityError):
        flops(tiny(document), **sizes)


def test_an_undisclosed_model_is_refused() -> None:
    with pytest.raises(UndisclosedError, match="gpt-4"):
        flops(llmcmp.load("gpt-4"), new=1)


def test_every_preset_costs_its_active_parameters_twice_a_token() -> None:
    """Matmul FLOPs of one token are twice the active weights that multiply it (arXiv 2001.08361, 2.1)."""
    for model in disclosed():
        if model.card.architecture != "decoder-only" or model.name == "transformer-xl":
            continue
        counted = flops(model, new=1, plan=Plan(latent="expanded"))
        products = counted.total - sum(counted.components.get(part, 0) for part in ("attention scores", "scan"))
        sizes = llmcmp.params(model)
        vectors = sum(
            weight.elements * use.copies
            for use, weight in _weights(model)
            if (len(weight.axes) - (weight.visits is not None) < 2 or weight.name == "decay_log")
            and weight.part not in ("embedding", "position", "head")
        )
        visited = sum(
            (weight.elements - weight.active) * use.copies
            for use, weight in _weights(model)
            if weight.visits is not None and len(weight.axes) == 2
        )
        head = counted.components["head"]
        assert products - head == 2 * (sizes.active_non_embedding - vectors + visited), model.name


def _weights(model: llmcmp.Model) -> list[Any]:
    from llmcmp.folds.params import stored
    from llmcmp.model import walk

    return [(use, weight) for use, weight in stored(walk(model)) if not weight.buffer]
