"""Measuring on several devices: the grid of ranks, sizes that they split, and a run of the program itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from splittable import HEADS, TWO_SIDES
from tiny import DENSE, ENCODER_DECODER, EXPERTS, KINDS, disclosed, tiny

import llmcmp
from llmcmp.bench.even import even
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.errors import ModelError, QuantityError
from llmcmp.model import walk
from llmcmp.passes.shard import shard

REPOSITORY = Path(llmcmp.__file__).parent.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
MODELS = ("llama3-8b", "mixtral", "deepseek-v2-lite", "qwen3-next", "t5-base", "bert-base")
ASKED = ["--budget", "300k", "--prompt", "9", "--generate", "3", "--repeats", "5"]


@pytest.mark.parametrize(
    ("ranks", "tp", "dp", "used"),
    [(6, None, None, (6, 1)), (6, 2, None, (2, 3)), (6, None, 2, (3, 2)), (6, 3, 2, (3, 2)), (1, None, None, (1, 1))],
)
def test_ranks_that_nothing_is_said_of_make_up_the_grid(
    ranks: int, tp: int | None, dp: int | None, used: tuple[int, int]
) -> None:
    from llmcmp.bench.ranks import grid

    found = grid(ranks, tp, dp)
    assert ((found.tp, found.dp), found.ranks) == (used, ranks)


@pytest.mark.parametrize(("tp", "dp"), [(4, None), (None, 4), (2, 2), (8, None)])
def test_a_grid_of_other_ranks_than_there_are_is_refused(tp: int | None, dp: int | None) -> None:
    from llmcmp.bench.ranks import grid

    with pytest.raises(QuantityError, match="torchrun --nproc-per-node"):
        grid(6, tp, dp)


@pytest.mark.parametrize("ranks", [1, 2, 4, 7])
def test_every_preset_can_be_made_to_split_over_any_ranks(ranks: int) -> None:
    for model in disclosed():
        made, changes = even(model, ranks)
        if not any(isinstance(use.component, Mamba | Mamba2) for use in walk(made)) or ranks == 1:
            shard(made, ranks)
        assert (made == model) == (not changes)


@pytest.mark.parametrize("kind", ["mamba", "mamba-2", "hybrid"])
def test_what_is_not_split_is_refused_and_not_repeated(kind: str) -> None:
    with pytest.raises(ModelError, match="one rank only"):
        shard(tiny(KINDS[kind]), 2)


@pytest.mark.parametrize("document", [*KINDS.values(), ENCODER_DECODER, TWO_SIDES])
def test_one_rank_changes_no_size(document: dict[str, Any]) -> None:
    model = tiny(document)
    assert even(model, 1) == (model, ())


@pytest.mark.parametrize(
    ("heads", "kv_heads", "ranks", "rounded"),
    [
        (6, 3, 2, (8, 4)),
        (6, 3, 6, (6, 3)),
        (7, 1, 2, (8, 1)),
        (5, 5, 4, (8, 8)),
        (9, 3, 2, (12, 4)),
        (12, 4, 2, (12, 4)),
    ],
)
def test_groups_of_queries_keep_their_size(heads: int, kv_heads: int, ranks: int, rounded: tuple[int, int]) -> None:
    made, changes = even(tiny(attention={**HEADS, "heads": heads, "kv_heads": kv_heads}), ranks)
    (attention,) = [use.component for use in walk(made) if use.path.endswith(".attention")]
    assert (attention.heads, attention.kv_heads) == rounded  # type: ignore[attr-defined]
    assert f"heads {heads} → {rounded[0]} for {ranks} ranks" in changes or heads == rounded[0]


def test_the_networks_of_experts_are_rounded_too() -> None:
    model = tiny(DENSE, feed_forward={**EXPERTS, "shared": EXPERTS["expert"]})
    made, changes = even(model, 3)
    assert "intermediate 11 → 12 for 3 ranks" in changes
    assert llmcmp.params(shard(made, 3)).total < llmcmp.params(made).total


@pytest.fixture(scope="module", params=[("2", []), ("4", ["--tp", "2", "--dp", "2"])], ids=["2 ranks", "2 × 2 ranks"])
def rows(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    ranks, options = request.param
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks, "-m", "llmcmp.bench"]
    command = [sys.executable, *launch, *MODELS, *ASKED, *options, "--json"]
    run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)["rows"]


def test_every_rank_holds_and_does_what_is_computed(rows: list[dict[str, Any]]) -> None:
    assert len(rows) == 3 * len(MODELS) - 1  # an encoder decodes nothing
    for row in rows:
        assert row["equal"], row
        for rank in row["ranks"]:
            assert rank["counted_flops"] == rank["flops"] > 0
            assert rank["held_parameters"] == rank["parameters"] > 0
            assert rank["held_cache_bytes"] == rank["cache_bytes"]
            assert rank["held_state"] == rank["state"]


def test_a_run_says_how_fast_all_ranks_are_together(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        ranks = len(row["ranks"])
        assert row["tp"] * row["dp"] == ranks
        assert row["tp"] == (1 if row["phase"] == "train" else 2)
        steps = 9 if row["phase"] != "decode" else 1
        tokens = {"t5-base (shrunk)": {"prefill": 10, "train": 18}}.get(row["model"], {}).get(row["phase"], steps)
        assert row["tokens_per_second"] == pytest.approx(tokens * row["dp"] / row["seconds"], rel=1e-9)  # one division
        assert row["seconds_low"] <= row["seconds"] <= row["seconds_high"]


def test_without_torchrun_it_says_how_to_start() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "llmcmp.bench", "llama2"], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "torchrun --nproc-per-node" in run.stderr and len(run.stderr.splitlines()) == 1
