"""Full sharding: what the ranks keep sums to the model, in chunks as torch cuts them."""

from __future__ import annotations

import pytest
from tiny import ENCODER, KINDS, tiny

import llmcmp
from llmcmp.errors import QuantityError
from llmcmp.folds.fully_sharded import training_state


@pytest.mark.parametrize("ranks", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_what_all_ranks_keep_is_the_model(kind: str, ranks: int) -> None:
    model = tiny(KINDS[kind])
    states = [training_state(model, ranks, rank) for rank in range(ranks)]
    total = llmcmp.params(model).total
    assert sum(state.parameters for state in states) == total
    assert sum(state.gradients for state in states) == total
    assert sum(state.moments for state in states) == 2 * total
    assert all(state.parameters <= state.padded == states[0].parameters for state in states)


def test_the_last_rank_of_many_keeps_nothing() -> None:
    model = tiny(stack=[{"layers": 1}])
    assert training_state(model, 200, 199).parameters == 0
    assert training_state(model, 200, 100).parameters == 2 * 24  # the 101st words, a row each; nothing else is as long


def test_shared_layers_keep_one_set() -> None:
    model = tiny(ENCODER, stack=[{"layers": 4, "shared": True}])
    assert training_state(model).parameters == llmcmp.params(model).total


@pytest.mark.parametrize(("ranks", "rank"), [(0, 0), (3, 3), (3, -1)])
def test_what_is_no_rank_is_refused(ranks: int, rank: int) -> None:
    with pytest.raises(QuantityError):
        training_state(tiny(), ranks, rank)
