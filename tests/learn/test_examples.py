"""What lessons compute: the figures of the folds, changes that equal overrides, and small cases worked by hand."""

from __future__ import annotations

import json
from itertools import combinations, product
from math import inf, pi
from typing import Any

import pytest

from llmcmp.components.experts import Experts, Router
from llmcmp.components.feed_forward import Gated
from llmcmp.components.positions import slopes
from llmcmp.errors import ModelError, UndisclosedError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.folds.params import params
from llmcmp.folds.traffic import traffic
from llmcmp.learn import Explanation, explain, terms
from llmcmp.learn.changes import AS_RELEASED, CHANGES, changed
from llmcmp.learn.computed import COMPUTED
from llmcmp.learn.computed.attention import INDEX_DIM, INDEX_HEADS
from llmcmp.learn.computed.routing import reachable
from llmcmp.learn.computed.scaling import CHINCHILLA, KAPLAN, chinchilla_loss, kaplan_loss
from llmcmp.learn.computed.serving import expected_tokens
from llmcmp.learn.computed.storage import FORMATS, Format, split
from llmcmp.learn.computed.training import corrupted, frozen_bytes, trained_bytes
from llmcmp.learn.figures import QUANTITIES
from llmcmp.learn.term import find
from llmcmp.ops import Draw
from llmcmp.sources.presets import load

each_term = pytest.mark.parametrize("name", [term.name for term in terms()])


def rows(name: str, model: str | None = None) -> list[dict[str, Any]]:
    table = explain(name, None if model is None else load(model)).table
    return [dict(row) for row in table.document()["rows"]]


@each_term
def test_every_term_computes_something_on_its_models(name: str) -> None:
    shown = explain(name)
    assert shown.table.rows and shown.table.settings["models"] == list(shown.term.example.models)
    assert {row["model"] for row in shown.table.rows} == set(shown.term.example.models)
    for column in shown.table.columns:
        assert column.machine or any(row.get(column.key) is not None for row in shown.table.rows)
    json.dumps(shown.document())


@each_term
def test_an_example_uses_what_it_explains(name: str) -> None:
    shown = explain(name)
    if shown.users:
        listed = {model for names in shown.users.values() for model in names}
        assert listed & set(shown.term.example.models)


@each_term
def test_markdown_holds_every_section(name: str) -> None:
    shown = explain(name)
    text = shown.markdown()
    for heading in ("Formula", "What it costs and saves", "Presets that use it", "Advantages", "Limits", "Sources"):
        assert f"\n## {heading}\n" in text
    assert all(source.url in text for source in shown.term.sources)
    assert shown.term.formula in text and all(paragraph in text for paragraph in shown.term.what)


def test_every_change_and_every_computation_is_used() -> None:
    assert {change for term in terms() for change in term.example.changes} == CHANGES.keys()
    assert {term.example.compute for term in terms() if term.example.compute} == COMPUTED.keys()
    assert {key for term in terms() for key in term.example.show} == QUANTITIES.keys()


@each_term
def test_every_change_changes_one_of_its_models(name: str) -> None:
    term = find(name)
    for change in term.example.changes:
        assert any(changed(load(model), change) != load(model) for model in term.example.models)


OVERRIDES = [
    ("kv_heads = heads", "llama3-8b", "kv_heads=32"),
    ("kv_heads = 1", "llama3-8b", "kv_heads=1"),
    ("kv_heads = heads", "falcon-7b", "kv_heads=71"),
    ("no window", "mistral-7b", "window=1M"),
    ("window 1,024 in every layer", "mistral-7b", "window=1024"),
    ("no sinks", "gpt-oss-20b", "attention.local.sinks=false,attention.global.sinks=false"),
    ("sliding window", "llama4-scout", "chunked=false"),
    ("no output gate", "qwen3-next-80b-a3b", "output_gate=false"),
    ("every expert visited", "mixtral-8x7b", "per_token=8"),
    ("one expert a token", "mixtral-8x7b", "per_token=1"),
    ("head of its own", "qwen2.5-1.5b", "tied=false"),
    ("whole head rotated", "gpt-neox-20b", "fraction=1.0"),
    ("RMSNorm", "gpt2-xl", "norm.kind=rms"),
    ("LayerNorm", "llama3-8b", "norm.kind=layer"),
    ("serial block", "gpt-j-6b", "parallel=false,shared_norm=false"),
]


@pytest.mark.parametrize(("change", "model", "override"), OVERRIDES)
def test_a_change_gives_what_the_same_override_gives(change: str, model: str, override: str) -> None:
    ours, theirs = changed(load(model), change), load(f"{model}:{override}")
    assert params(ours) == params(theirs)
    for size in (3, 5000, 40_000):
        assert kvcache(ours, size).bytes == kvcache(theirs, size).bytes
        one, other = flops(ours, new=size), flops(theirs, new=size)
        assert (one.total, one.visible, one.elementwise) == (other.total, other.visible, other.elementwise)


def test_grouped_queries_save_what_the_cache_fold_says() -> None:
    released, whole, one = rows("gqa")
    assert [row["change"] for row in (released, whole, one)] == [AS_RELEASED, "kv_heads = heads", "kv_heads = 1"]
    for row, name in ((released, "llama3-8b"), (whole, "llama3-8b:kv_heads=32"), (one, "llama3-8b:kv_heads=1")):
        cache = kvcache(load(name), 8192)
        assert (row["kv_bytes"], row["kv_bytes_per_token"]) == (cache.bytes, cache.bytes_per_token)
        assert row["attention_parameters"] == params(load(name)).components["attention"]
    assert (whole["ratio"], one["ratio"]) == (4, 0.125)


def test_a_latent_is_compared_with_keys_and_values_of_all_heads() -> None:
    latent, heads = rows("mla")[:2]
    assert latent["kv_elements_per_token"] == 61 * (512 + 64)
    assert heads["kv_elements_per_token"] == 61 * 128 * (192 + 128)
    assert latent["kv_bytes"] == kvcache(load("deepseek-v3"), 128 * 1024).bytes


def test_selected_keys_cost_what_as_many_keys_cost() -> None:
    found = rows("sparse-attention")
    at = {(row["context"], row["keys"]): row for row in found if row["indexer_flops"]}
    every = {row["context"]: row["decode_score_flops"] for row in found if not row["indexer_flops"]}
    assert at[131072, 2048]["decode_score_flops"] == every[2048] == 61 * 2 * 2048 * 128 * (576 + 512)
    assert at[131072, 2048]["indexer_flops"] == 61 * 2 * 131072 * INDEX_HEADS * INDEX_DIM


def test_a_gate_costs_half_as_much_again_at_equal_width() -> None:
    plain = {row["change"]: row["feed_forward_parameters"] for row in rows("swiglu") if row["model"] == "llama2-7b"}
    assert plain[AS_RELEASED] == 32 * 3 * 4096 * 11008 and plain["two matrices"] * 3 == plain[AS_RELEASED] * 2


def test_alignment_keeps_the_models_of_its_method() -> None:
    model = load("llama3-8b")
    size = params(model).total
    assert (trained_bytes(model), frozen_bytes(model)) == (16 * size, 2 * size)
    assert {row["method"]: row["bytes"] // size for row in rows("grpo")} == {
        "SFT": 16,
        "DPO": 16 + 2,
        "GRPO, by rule": 16 + 2,
        "GRPO, by model": 16 + 2 + 2,
        "PPO": 2 * 16 + 2 + 2,
    }


@pytest.mark.parametrize(
    ("name", "bits"), [("MXFP4", 4 + 8 / 32), ("NVFP4", 4 + 8 / 16), ("int4, groups of 128", 4 + 20 / 128)]
)
def test_formats_take_the_bits_that_their_page_prints(name: str, bits: float) -> None:
    each = next(each for each in FORMATS if each.name.startswith(name))
    assert (each.size(128, 256) - each.tensor) / (128 * 256) == bits


def test_short_groups_have_a_whole_scale() -> None:
    assert Format(name="", bits=4, group=32, scale=8).size(3, 33) == 4 * 99 + 8 * 2 * 3
    assert Format(name="", bits=8, group=128, rows=128, scale=32).size(129, 5) == 8 * 645 + 32 * 2
    assert Format(name="", bits=8, tensor=32).size(3, 5) == 8 * 15 + 32


@pytest.mark.parametrize("name", ["llama3-8b", "gpt-oss-20b", "deepseek-v3", "t5-base", "albert-base", "jamba-v0.1"])
def test_quantised_and_plain_weights_are_all_weights(name: str) -> None:
    matrices, rest = split(load(name))
    assert sum(count * outputs * inputs for count, outputs, inputs in matrices) + rest == params(load(name)).total
    assert rest > 0 and matrices


def test_only_whole_groups_of_experts_are_reachable() -> None:
    expert = Gated(hidden=3, intermediate=5, activation="silu")
    router = Router(groups=4, groups_per_token=2)
    mixture = Experts(hidden=3, experts=12, per_token=3, expert=expert, router=router)
    counted = sum(len({e // 3 for e in chosen}) <= 2 for chosen in combinations(range(12), 3))
    assert reachable(mixture) == counted


def test_a_batch_reads_the_experts_that_even_routing_visits() -> None:
    for row in rows("load-balancing-loss"):
        draw = Draw(experts=row["experts"], per_token=row["per_token"], tokens=row["batch"])
        assert row["expected_experts"] == draw.expected


@pytest.mark.parametrize(("accepted", "drafted"), product((0.3, 0.8), (0, 1, 3)))
def test_expected_tokens_are_one_and_each_accepted_run_of_drafts(accepted: float, drafted: int) -> None:
    assert expected_tokens(accepted, drafted) == pytest.approx(sum(accepted**i for i in range(drafted + 1)))


def test_span_corruption_gives_the_lengths_of_the_t5_paper() -> None:
    assert corrupted(568) == (512, 114)


def test_the_laws_tend_to_their_limits() -> None:
    assert chinchilla_loss(10**60, 10**60) == pytest.approx(CHINCHILLA["E"])
    assert kaplan_loss(10**9, 10**60) == pytest.approx((KAPLAN["N_c"] / 10**9) ** KAPLAN["alpha_N"])
    assert chinchilla_loss(10**9, 10**10) < chinchilla_loss(10**8, 10**10) < inf


def test_six_nd_is_near_for_a_dense_model_and_far_for_a_mixture() -> None:
    at = {(row["model"], row["context"]): row for row in rows("six-nd")}
    dense, mixture = at["llama3-8b", 512], at["mixtral-8x7b", 512]
    assert dense["train_flops_per_token"] * 512 == flops(load("llama3-8b"), new=512, training=True).total
    assert 0.97 < dense["rule_used_ratio"] < 1 < dense["rule_all_ratio"] < 3 < mixture["rule_all_ratio"]


def test_rotary_pairs_turn_as_the_paper_says() -> None:
    row = rows("rope")[0]
    assert row["shortest_tokens"] == round(2 * pi)
    assert row["longest_tokens"] == round(2 * pi * 10000 ** (126 / 128))


def test_a_raised_base_stretches_the_slowest_pair_by_the_factor() -> None:
    for row in [r for r in rows("rope-ntk") if r["model"] == "llama2-7b"]:
        assert row["longest_tokens"] == pytest.approx(row["factor"] * 54410, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "most"), [("llama3.1-8b", 0), ("llama3.2-1b", 0), ("deepseek-v3", 1), ("gpt-oss-20b", 0)]
)
def test_scalings_keep_and_divide_the_pairs_that_the_twin_does(name: str, most: int) -> None:
    from llmcmp.learn.computed.rotary import _rotations, _scaled_row
    from llmcmp.nn.positions import inverse_frequencies, stretched

    model = load(name)
    each = _rotations(model)[0]
    row, (scaled, _) = _scaled_row(model, each), stretched(each.rotary, each.width)
    assert each.rotary.scaling is not None and each.rotary.scaling.factor is not None
    plain = inverse_frequencies(each.rotary.theta, each.width)
    kept = int((scaled == plain).sum())
    divided = int((scaled / plain < 1.0001 / each.rotary.scaling.factor).sum())
    assert abs(row["kept_pairs"] - kept) <= most and abs(row["divided_pairs"] - divided) <= most


def test_slopes_are_geometric_for_powers_of_two() -> None:
    assert slopes(4) == [2**-2, 2**-4, 2**-6, 2**-8]
    assert slopes(3) == [2**-4, 2**-8, 2**-2]


def test_an_example_can_be_computed_on_another_model() -> None:
    released, whole, *_ = rows("gqa", "qwen3-8b")
    assert released["kv_bytes"] == kvcache(load("qwen3-8b"), 8192).bytes
    assert whole["kv_bytes"] == kvcache(load("qwen3-8b:kv_heads=32"), 8192).bytes


def test_a_change_reaches_every_attention_of_a_model() -> None:
    released, whole, *_ = rows("gqa", "gemma3-4b")
    assert whole["kv_bytes"] == 2 * released["kv_bytes"]


@pytest.mark.parametrize("model", ["deepseek-v3", "qwen3-next-80b-a3b", "t5-base", "bert-base", "transformer-xl"])
@each_term
def test_any_model_is_computed_or_refused_in_one_line(name: str, model: str) -> None:
    try:
        shown = explain(name, load(model))
    except ModelError as error:
        assert str(error).startswith(f"{model} does not use ") and "\n" not in str(error)
    else:
        assert isinstance(shown, Explanation) and shown.table.settings["models"] == [model]


def test_a_model_that_is_secret_is_refused() -> None:
    with pytest.raises(UndisclosedError, match="gpt-4"):
        explain("kv-cache", load("gpt-4"))


CONTEXT = 3000


def _mixture() -> dict[str, Any]:
    model = load("mixtral-8x7b")
    prefill, decode = flops(model, new=CONTEXT), flops(model, new=1, past=CONTEXT - 1)
    seen = flops(model, new=CONTEXT, causal=True), flops(model, new=1, past=CONTEXT - 1, causal=True)
    moved = traffic(model, new=CONTEXT).expected_bytes, traffic(model, new=1, past=CONTEXT - 1).expected_bytes
    cache, sizes = kvcache(model, CONTEXT), params(model)
    return {
        "parameters": sizes.total,
        "exact_parameters": sizes.total,
        "active_parameters": sizes.active,
        "weight_bytes": 2 * sizes.total,
        "attention_parameters": sizes.components["attention"],
        "exact_attention_parameters": sizes.components["attention"],
        "router_parameters": sizes.components["router"],
        "norm_parameters": sizes.components["norm"],
        "embedding_parameters": sizes.components["embedding"],
        "head_parameters": sizes.components["head"],
        "feed_forward_parameters": None,
        "kv_bytes": cache.bytes,
        "kv_bytes_per_token": cache.bytes_per_token,
        "prefill_flops": prefill.total,
        "decode_flops": decode.total,
        "elementwise_elements": prefill.elementwise,
        "prefill_score_flops": seen[0].components["attention scores"],
        "decode_score_flops": seen[1].components["attention scores"],
        "decode_bytes": moved[1],
        "prefill_intensity": prefill.total / moved[0],
        "decode_intensity": decode.total / moved[1],
        "heads": 32,
        "kv_heads": 8,
        "head_dim": 128,
        "vocabulary": 32000,
        "experts": 8,
        "per_token": 2,
        "window": None,
        "windowed_layers": 0,
        "residual_sums": 64,
        "position": "RoPE",
        "norm": "RMSNorm, pre",
        "attention": "GQA 32/8",
        "feed_forward": "2 of 8 × 14,336",
    }


def _latent() -> dict[str, Any]:
    sizes = params(load("deepseek-v3"))
    return {
        "shared_experts_parameters": sizes.components["shared experts"],
        "feed_forward_parameters": sizes.components["feed-forward"],
        "apart_parameters": 11_610_067_968,
        "buffer_elements": sizes.buffers,
        "experts": 256,
    }


def _two_towers() -> dict[str, Any]:
    sizes = params(load("t5-base"))
    return {
        "attention_parameters": sizes.components["attention"] + sizes.components["cross-attention"],
        "cross_attention_parameters": sizes.components["cross-attention"],
        "position_parameters": sizes.components["position"],
        "cross_cache_bytes": 12 * 2 * 12 * 64 * CONTEXT * 2,
        "residual_sums": 12 * 2 + 12 * 3,
    }


FIGURES: dict[str, dict[str, Any]] = {
    "mixtral-8x7b": _mixture(),
    "deepseek-v3": _latent(),
    "t5-base": _two_towers(),
    "mistral-7b": {"window": 4096, "windowed_layers": 32},
    "transformer-xl": {"projection_parameters": params(load("transformer-xl")).components["projection"]},
    "mamba2-2.7b": {"linear_mixer_parameters": params(load("mamba2-2.7b")).components["linear mixer"]},
    "bert-base": {"decode_flops": None, "decode_bytes": None, "decode_intensity": None},
}


@pytest.mark.parametrize("model", FIGURES)
def test_quantities_are_those_of_the_folds(model: str) -> None:
    computed = {key: QUANTITIES[key].compute(load(model), CONTEXT) for key in FIGURES[model]}
    assert computed == FIGURES[model]


def test_every_quantity_is_held_to_a_fold() -> None:
    assert QUANTITIES.keys() == {key for figures in FIGURES.values() for key in figures}
