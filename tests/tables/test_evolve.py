"""Lineages: a release is compared with the model that its card names, and what is listed is what differs."""

from __future__ import annotations

import tomllib

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import llmcmp
from llmcmp.errors import UnknownModelError
from llmcmp.plots import plot
from llmcmp.sources.lineages import lineage
from llmcmp.sources.names import presets_directory
from llmcmp.sources.presets import every_model
from llmcmp.tables.evolve import NEAR_BY_CARD, evolve_table, named

# What users ask for by name, and what others expect of any family.
ASKED = ["GPT", "LLaMA", "GLM", "Qwen", "DeepSeek", "Mistral", "Baichuan", "BERT", "T5", "Gemma"]
FAMILIES = sorted({model.card.family for model in every_model()})


def pairs(name: str) -> dict[str, str | None]:
    """Each release's model and the one that it is compared with."""
    return {row["model"]: row["against"] for row in evolve_table(name).rows}


@pytest.mark.parametrize("name", [*ASKED, *FAMILIES])
def test_every_model_of_a_lineage_stands_in_exactly_one_release(name: str) -> None:
    rows = evolve_table(name).rows
    shown = [each for row in rows for each in (row["model"], *(row["members"] or "").split(", ")) if each]
    assert sorted(shown) == sorted(model.name for model in lineage(name).models())
    assert [row["released"] for row in rows] == sorted({llmcmp.load(each).card.released for each in shown})


@pytest.mark.parametrize("name", ASKED)
def test_a_release_is_compared_with_an_earlier_one(name: str) -> None:
    rows = evolve_table(name).rows
    assert rows[0]["against"] is None
    for row in rows[1:]:
        assert llmcmp.load(row["against"]).card.released < row["released"]


def test_a_card_names_the_predecessor() -> None:
    models = every_model()
    expected = {"chatglm2-6b": "chatglm-6b", "gemma3-4b": "gemma2-2b", "gpt2": "gpt1", "deepseek-v3": "deepseek-v2"}
    for name, old in expected.items():
        found = named(llmcmp.load(name), models)
        assert found is not None and found.name == old
    assert named(llmcmp.load("llama-13b"), models) is None


def test_pairs_follow_the_cards_and_sizes() -> None:
    assert pairs("llama")["llama3-70b"] == "llama2-70b"
    assert pairs("mistral")["mistral-7b-v0.3"] == "mistral-7b"  # its card names a version that is no preset
    assert pairs("t5")["ul2-20b"] == "t5-v1.1-xxl"  # the closest of the generation that its card names
    assert pairs("bert") | {"roberta-large": "bert-large", "albert-base": "bert-base"} == pairs("bert")


def test_a_card_far_away_in_size_is_met_by_its_generation() -> None:
    row = next(row for row in evolve_table("gpt").rows if row["model"].startswith("gpt-oss"))
    named_in_card, shown = llmcmp.load("gpt3-175b"), llmcmp.load(row["against"])
    assert llmcmp.params(named_in_card).active > NEAR_BY_CARD * row["active_parameters"]
    assert shown.card.released == named_in_card.card.released


@pytest.mark.parametrize("name", ASKED)
def test_what_is_listed_is_what_differs(name: str) -> None:
    table = evolve_table(name)
    facts = {row["model"]: row for row in llmcmp.compare([row["model"] for row in table.rows] + olds(name)).rows}
    for row in table.rows:
        listed = {change.label: (change.old, change.new) for change in row["listed"]}
        if row["against"] is None or not row["disclosed"] or facts[row["against"]]["parameters"] is None:
            assert listed.keys() <= {"Context"}
            continue
        old = facts[row["against"]]
        for key, label in (("position", "Position"), ("norm", "Normalisation"), ("attention", "Attention")):
            assert listed.get(label, (old[key], row[key])) == (old[key], row[key])
            assert (label in listed) == (old[key] != row[key])
        assert ("Parameters" in listed) <= (old["parameters"] != row["parameters"])


def olds(name: str) -> list[str]:
    return [old for old in pairs(name).values() if old is not None]


def test_the_history_of_latent_attention_can_be_read_off() -> None:
    row = next(row for row in evolve_table("deepseek").rows if row["model"] == "deepseek-v2")
    assert "Attention GQA 64/8 → MLA 512+64" in row["changes"]
    assert "KV a token 380 KiB → 67.5 KiB" in row["changes"]  # 95 layers x 2 x 8 x 128 x 2 B; 60 x 576 x 2 B


def test_undisclosed_releases_stay_in_the_line_without_a_number() -> None:
    rows = {row["model"]: row for row in evolve_table("gpt").rows}
    assert rows["gpt-4"].get("parameters") is None and rows["gpt-4"]["changes"] == "Context 4k → 8k"


def test_every_lineage_is_of_families_that_exist() -> None:
    for name in ("gpt", "bert", "qwen", "kimi"):
        assert {model.card.family for model in lineage(name).models()} == set(lineage(name).families)
    named = tomllib.loads((presets_directory() / "lineages.toml").read_text("utf-8"))
    assert {family for entry in named.values() for family in entry["families"]} <= set(FAMILIES)


def test_an_unknown_family_gets_the_close_names() -> None:
    with pytest.raises(UnknownModelError, match="did you mean 'llama'"):
        evolve_table("lama")


@pytest.mark.parametrize("name", ASKED)
def test_a_timeline_keeps_inside_its_picture_and_its_lines_apart(name: str) -> None:
    drawn = plot.figure(evolve_table(name))
    renderer = FigureCanvasAgg(drawn).get_renderer()
    width, height = drawn.bbox.width, drawn.bbox.height
    boxes = [text.get_window_extent(renderer) for text in drawn.axes[0].texts]
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            wide, high = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
            assert wide <= 0 or high <= 2  # pixels: descenders reach into the blank between lines
