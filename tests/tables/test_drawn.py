"""The numbers of figures are those of the folds, at every point."""

from __future__ import annotations

import pytest
from tiny import ENCODER_DECODER, EXPERTS, tiny

import llmcmp
from llmcmp.folds.phases import run_sizes
from llmcmp.frozen import replace
from llmcmp.model import Model
from llmcmp.sources.devices import load_device
from llmcmp.sources.presets import load_all
from llmcmp.tables.against import lengths
from llmcmp.tables.asked import Asked
from llmcmp.tables.drawn import KINDS, drawn_table

ASKED = Asked(device=load_device("h100-sxm"))
MODELS = load_all(["llama3-8b", "deepseek-v3", "gemma3-1b", "mamba2-130m", "t5-small", "bert-base", "gpt-4"])


@pytest.mark.parametrize("kind", KINDS)
def test_no_model_vanishes_without_a_word(kind: str) -> None:
    table = drawn_table(kind, MODELS, ASKED)  # pyright: ignore[reportArgumentType] - one of the kinds
    shown = {row["model"] for row in table.rows}
    told = " ".join(note for note in table.notes if note.startswith("left out"))
    assert all(model.name in shown or model.name in told for model in MODELS)


def test_lines_end_at_the_window_or_at_the_context_asked_for() -> None:
    llama = MODELS[0]
    assert lengths(llama, ASKED) == [2**power for power in range(7, 14)]
    assert lengths(llama, replace(ASKED, context=3000)) == [128, 256, 512, 1024, 2048, 3000]
    assert lengths(llama, replace(ASKED, context=70_000))[-2:] == [65536, 70_000]
    assert lengths(llama, replace(ASKED, context=5)) == [5]


def test_every_point_of_a_line_is_the_cache_at_its_context() -> None:
    table = drawn_table("kv", MODELS, replace(ASKED, batch=3, dtype="fp8"))
    for row in table.rows:
        assert row["kv_bytes"] == llmcmp.kvcache(llmcmp.load(row["model"]), row["context"], 3, dtype="fp8").bytes


@pytest.mark.parametrize("phase", ["prefill", "decode", "train"])
def test_the_share_of_scores_is_theirs_in_the_whole(phase: str) -> None:
    table = drawn_table("attention", MODELS, replace(ASKED, phase=phase, context=512))
    assert table.rows
    for row in table.rows:
        model = llmcmp.load(row["model"])
        sizes = run_sizes(model, phase, row["context"])  # pyright: ignore[reportArgumentType]
        assert sizes is not None
        cost = llmcmp.flops(model, **sizes)
        scores = sum(cost.components.get(part, 0) for part in ("attention scores", "cross-attention scores"))
        assert (row["score_flops"], row["flops"]) == (scores, cost.total)
        assert row["score_share"] == scores / cost.total


def test_the_mean_cache_a_token_times_the_context_is_the_cache() -> None:
    table = drawn_table("kv-year", MODELS, replace(ASKED, context=4096))
    assert [row["released"] for row in table.rows] == sorted(row["released"] for row in table.rows)
    for row in table.rows:
        assert row["kv_bytes_mean"] * 4096 == row["kv_bytes"]


def test_a_bubble_has_the_totals_of_params() -> None:
    for row in drawn_table("bubble", MODELS, ASKED).rows:
        sizes = llmcmp.params(llmcmp.load(row["model"]))
        assert (row["parameters"], row["active_parameters"]) == (sizes.total, sizes.active)


def roofs(model: Model, **asked: object) -> list[dict[str, object]]:
    return list(drawn_table("roofline", [model], replace(ASKED, **asked)).rows)


@pytest.mark.parametrize("document", [{}, {"feed_forward": EXPERTS}, ENCODER_DECODER])
def test_a_roofline_is_the_lesser_of_peak_and_bandwidth_times_intensity(document: dict[str, object]) -> None:
    model = tiny(**document)
    source = {"source_new": 37} if model.encoder else {}
    first = roofs(model, context=37, batch=5)[0]
    run = {"new": 1, **source} if source else {"new": 37}
    cost, moved = llmcmp.flops(model, 5, **run), llmcmp.traffic(model, 5, **run)
    assert first["flops"] == cost.total
    assert first["expected_bytes"] == moved.expected_bytes
    assert first["flops_per_second"] == min(9.89e14, 3.35e12 * cost.total / moved.expected_bytes)


def test_a_decode_step_of_one_sequence_waits_for_memory_and_its_time_is_bytes_over_bandwidth() -> None:
    prefill, decode = roofs(MODELS[0])
    assert (prefill["bound"], decode["bound"]) == ("compute", "memory")
    assert decode["seconds"] == pytest.approx(decode["expected_bytes"] / 3.35e12)
    assert prefill["seconds"] == pytest.approx(prefill["flops"] / 9.89e14)


def test_more_sequences_or_narrower_weights_raise_intensity() -> None:
    alone = roofs(MODELS[0])[1]["flops_per_byte"]
    assert roofs(MODELS[0], batch=64)[1]["flops_per_byte"] > alone
    assert roofs(MODELS[0], weights="fp8")[1]["flops_per_byte"] > alone


def test_the_title_and_notes_name_the_limits_and_their_source() -> None:
    table = drawn_table("roofline", MODELS, ASKED)
    assert "989 TFLOP/s bf16, 3.35 TB/s" in table.title
    assert any("https://" in note for note in table.notes)
