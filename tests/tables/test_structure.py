"""A model taken apart loses nothing and counts nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tiny import disclosed

from llmcmp.errors import UndisclosedError
from llmcmp.folds.params import params
from llmcmp.model import Model
from llmcmp.sources.presets import load
from llmcmp.tables.structure import Node, structure, tensors_table


def below(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.inner:
        yield from below(inner)


@pytest.mark.parametrize("model", disclosed(), ids=lambda model: model.name)
def test_tensors_components_and_layers_sum_to_the_total_and_so_does_the_table(model: Model) -> None:
    tree, sizes = structure(model), params(model)
    apart = {node.label: node.parameters for node in tree.inner if node.detail == "apart from the total"}
    inside = [node for node in tree.inner if node.label not in apart]
    assert tree.parameters == sizes.total and apart == sizes.apart
    for kind in ("tensor", "component"):
        found = [n.parameters or 0 for node in inside for n in below(node) if n.kind == kind]
        assert sum(found) == sizes.total
    assert sum(node.parameters or 0 for node in inside) == sizes.total
    assert sum(row["parameters"] for row in tensors_table([model]).rows) == sizes.total
    for node in below(tree):
        held = [inner.parameters for inner in node.inner if inner.kind not in ("fact", "buffer", "shared")]
        if node.kind in ("layers", "tower", "component") and held:
            assert sum(each or 0 for each in held) == (node.parameters or 0), node.label


@pytest.mark.parametrize("model", disclosed(), ids=lambda model: model.name)
def test_layers_sum_to_what_the_layers_hold(model: Model) -> None:
    towers = [node for node in structure(model).inner if node.detail != "apart from the total"]
    found = [n.parameters or 0 for node in towers for n in below(node) if n.kind == "layers"]
    assert sum(found) == sum(params(model).layers)


def lines(name: str) -> list[str]:
    return [f"{node.label}: {node.detail}".rstrip(": ") for node in below(structure(load(name)))]


def test_a_tied_head_and_a_buffer_say_why_they_count_nothing() -> None:
    assert "weight: 32,128 × 512, shared: counted above" in lines("t5-small")
    assert "router.correction: 256, 58 times, a buffer: in no total" in lines("deepseek-v3")


def test_layers_say_where_they_stand_and_what_sets_them_apart() -> None:
    found = lines("deepseek-v3")
    assert "3 × layers 0–2: norms: pre, 583 M each" in found and "58 × layers 3–60: norms: pre, 11.5 B each" in found
    assert "keeps latent and rotary key: 576 elements a token" in found
    assert "12 × layers 0–11: norms: post, one set of weights" in lines("albert-base")
    assert any("branches in parallel" in line for line in lines("gpt-j-6b"))
    assert "keeps keys and values: 2,048 elements a token, at most 4,096 tokens" in lines("mistral-7b")


def test_an_undisclosed_model_is_refused_alone_and_a_row_without_numbers_beside_others() -> None:
    with pytest.raises(UndisclosedError):
        structure(load("gpt-4"))
    assert tensors_table([load("gpt-4"), load("gpt2")]).rows[0]["disclosed"] is False
