"""`bench`, `devices` and `compare --measured` as people run them: workers are killed, stopped, interrupted for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmcmp.bench.settings import Settings
from llmcmp.cli.bench import split_sweep, swept
from llmcmp.errors import QuantityError

QUICK = {"LLMCMP_QUICK_CEILINGS": "1", "OMP_NUM_THREADS": "1"}
SMALL = ["--threads", "1", "--repeats", "5", "--prompt", "8", "--generate", "2", "--budget", "200K", "--device", "cpu"]
NAMES = ["llama2-7b", "gpt2", "mistral-7b"]


def llm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmcmp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | QUICK | environment, check=False)


def bench(file: Path, *more: str, phase: str = "decode") -> list[str]:
    return ["bench", *more, *SMALL, "--phase", phase, "--out", str(file)]


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def started(file: Path, *more: str) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a terminal would start it."""
    command = [sys.executable, "-m", "llmcmp", *bench(file, *NAMES, *more)]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=os.environ | QUICK, process_group=0, **pipes)


def worker_after_first(file: Path, run: subprocess.Popen[str]) -> int:
    """The worker of the second model."""
    for _ in range(2400):
        if file.exists() and file.read_bytes().count(b"\n") == 1:
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            if children:
                return int(children[0])
        time.sleep(0.05)
    raise AssertionError("no worker was seen")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Four classes of models measured in every phase."""
    file = tmp_path_factory.mktemp("bench") / "r.jsonl"
    names = ("llama2-7b", "mixtral-8x7b", "bert-base", "t5-base")
    png = file.with_suffix(".png")
    return file, llm(*bench(file, *names, "-o", str(png), phase="prefill,decode,train"))


def test_every_class_is_measured_and_counts_what_is_computed(
    measured: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    file, run = measured
    assert run.returncode == 0, run.stderr
    found = {record["model"]: record["figures"] for record in records(file)}
    assert set(found) == {"llama2-7b", "mixtral-8x7b", "bert-base", "t5-base"}
    for name, figures in found.items():
        phases = ("prefill", "train") if name == "bert-base" else ("prefill", "decode", "train")
        for phase in phases:
            assert figures[f"{phase}_flops"] == figures[f"{phase}_counted_flops"] > 0, (name, phase)
            assert len(figures[f"{phase}_repeats"]) == 5 and figures[f"{phase}_tokens_per_second"] > 0
        assert figures["cache_bytes"] == figures["measured_cache_bytes"]
        assert figures["peak_bytes"] > 0 and figures["train_peak_bytes"] > 0
    assert "decode_flops" not in found["bert-base"] and "launch_share" in found["t5-base"]
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    for note in ("--scale block", "shrunk: ", "quartiles of 5 repeats", str(file)):
        assert note in run.stderr
    assert "counted by torch" in run.stdout and "MBU" in run.stdout


def test_a_record_tells_settings_machine_and_ceilings(
    measured: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    record = records(measured[0])[0]
    assert {"cpu", "gpu", "torch", "os", "llmcmp", "commit", "cores", "memory_bytes"} <= set(record["environment"])
    assert (record["settings"]["threads"], record["settings"]["device"]) == (1, "cpu")
    assert all(record["ceilings"][f"{of}_per_second"] > 0 for of in ("matmul_flops", "copy_bytes", "read_bytes"))
    assert record["ceilings"]["copied_bytes"] == 2**24
    assert record["figures"]["parameters"] < 10**6


def test_compare_takes_over_what_was_measured(measured: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    run = llm("compare", "llama2", "gpt2", "--measured", str(measured[0]), "--json")
    rows = {row["model"]: row for row in json.loads(run.stdout)["rows"]}
    figures = records(measured[0])[0]["figures"]
    assert rows["llama2-7b"]["measured_decode_tokens_per_second"] == figures["decode_tokens_per_second"]
    assert rows["llama2-7b"]["parameters"] == 6738415616
    assert rows["gpt2"]["measured_decode_tokens_per_second"] is None
    shown = llm("compare", "llama2", "gpt2", "--measured", str(measured[0]))
    line = next(line for line in shown.stdout.splitlines() if line.startswith("Decode tokens/s"))
    assert line.split()[-1] == "—" and str(measured[0]) in shown.stderr and "tiny scale" in shown.stderr
    none = llm("compare", "gpt2", "--measured", str(measured[0]))
    assert none.returncode == 0 and "none of these models is measured" in none.stderr


def test_a_worker_that_is_killed_costs_one_row(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    run = started(file)
    os.kill(worker_after_first(file, run), signal.SIGKILL)
    out, error = run.communicate(timeout=300)
    assert run.returncode == 0, error
    assert [record["status"] for record in records(file)] == ["ok", "crashed", "ok"]
    assert "SIGKILL" in records(file)[1]["reason"] and "gpt2: crashed: " in error and "crashed" in out


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    run = started(file)
    worker = worker_after_first(file, run)
    os.killpg(run.pid, signal.SIGINT)
    out, error = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in error
    assert "1 of 3 measurements" in error and "--resume" in error and "llama2-7b" in out
    assert not Path(f"/proc/{worker}").exists()
    first = records(file)
    assert [record["model"] for record in first] == ["llama2-7b"]
    with file.open("a") as torn:
        torn.write('{"version": 1, "key": "torn')
    again = llm(*bench(file, *NAMES, "--resume", "--json"))
    assert again.returncode == 0, again.stderr
    rows = json.loads(again.stdout)["rows"]
    assert [row["model"] for row in rows] == NAMES and rows[0]["date"] == first[0]["date"]
    lines = file.read_text().splitlines()
    assert len(lines) == 4 and json.loads(lines[0]) == first[0]


def test_a_model_that_takes_too_long_is_a_row_with_a_status(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    run = llm(*bench(file, "gpt2", "--timeout", "0.1"))
    assert run.returncode == 1 and "timed out" in run.stderr and "Traceback" not in run.stderr
    assert [record["status"] for record in records(file)] == ["timed out"]


def test_what_does_not_fit_is_refused_with_exit_code_3_before_it_is_built(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    run = llm(*bench(file, "llama3.1-405b", "--scale", "full"))
    assert run.returncode == 3, run.stderr
    assert "--scale block" in run.stderr and "TiB" in run.stderr
    assert [record["status"] for record in records(file)] == ["does not fit"]


def test_blocks_are_measured_and_multiplied_out(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    run = llm(*bench(file, "albert-base", "--scale", "block", phase="prefill"))
    assert run.returncode == 0, run.stderr
    (record,) = records(file)
    assert record["multiplied"] == [{"block": "encoder layer 0", "layers": 12, "measured": 10}]
    assert record["figures"]["prefill_flops"] == record["figures"]["prefill_counted_flops"]
    assert "no whole model was run" in run.stderr and "12 × encoder layer 0 from 10 measured" in run.stderr


def test_without_torch_one_line_says_what_to_install() -> None:
    program = """
import sys, importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "torch" else found(name, *a)
from llmcmp.cli.app import main
main()
"""
    for command in ("bench", "devices"):
        arguments = [command, "gpt2"] if command == "bench" else [command]
        command_line = [sys.executable, "-c", program, *arguments]
        run = subprocess.run(command_line, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert run.stderr == "error: measuring needs torch: pip install 'llmcmp[torch]'\n"


def test_devices_are_measured_once_and_again_on_request(tmp_path: Path) -> None:
    def row(*more: str) -> dict[str, Any]:
        run = llm("devices", "--device", "cpu", "--threads", "1", "--json", *more, XDG_CACHE_HOME=str(tmp_path))
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)["rows"][0]

    first = row()
    assert first["matmul_flops_per_second"] > 0 and first["cores"] >= 1 and first["copied_bytes"] == 2**24
    assert row() == first
    time.sleep(1)  # dates are in seconds
    assert row("--remeasure")["date"] > first["date"]
    assert row("--dtype", "bf16")["dtype"] == "bf16"


def test_a_sweep_is_every_combination() -> None:
    names, axes = split_sweep(["llama2", "ctx=1k,4k"], ["batch=1,4"])
    assert names == ["llama2"] and axes == {"batch": [1, 4], "prompt": [1024, 4096]}
    points = swept(Settings(), axes)
    assert [(point.batch, point.prompt) for point in points] == [(1, 1024), (1, 4096), (4, 1024), (4, 4096)]
    assert split_sweep(["llama2:layers=2"], ["batch=1 ctx=1k"]) == (
        ["llama2:layers=2"],
        {"batch": [1], "prompt": [1024]},
    )
    for bad in ("heads=3", "batch=", "ctx=1x"):
        with pytest.raises(QuantityError, match="--sweep"):
            split_sweep([], [bad])
