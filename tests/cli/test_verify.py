"""`verify` as people run it, and what it says where the two sides differ."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

import llmcmp
from llmcmp.cli.app import main

pytest.importorskip("torch")

from llmcmp.bench import verify as verifying
from llmcmp.bench.proportions import candidates
from llmcmp.shrink import shrink

FULL = ("llama4-scout", "deepseek-v3", "gemma3-1b", "gpt-oss-20b", "switch-base-8", "transformer-xl", "jamba-v0.1")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["llmcmp", "verify", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    "model",
    ["mixtral", "t5-small", "bert-base", "bloom-560m", *(pytest.param(m, marks=pytest.mark.full) for m in FULL)],
)
def test_every_line_is_equal_and_named(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, model, "--json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
    counts = [row for row in rows if row["measured"] is not None]
    assert all(row["difference"] == 0 and row["verdict"] == "equal" for row in counts)
    quantities = {row["quantity"].removesuffix(", less scans") for row in rows}
    expected = {"Parameters, full size", "Parameters", "Prefill FLOPs", "Training step FLOPs", "Logits"}
    decodes = llmcmp.load(model).card.architecture != "encoder-only"
    assert quantities - {"  its scans"} == expected | (
        {"Decode step FLOPs", "Chunk FLOPs", "Cache bytes"} if decodes else set()
    )
    assert rows[0]["measured"] == llmcmp.params(llmcmp.load(model)).total


def test_a_difference_ends_with_exit_code_1_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verifying, "counted_flops", lambda *_, **__: 7)
    monkeypatch.setattr(verifying, "_logits", lambda *_: verifying._skipped("not asked for"))
    assert run(monkeypatch, "gpt2") == 1
    assert "differs" in capsys.readouterr().out


def test_logits_that_are_not_transformers_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    model = llmcmp.load("gpt2")
    tiny = shrink(model, verifying.BUDGET, context=verifying.CONTEXT).model
    wrong = shrink(llmcmp.load("gpt2:activation=relu"), verifying.BUDGET, context=verifying.CONTEXT).model
    assert verifying._logits(model, tiny).verdict == "equal"
    monkeypatch.setattr(verifying, "build", lambda _: __import__("llmcmp.nn.build").nn.build.build(wrong))
    assert verifying._logits(model, tiny).verdict == "differs"


@pytest.mark.parametrize("preset", ["qwen2-7b", "bloom-560m", "mamba2-130m", "gemma2-27b"])
def test_one_of_the_candidates_has_the_proportions_of_the_model(preset: str) -> None:
    model = llmcmp.load(preset)
    tiny = shrink(model, verifying.BUDGET, context=verifying.CONTEXT).model
    cls = verifying.transformers_class(model)
    assert cls is not None
    fitting = []
    for candidate in candidates(model, tiny):
        try:
            fitting.append(verifying.difference(candidate, cls) < verifying.TOLERANCE)
        except llmcmp.LlmcmpError:
            continue
    assert fitting and all(fitting)
