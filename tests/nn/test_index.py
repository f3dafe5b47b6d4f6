"""An index of keys: the twin attends the best of them only, in one prefill as in cached steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from tiny import DENSE, LATENT, tiny

import llmcmp
from llmcmp.errors import PresetError
from llmcmp.ops import Attend, Plan, Run

torch: Any = pytest.importorskip("torch")

from llmcmp.nn.build import build  # noqa: E402 - it needs torch
from llmcmp.nn.count import tokens  # noqa: E402


def indexed(top_k: int, **keys: Any) -> llmcmp.Model:
    return tiny({**DENSE, "attention": {**LATENT, "indexer": {"heads": 3, "head_dim": 6, "top_k": top_k}, **keys}})


def test_fewer_keys_than_there_are_change_what_is_computed_and_enough_do_not() -> None:
    twins = [build(indexed(top_k), seed=3) for top_k in (4, 12, 500)]
    ids = tokens(twins[0], 2, 12)
    with torch.no_grad():
        few, all_of_them, many = (twin(ids) for twin in twins)
    assert torch.allclose(all_of_them, many, atol=1e-6)
    assert torch.allclose(few[:, :4], many[:, :4], atol=1e-5)  # so early, there are no more
    assert not torch.allclose(few[:, 4:], many[:, 4:], atol=1e-3)


@pytest.mark.parametrize("capacity", [None, 20])
def test_cached_steps_choose_as_one_prefill_does(capacity: int | None) -> None:
    twin = build(indexed(4), seed=3)
    ids, held = tokens(twin, 2, 13), twin.new_cache(2, capacity)
    with torch.no_grad():
        whole = twin(ids)
        parts = [twin(ids[:, a:b], held) for a, b in ((0, 6), (6, 7), (7, 8), (8, 12), (12, 13))]
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)


def test_a_query_computes_no_more_pairs_than_it_attends_keys() -> None:
    attention = indexed(4).tower.layers()[0].block.steps[0].branches[0].mixer
    found = list(attention.ops(Run(batch=2, new=3, past=9), Plan(latent="absorbed")))
    index, scores = (op for op in found if isinstance(op, Attend))
    assert (index.pairs, index.flops) == (2 * 3 * 12, 2 * 3 * 12 * 2 * 3 * (6 + 1))
    assert (scores.pairs, scores.visible_pairs) == (2 * 3 * 4, 2 * 3 * 4)
    assert {state.name: state.width for state in attention.state()} == {"latent and rotary key": 11, "index key": 6}


def test_an_index_needs_a_latent_of_the_queries() -> None:
    with pytest.raises(PresetError, match="query_rank"):
        tiny({**DENSE, "attention": {k: v for k, v in LATENT.items() if k != "query_rank"} | {
            "indexer": {"heads": 3, "head_dim": 6, "top_k": 4}
        }})  # fmt: skip
