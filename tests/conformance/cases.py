"""Which presets and sizes a conformance test runs on: a few at once, all of them under `-m full`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from .oracle import reference_model
from .references import QUICK, preset_references
from .shrink import shrunken

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model

    from .references import Reference

SEEDS = range(4)  # of the full form; the quick one has the first


def each_preset(*, without: Callable[[Reference], bool] = lambda reference: False) -> pytest.MarkDecorator:
    """Parametrise by `preset` at its full size."""
    presets = [preset for preset, reference in preset_references().items() if not without(reference)]
    return pytest.mark.parametrize("preset", [pytest.param(name, marks=_marks(name, 0)) for name in presets])


def each_shrunken(
    *, where: Callable[[Reference], bool] = lambda reference: True, but: tuple[str, ...] = ()
) -> pytest.MarkDecorator:
    """Parametrise by `preset` and `seed` of its small sizes."""
    presets = [preset for preset, reference in preset_references().items() if where(reference) and preset not in but]
    cases = [
        pytest.param(name, seed, marks=_marks(name, seed))
        for name in presets
        for seed in SEEDS
        if seed == 0 or name in QUICK
    ]
    return pytest.mark.parametrize(("preset", "seed"), cases)


def _marks(preset: str, seed: int) -> tuple[pytest.MarkDecorator, ...]:
    return () if preset in QUICK and seed == 0 else (pytest.mark.full,)


@cache
def pair(preset: str, seed: int) -> tuple[Model, Any]:
    """A shrunken preset and the transformers model of the same sizes."""
    model = shrunken(preset, seed)
    return model, reference_model(preset_references()[preset], model)
