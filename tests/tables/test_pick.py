"""Picking: what is listed suits and fits to the byte, what is not says why, and all models are accounted for."""

from __future__ import annotations

import pytest

import llmcmp
from llmcmp.errors import DoesNotFitError, QuantityError
from llmcmp.frozen import replace
from llmcmp.sources.presets import every_model
from llmcmp.tables.pick import RANKS, Rank, Wish, check_wish, expect_any, pick_table

MODELS = every_model()
GIB = 2**30
WISHES = [
    Wish(memory=24 * GIB, task="chat", language="zh", ctx=32768),
    Wish(memory=80 * GIB, task="code", ctx=131072, batch=4, weights="int4", dtype="fp8", overhead=GIB),
    Wish(memory=GIB, architecture="encoder-only", ctx=512),
    Wish(memory=16 * GIB, language="fr", architecture="moe", weights="int4"),
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_every_model_either_suits_or_is_ruled_out_by_a_rule(wish: Wish) -> None:
    table = pick_table(MODELS, wish, every=True)
    assert sorted(row["model"] for row in table.rows) == sorted(model.name for model in MODELS)
    assert table.settings["suits"] + sum(table.settings["ruled_out"].values()) == len(MODELS)
    assert all(row["reason"] for row in table.rows)
    chosen = [row["model"] for row in table.rows if row["suits"]]
    assert chosen == [row["model"] for row in pick_table(MODELS, wish).rows]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_what_is_listed_has_the_card_and_the_memory(wish: Wish) -> None:
    for row in pick_table(MODELS, wish, every=True).rows:
        model = llmcmp.load(row["model"])
        if not model.disclosed:
            assert not row["suits"] and "undisclosed" in row["reason"]
            continue
        needed = llmcmp.memory(model, wish.ctx, wish.batch, weights=wish.weights, cache=wish.dtype).bytes
        assert row["total_bytes"] == needed + wish.overhead
        window = max(model.card.context or 0, model.card.position_limit or 0)
        suits = (
            needed + wish.overhead <= wish.memory
            and (wish.task is None or wish.task in model.card.tasks)
            and (wish.language is None or bool({wish.language, "multi"} & set(model.card.languages)))
            and (window == 0 or wish.ctx <= window)
            and (wish.architecture is None or wish.architecture in row["class"].lower())
        )
        assert row["suits"] == suits


def test_one_byte_decides() -> None:
    models = [llmcmp.load("llama2-7b")]
    needed = llmcmp.memory(models[0], 4096).bytes
    assert pick_table(models, Wish(memory=needed)).settings["suits"] == 1
    short = pick_table(models, Wish(memory=needed - 1), every=True)
    assert short.settings["ruled_out"] == {"memory": 1} and "1 B too much" in short.rows[0]["reason"]
    assert pick_table(models, Wish(memory=needed, overhead=1)).settings["suits"] == 0


def test_a_named_language_comes_before_many_unnamed() -> None:
    rows = pick_table(MODELS, Wish(memory=48 * GIB, language="fr")).rows
    named = ["fr" in llmcmp.load(row["model"]).card.languages for row in rows]
    assert named == sorted(named, reverse=True) and len(set(named)) == 2


@pytest.mark.parametrize("rank", RANKS)
def test_a_rank_sorts_as_it_says(rank: Rank) -> None:
    rows = pick_table(MODELS, Wish(memory=48 * GIB, rank=rank)).rows
    key = {"newest": "released", "largest": "parameters", "lightest": "total_bytes", "fastest": "active_parameters"}[
        rank
    ]
    values = [row[key] for row in rows]
    assert values == sorted(values, reverse=rank in ("newest", "largest"))
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))


def test_every_reason_is_given_not_only_the_first() -> None:
    table = pick_table([llmcmp.load("gpt2")], Wish(memory=1, task="chat", language="zh", ctx=4096), every=True)
    assert table.rows[0]["reason"].startswith("card names no chat · card names no zh · window 1k · ")
    assert table.settings["ruled_out"] == {"task": 1}


def test_the_rules_are_printed_with_the_answer() -> None:
    notes = " ".join(pick_table(MODELS, WISHES[0]).notes)
    for words in ("names chat", "names zh", "32k tokens", "without scales", "24.0 GiB", "newer first", "no quality"):
        assert words in notes


def test_nothing_that_fits_is_an_error_of_its_own() -> None:
    with pytest.raises(DoesNotFitError, match="no model suits and fits; ruled out by undisclosed 3"):
        expect_any(pick_table(MODELS, Wish(memory=1000)))
    with pytest.raises(QuantityError, match="leaves nothing"):
        check_wish(replace(WISHES[0], overhead=24 * GIB))


def test_a_model_without_a_date_is_older_than_all_others() -> None:
    dated = llmcmp.load("llama2-7b")
    undated = replace(dated, card=replace(dated.card, name="imported", released="unknown"))
    rows = pick_table([undated, dated], Wish(memory=24 * GIB)).rows
    assert [row["model"] for row in rows] == ["llama2-7b", "imported"]


def test_a_model_of_a_quantised_file_is_told_to_count_otherwise() -> None:
    plain = llmcmp.load("llama2-7b")
    packed = replace(plain, card=replace(plain.card, quantised="gptq"))
    assert (
        "int8, not as in the quantised files of llama2-7b (gptq)"
        in pick_table([packed], Wish(memory=24 * GIB, weights="int8")).notes[-1]
    )
    for models, wish in (([plain], Wish(memory=24 * GIB)), ([packed], Wish(memory=GIB))):
        assert not any("quantised" in note for note in pick_table(models, wish).notes)
