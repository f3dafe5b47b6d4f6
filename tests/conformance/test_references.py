"""The map from presets to transformers leaves nothing out, and the models that are compared are worth comparing."""

from __future__ import annotations

from fnmatch import fnmatch

import llmcmp
from llmcmp.components.positions import NoPosition
from llmcmp.sources.huggingface.anatomy import Anatomy
from llmcmp.sources.names import preset_files

from .oracle import transformers
from .references import NO_REFERENCE, QUICK, REFERENCES, SAME_MECHANISM, preset_references
from .shrink import shrunken


def test_every_disclosed_preset_has_a_reference_or_a_reason_for_none() -> None:
    for preset in preset_files():
        excused = any(fnmatch(preset, pattern) for pattern in NO_REFERENCE)
        assert (preset in preset_references()) != (excused or not llmcmp.load(preset).disclosed), preset


def test_every_pattern_names_a_preset() -> None:
    for pattern in (*NO_REFERENCE, *SAME_MECHANISM):
        assert any(fnmatch(preset, pattern) for preset in preset_files()), pattern


def test_the_quick_presets_cover_every_reference_class() -> None:
    assert {preset_references()[preset].model for preset in QUICK} == set(REFERENCES)


def test_shrunken_sizes_change_with_the_seed() -> None:
    for preset in QUICK:
        assert len({shrunken(preset, seed).towers for seed in range(3)}) == 3, preset


def test_windows_stand_at_the_layers_where_the_reference_has_them() -> None:
    for preset, reference in preset_references().items():
        if reference.caches:
            model = llmcmp.load(preset)
            cache = transformers.DynamicCache(config=reference.config_of(model))
            windows = [getattr(layer.get("attention"), "window", None) for layer in Anatomy(model).layers]
            assert [getattr(layer, "sliding_window", None) for layer in cache.layers] == windows, preset


def test_layers_without_positions_are_those_of_the_reference() -> None:
    for preset in ("llama4-scout", "llama4-maverick"):
        model = llmcmp.load(preset)
        rotates = [not isinstance(layer["attention"].position, NoPosition) for layer in Anatomy(model).layers]
        config = preset_references()[preset].config_of(model)
        assert [bool(rope) for rope in config.no_rope_layers] == rotates, preset
