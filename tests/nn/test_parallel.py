"""Several processes against one: equal logits and training steps, and each rank holds and does what is computed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from splittable import SPLITTABLE
from tiny import tiny

import llmcmp
from llmcmp.folds.fully_sharded import training_state
from llmcmp.folds.params import stored
from llmcmp.folds.runs import executed
from llmcmp.model import Model, walk
from llmcmp.ops import Convolve, Plan, Run, Scan
from llmcmp.passes.shard import SPLIT, Replicate, Shard, layouts, shard

TESTS = Path(__file__).parent.parent
BATCH, PROMPT, SOURCE = 2, 5, 7
# Float32 sums of a few hundred products in another order: their rounding, relative to the largest logit.
CLOSE = 1e-5


def torchrun(ranks: int, program: list[str]) -> None:
    """Run a program in several processes, one thread each."""
    paths = os.pathsep.join([str(TESTS), str(Path(llmcmp.__file__).parent.parent)])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", *program]
    env = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.fixture(scope="module", params=[2, 4], ids=["2 ranks", "4 ranks"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What every rank found, by kind of model."""
    ranks, folder = request.param, tmp_path_factory.mktemp("ranks")
    torchrun(ranks, [str(TESTS / "nn" / "ranks.py"), str(folder)])
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(ranks)]


def sizes(model: Model, phase: str) -> dict[str, int]:
    """The run that a rank measured."""
    if phase == "decode":
        past = {"new": 1, "past": PROMPT}
        return past | {"source_past": SOURCE} if model.card.architecture == "encoder-decoder" else past
    return {"new": PROMPT} | ({"source_new": SOURCE} if model.card.architecture == "encoder-decoder" else {})


def products(model: Model, plan: Plan, **sizes: int) -> int:
    """FLOPs without scans and convolutions, whose kernels torch counts otherwise."""
    found = executed(model, Run(batch=BATCH, **sizes), plan)
    left_out = sum(op.flops * use.times for use, op in found if isinstance(op, Scan | Convolve))
    return int(llmcmp.flops(model, BATCH, **sizes, plan=plan).total - left_out)


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_all_ranks_give_the_logits_of_one_process(found: list[dict[str, Any]], kind: str) -> None:
    for rank in found:
        measured = rank[kind]["inference"]
        assert measured["size"] > 0.1
        assert measured["prefill"] <= CLOSE * measured["size"]
        assert measured.get("decode", 0) <= CLOSE * measured["size"]


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_a_rank_holds_the_parameters_that_are_computed(found: list[dict[str, Any]], kind: str) -> None:
    model, tp = tiny(SPLITTABLE[kind]), len(found)
    for number, rank in enumerate(found):
        share = shard(model, tp, number)
        computed = {
            f"{use.path.replace('*', str(layer))}.{weight.name}": weight.elements
            for use, weight in stored(walk(share))
            for layer in use.layers[: use.copies] or (0,)
        }
        assert rank[kind]["inference"]["parameters"] == computed
        assert sum(computed.values()) == llmcmp.params(share).total


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_the_ranks_weights_together_are_those_of_one_process(found: list[dict[str, Any]], kind: str) -> None:
    held = layouts(tiny(SPLITTABLE[kind]), len(found))
    once = {name for name, each in held.items() if not isinstance(each, Shard) or each.ways == len(found)}
    for rank in found:
        names = set(rank[kind]["inference"]["parameters"])
        assert set(rank[kind]["inference"]["weights_equal"]) == names & once
    assert any(isinstance(each, Shard) for each in held.values())


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_a_rank_does_the_flops_that_are_computed(found: list[dict[str, Any]], kind: str) -> None:
    model, tp = tiny(SPLITTABLE[kind]), len(found)
    for number, rank in enumerate(found):
        share, measured = shard(model, tp, number), rank[kind]["inference"]
        # The twin absorbs latents in a step of one token and expands them in longer passes.
        prefill = products(share, Plan(latent="expanded"), **sizes(model, "prefill"))
        assert measured["prefill_flops"] == prefill > 0
        if "decode_flops" in measured:
            decode = products(share, Plan(latent="absorbed"), **sizes(model, "decode"))
            assert measured["decode_flops"] == decode > 0


@pytest.mark.parametrize("kind", [kind for kind in SPLITTABLE if kind != "encoder"])
def test_a_rank_keeps_the_cache_that_is_computed(found: list[dict[str, Any]], kind: str) -> None:
    model, tp = tiny(SPLITTABLE[kind]), len(found)
    source = {"source": SOURCE} if model.card.architecture == "encoder-decoder" else {}
    for number, rank in enumerate(found):
        computed = llmcmp.kvcache(shard(model, tp, number), ctx=PROMPT + 1, batch=BATCH, **source).elements
        assert rank[kind]["inference"]["cache"] == computed > 0


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_a_training_step_on_shares_of_a_batch_is_that_on_the_batch(found: list[dict[str, Any]], kind: str) -> None:
    for rank in found:
        measured = rank[kind]["training"]
        # Means over shares and over the batch differ by rounding, and so do the steps made of them.
        assert max(measured["losses"]) <= 1e-5
        assert measured["weights"] <= 1e-6 < measured["moved"]


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_a_rank_keeps_the_training_state_that_is_computed(found: list[dict[str, Any]], kind: str) -> None:
    for number, rank in enumerate(found):
        state, measured = training_state(tiny(SPLITTABLE[kind]), len(found), number), rank[kind]["training"]
        assert measured["parameters"] == state.parameters
        assert measured["gradients"] == state.gradients
        assert measured["moments"] == state.moments


def test_every_way_of_splitting_is_among_the_models() -> None:
    held = {each for kind in SPLITTABLE for each in layouts(tiny(SPLITTABLE[kind]), 2).values()}
    axes = {each.axis for each in held if isinstance(each, Shard)}
    assert axes == set(SPLIT)
    assert Replicate() in held
