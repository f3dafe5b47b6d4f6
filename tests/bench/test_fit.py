"""What does not fit is refused before anything is allocated, with what would fit."""

from __future__ import annotations

import pytest
from tiny import tiny

from llmcmp.bench import fit
from llmcmp.bench.settings import Settings, phases
from llmcmp.errors import QuantityError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.memory import weight_bytes
from llmcmp.frozen import replace
from llmcmp.sources.presets import load

INFER = Settings(scale="full", dtype="bf16", phases=("prefill", "decode"), batch=3, prompt=9, generate=2)


def test_a_run_needs_its_weights_and_its_cache_and_some_activations() -> None:
    model = tiny()
    needed = fit.needed(model, INFER, "decode")
    assert needed.weights == weight_bytes(model, "bf16")
    assert needed.cache == kvcache(model, ctx=11, batch=3, dtype="bf16").bytes
    assert needed.total > needed.weights + needed.cache


def test_training_needs_gradients_and_two_moments_too() -> None:
    model = tiny()
    assert fit.needed(model, replace(INFER, phases=("train",)), "train").weights == 4 * weight_bytes(model, "bf16")


def test_the_border_is_what_is_needed_to_the_byte() -> None:
    model = tiny()
    most = fit.most(model, INFER)
    assert fit.refusal(model, INFER, most) is None
    assert fit.refusal(model, INFER, most - 1) is not None


@pytest.mark.parametrize(
    ("name", "settings", "gib", "hint"),
    [
        ("llama3.1-405b", INFER, 80, "--scale block"),
        ("llama3-8b", Settings(scale="full"), 40, "--phase prefill,decode"),
        ("llama3-8b", Settings(scale="full"), 20, "--dtype bf16 --phase prefill,decode"),
        ("gpt2", replace(INFER, batch=2**14, prompt=512), 24, "--batch"),
        ("gpt2", replace(INFER, prompt=2**22), 24, "--prompt"),
        ("llama3.1-405b", INFER, 0, "--scale tiny"),
    ],
)
def test_a_refusal_says_what_would_fit(name: str, settings: Settings, gib: int, hint: str) -> None:
    reason = fit.refusal(load(name), settings, gib * 2**30)
    assert reason is not None and name in reason and hint in reason


def test_settings_without_meaning_are_refused() -> None:
    with pytest.raises(QuantityError, match="repeats must be at least 5"):
        Settings(repeats=4)
    with pytest.raises(QuantityError, match="choose of prefill, decode, train"):
        phases("decode,sleep")
    assert phases("train, prefill") == ("prefill", "train")
