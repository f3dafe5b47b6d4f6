"""Parameters: every preset against its published count, and the parts against the whole."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from tiny import DENSE, ENCODER, ENCODER_DECODER, EXPERTS, KINDS, disclosed, tiny

import llmcmp
from llmcmp.folds.params import params
from llmcmp.model import Model
from llmcmp.sources.presets import every_model

PRESETS = disclosed()
MIXTURES = [model for model in PRESETS if model.card.published and model.card.published.active]
_FACTORS = {"": 1, "M": 10**6, "B": 10**9, "T": 10**12}


@pytest.mark.parametrize("model", PRESETS, ids=lambda model: model.name)
def test_every_preset_has_exactly_its_known_parameters(model: Model) -> None:
    published = model.card.published
    assert published is not None
    assert params(model).total == published.exact


def test_every_disclosed_preset_knows_its_exact_count_and_who_counted_it() -> None:
    for model in PRESETS:
        assert model.card.published is not None
        assert model.card.published.exact and model.card.published.exact_from, model.name
    assert {model.name for model in every_model() if not model.disclosed} == {"gpt-3.5", "gpt-4", "baichuan3"}


def _rounds_to(text: str, count: int) -> bool:
    """Whether a count is within half a unit of the last digit that is printed."""
    match = re.fullmatch(r"([\d,]+)(?:\.(\d+))?([MBT]?)", text)
    assert match, text
    digits, fraction, factor = match[1].replace(",", ""), match[2] or "", Decimal(_FACTORS[match[3]])
    unit = factor / 10 ** len(fraction)
    return abs(Decimal(f"{digits}.{fraction or 0}") * factor - count) <= unit / 2


@pytest.mark.parametrize("model", PRESETS, ids=lambda model: model.name)
def test_the_count_rounds_to_the_published_total_or_a_note_states_it(model: Model) -> None:
    published, total = model.card.published, params(model).total
    if published is None or published.parameters is None or _rounds_to(published.parameters, total):
        return
    assert any(f"{total:,}" in note for note in model.card.notes)


@pytest.mark.parametrize(
    "model", [m for m in PRESETS if m.card.published and m.card.published.active], ids=lambda m: m.name
)
def test_the_active_count_rounds_to_the_published_one_or_a_note_says_why(model: Model) -> None:
    published, sizes = model.card.published, params(model)
    assert published is not None and published.active is not None
    left_out = {"input embedding": sizes.components["embedding"], "head": sizes.components.get("head", 0)}
    active = sizes.active - sum(left_out[name] for name in published.active_excludes)
    if not _rounds_to(published.active, active):
        assert any("active" in note for note in model.card.notes)


# (total, active, active less embeddings) worked out from the papers' tables.
FACTS = [
    ("llama2-7b", 6_738_415_616, 6_738_415_616, 6_738_415_616 - 2 * 32000 * 4096),
    ("mixtral-8x7b", 46_702_792_704, 12_879_925_248, 12_879_925_248 - 2 * 32000 * 4096),
    ("deepseek-v3", 671_026_404_352, 37_552_282_624, 35_698_924_544),
    ("gpt-oss-120b", 116_829_156_672, 5_711_982_912, 5_711_982_912 - 2 * 201088 * 2880),
    ("bert-base", 109_482_240, 109_482_240, 109_482_240 - 30522 * 768 - 512 * 768 - 2 * 768),
]


@pytest.mark.parametrize(("name", "total", "active", "active_non_embedding"), FACTS)
def test_totals_of_well_known_models(name: str, total: int, active: int, active_non_embedding: int) -> None:
    sizes = params(llmcmp.load(name))
    assert (sizes.total, sizes.active, sizes.active_non_embedding) == (total, active, active_non_embedding)


def test_deepseek_v3_lists_its_prediction_module_and_buffers_apart() -> None:
    sizes = params(llmcmp.load("deepseek-v3"))
    assert sizes.apart == {"multi-token prediction": 11_610_067_968}
    assert sizes.buffers == 58 * 256


def test_berts_masked_head_is_apart() -> None:
    assert params(llmcmp.load("bert-base")).apart == {"masked-LM head": 768 * 768 + 768 + 2 * 768 + 30522}
    assert params(llmcmp.load("albert-base")).apart == {"masked-LM head": 768 * 128 + 128 + 2 * 128 + 30000}


@pytest.mark.parametrize("model", PRESETS, ids=lambda model: model.name)
def test_parts_and_layers_sum_to_the_whole(model: Model) -> None:
    sizes = params(model)
    assert sum(sizes.components.values()) == sizes.total
    assert sum(sizes.layers) + sizes.outside == sizes.total
    assert len(sizes.layers) == sum(tower.depth for tower in model.towers)
    assert 0 < sizes.active_non_embedding <= sizes.active <= sizes.total
    assert sizes.active_non_embedding <= sizes.non_embedding <= sizes.total


def test_only_mixtures_have_inactive_parameters() -> None:
    for model in PRESETS:
        sizes = params(model)
        assert (sizes.active < sizes.total) == ("routed experts" in sizes.components), model.name


def test_shared_layers_are_stored_once_and_run_every_time() -> None:
    once = tiny(ENCODER, stack=[{"layers": 1}])
    shared = tiny(ENCODER, stack=[{"layers": 5, "shared": True}])
    assert params(shared).total == params(once).total
    block = llmcmp.flops(tiny(ENCODER, stack=[{"layers": 2}]), new=7).total - llmcmp.flops(once, new=7).total
    assert llmcmp.flops(shared, new=7).total == llmcmp.flops(once, new=7).total + 4 * block


def test_each_tower_has_its_own_bias_table_and_shares_the_embedding() -> None:
    sizes = params(tiny(ENCODER_DECODER))
    assert sizes.components["position"] == 2 * 8 * 3
    assert sizes.components["embedding"] == 101 * 24
    assert "head" not in sizes.components


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hybrid"])
def test_layers_add_their_own_and_nothing_else(kind: str) -> None:
    counts = [params(tiny(KINDS[kind], stack=[{"layers": layers}])).total for layers in (1, 2, 5)]
    assert counts[2] - counts[1] == 3 * (counts[1] - counts[0])


def test_a_pattern_cut_short_counts_the_layers_it_has() -> None:
    kinds = {"dense": DENSE["feed_forward"], "moe": EXPERTS}
    blocks = [{"feed_forward": "dense"}, {"feed_forward": "dense"}, {"feed_forward": "moe"}]
    sizes = params(tiny(feed_forward=kinds, stack=[{"layers": 7, "blocks": blocks}]))
    assert [size == sizes.layers[2] for size in sizes.layers] == [False, False, True, False, False, True, False]
