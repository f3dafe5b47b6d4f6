"""Stretched rotary frequencies are those of transformers, and a rule that lacks a number is refused."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS  # noqa: E402 - after it is known to be there

from llmcmp.components.positions import Rotary, Scaling  # noqa: E402
from llmcmp.errors import ModelError  # noqa: E402
from llmcmp.nn.positions import stretched  # noqa: E402

WIDTH, THETA = 24, 7e4
LLAMA3 = {"kind": "llama3", "factor": 8.0, "original": 96, "fast": 4.0, "slow": 1.0}
YARN = {"kind": "yarn", "factor": 5.0, "original": 96, "fast": 20.0, "slow": 2.0}
CASES: list[dict[str, Any]] = [
    {"kind": "linear", "factor": 3.0},
    LLAMA3,
    YARN,
    {**YARN, "attention_factor": 1.3},
    {**YARN, "truncate": False},
]
THEIRS = {"kind": "rope_type", "original": "original_max_position_embeddings", "fast": "beta_fast", "slow": "beta_slow"}
THEIRS_OF_LLAMA3 = {**THEIRS, "fast": "high_freq_factor", "slow": "low_freq_factor"}


@pytest.mark.parametrize("scaling", CASES, ids=lambda scaling: "-".join(map(str, scaling.values())))
def test_frequencies_and_their_factor_are_those_of_transformers(scaling: dict[str, Any]) -> None:
    names = THEIRS_OF_LLAMA3 if scaling["kind"] == "llama3" else THEIRS
    parameters = {names.get(key, key): value for key, value in scaling.items()} | {"rope_theta": THETA}
    config = transformers.LlamaConfig(
        hidden_size=2 * WIDTH, num_attention_heads=2, max_position_embeddings=960, rope_parameters=parameters
    )
    expected, factor = ROPE_INIT_FUNCTIONS[scaling["kind"]](config, "cpu")
    ours, ours_factor = stretched(Rotary(theta=THETA, scaling=Scaling(**scaling)), WIDTH)
    # Both round to single precision after every operation, in another order.
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=0)
    assert ours_factor == pytest.approx(factor, rel=1e-12)  # the same formula in double precision


def test_equal_bounds_of_llama3_make_a_step() -> None:
    scaling = Scaling(**{**LLAMA3, "fast": 1.0})
    plain, stepped = (stretched(Rotary(theta=THETA, scaling=s), WIDTH)[0] for s in (None, scaling))
    assert {*(stepped / plain).tolist()} == {1.0, 1 / 8}


@pytest.mark.parametrize(("scaling", "lacks"), [(YARN, "original"), (LLAMA3, "original"), (YARN, "factor")])
def test_a_scaling_that_lacks_a_number_is_refused_by_its_name(scaling: dict[str, Any], lacks: str) -> None:
    left = {key: value for key, value in scaling.items() if key != lacks}
    with pytest.raises(ModelError, match=lacks):
        stretched(Rotary(scaling=Scaling(**left)), WIDTH)
