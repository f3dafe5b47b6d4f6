"""The program as people run it: real processes, real pipes, real files."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import llmcmp
from llmcmp.sources.names import preset_files


def llm(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program and return what it printed."""
    command = [sys.executable, "-m", "llmcmp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ | environment, check=False)


def document(*arguments: str) -> dict[str, Any]:
    run = llm(*arguments, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


JSON_COMMANDS = [
    ["compare", "llama2", "qwen2", "mixtral", "gpt-4", "t5", "bert"],
    ["params", "deepseek-v3", "bert", "gpt-4"],
    ["flops", "llama2", "t5", "deepseek-v3", "gpt-4", "--phase", "decode"],
    ["kvcache", "llama2", "gpt-4", "t5", "--ctx", "4k", "--ctx", "8k"],
    ["kvcache", "gemma3-4b", "t5", "gpt-4", "--engine", "llama.cpp", "--k-dtype", "q8_0", "--explain"],
    ["kvcache", "gemma3-4b", "t5", "gpt-4", "--budget", "24GiB", "--engine", "vllm", "--weights", "bf16"],
    ["list", "--family", "qwen"],
    ["show", "mixtral"],
    ["evolve", "llama"],
    ["pick", "--memory", "24GiB", "--task", "code", "--all"],
]


@pytest.mark.parametrize("arguments", JSON_COMMANDS, ids=lambda arguments: arguments[0])
def test_json_is_one_document_with_the_keys_of_the_csv(arguments: list[str], tmp_path: Path) -> None:
    run = llm(*arguments, "--json", "-o", str(tmp_path / "t.csv"), "-o", str(tmp_path / "t.json"))
    printed = json.loads(run.stdout)
    assert set(printed) == {"command", "settings", "rows"}
    assert printed["command"] == arguments[0]
    assert json.loads((tmp_path / "t.json").read_text()) == printed
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(printed["rows"])
    for text, row in zip(rows, printed["rows"], strict=True):
        assert list(text) == list(row)
        assert text["model"] == row["model"]
        assert all(text[key] == ("" if value is None else str(value)) for key, value in row.items())


def test_compare_prints_exact_numbers_in_base_units() -> None:
    rows = {row["model"]: row for row in document("compare", "llama2", "mixtral", "gpt-4", "--ctx", "4k")["rows"]}
    assert rows["llama2-7b"]["parameters"] == 6738415616
    assert rows["llama2-7b"]["kv_bytes"] == 2 * 2**30
    assert rows["llama2-7b"]["total_bytes"] == 2 * 6738415616 + 2 * 2**30
    assert rows["mixtral-8x7b"]["active_parameters"] == 12879925248
    assert rows["gpt-4"]["parameters"] is None
    assert rows["gpt-4"]["estimated_parameters"] == 18 * 10**11 and "https://" in rows["gpt-4"]["estimate_source"]


def test_kvcache_has_a_row_for_each_model_and_context() -> None:
    rows = document("kvcache", "llama2", "gemma3", "--ctx", "4k", "--ctx", "128k", "--batch", "3", "--dtype", "fp8")[
        "rows"
    ]
    assert [(row["model"], row["context"]) for row in rows] == [
        ("llama2-7b", 4096),
        ("llama2-7b", 131072),
        ("gemma3-4b", 4096),
        ("gemma3-4b", 131072),
    ]
    assert rows[0]["kv_bytes"] == 3 * 2**30


def test_kvcache_alone_ranks_every_decoder_undisclosed_ones_last() -> None:
    rows = document("kvcache", "--ctx", "128k")["rows"]
    sizes = [row["kv_bytes"] for row in rows if row["kv_bytes"] is not None]
    assert sizes == sorted(sizes)
    assert [row["kv_bytes"] for row in rows[-3:]] == [None] * 3
    encoders = [name for name in preset_files() if llmcmp.load(name).card.architecture == "encoder-only"]
    assert len(rows) == len(preset_files()) - len(encoders)


def test_beyond_a_window_there_is_one_mark_a_row_and_one_line() -> None:
    run = llm("kvcache", "llama2", "gpt2", "qwen2", "--ctx", "128k")
    marked = [line.split()[0] for line in run.stdout.splitlines() if " * " in line]
    assert marked == ["llama2-7b", "gpt2"]
    assert run.stderr == "* beyond the context window of llama2-7b (4k), gpt2 (1k); computed all the same\n"
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--family", "mpt"], {"mpt-7b", "mpt-30b"}),
        (["--class", "prefix-decoder"], {"chatglm-6b", "glm-130b"}),
        (["--family", "llama", "--min", "100B"], {"llama3.1-405b", "llama4-scout", "llama4-maverick"}),
        (["--task", "fill-mask", "--max", "20M"], {"albert-base", "albert-large"}),
        (
            ["--class", "moe", "--language", "zh", "--max", "30B"],
            {"qwen1.5-moe-a2.7b", "deepseek-moe-16b", "deepseek-v2-lite"},
        ),
    ],
)
def test_list_filters_by_card_and_size(arguments: list[str], names: set[str]) -> None:
    assert {row["model"] for row in document("list", *arguments)["rows"]} >= names
    assert len(document("list", *arguments)["rows"]) <= len(names) + 1


def test_nothing_that_fits_is_code_3_and_still_a_document() -> None:
    run = llm("pick", "--memory", "1MiB", "--json")
    assert run.returncode == 3 and json.loads(run.stdout)["rows"] == []
    assert run.stderr.startswith("error: no model suits and fits")


def test_an_engine_says_what_it_reserves_beyond_the_need() -> None:
    run = document("kvcache", "gemma3-4b", "t5", "--ctx", "32k", "--engine", "llama.cpp")
    gemma, t5 = run["rows"]
    assert gemma["kv_bytes"] == 814 * 2**20 and gemma["needed_bytes"] == 756 * 2**20 and gemma["refused"] is None
    assert t5["kv_bytes"] is None and "llama.cpp refuses t5-base" in t5["refused"]
    assert run["settings"]["tuning"] == {"ubatch": 512, "swa_full": False, "unified": False}


def test_a_budget_is_answered_in_tokens_or_in_sequences() -> None:
    rows = document("kvcache", "llama2", "gpt-4", "--budget", "24GiB", "--weights", "bf16")["rows"]
    held = llmcmp.memory(llmcmp.load("llama2-7b"), rows[0]["context"]).bytes
    assert held <= 24 * 2**30 < held + 524288 and rows[0]["left_bytes"] == 24 * 2**30 - held
    assert rows[1]["context"] is None
    assert document("kvcache", "llama2", "--budget", "5GiB", "--ctx", "4k")["rows"][0]["batch"] == 2
    assert llm("kvcache", "llama2", "--budget", "1KiB").returncode == 3


def test_an_empty_list_is_still_a_document() -> None:
    assert document("list", "--class", "prefix-decoder", "--min", "1T")["rows"] == []


ERRORS = [
    (["compare", "lama-8b"], 1, "did you mean 'llama3-8b'"),
    (["compare", "llama/x*"], 1, "no preset matches"),
    (["compare", "/absent/llama2-7b"], 1, "unknown model"),
    (["compare", "!!!llama3???"], 1, "unknown model"),
    (["params", "llama3-8b:layers=99999999999999999999"], 1, "layers"),
    (["params", "llama3-8b:kv_heads="], 1, "key=value"),
    (["compare", "llama2", "--source", "512"], 2, "leave --source out"),
    (["flops", "llama2", "--prefix", "512"], 2, "leave --prefix out"),
    (["flops", "llama2", "--latent", "absorbed"], 2, "leave --latent out"),
    (["kvcache", "llama2", "--source", "512"], 2, "leave --source out"),
    (["compare", "llama2", "--ctx", "9" * 400], 2, "--ctx"),
    (["compare", "llama2", "--batch", "9" * 400], 2, "batch"),
    (["compare", "gpt-4", "llama2", "--baseline", "gpt-4"], 1, "undisclosed"),
    (["kvcache", "bert", "-o", "x.png"], 1, "nothing to draw"),
    (["params", "t5", "--layers", "-o", "x.svg"], 1, "leave out --layers"),
    (["show", "absent.toml"], 1, "no such file"),
    (["show", "llama2:heads=x"], 1, "[attention] heads"),
    (["compare", "llama2", "--ctx", "5kb"], 2, "'5kb' is not a length"),
    (["compare", "llama2", "--ctx", "0"], 2, "between 1 and"),
    (["compare", "llama2", "--baseline", "qwen2"], 1, "not among the models"),
    (["compare", "llama2", "--weights", "int5"], 2, "int5"),
    (["kvcache", "llama2", "--batch", "0"], 2, "batch"),
    (["kvcache", "llama2", "--engine", "other"], 2, "other"),
    (["kvcache", "llama2", "--dtype", "q9_0"], 2, "unknown cache dtype"),
    (["kvcache", "llama2", "--tp", "2"], 2, "tp mean nothing"),
    (["kvcache", "llama2", "--engine", "vllm", "--ubatch", "2"], 2, "vllm has no ubatch"),
    (["kvcache", "llama2", "--weights", "bf16"], 2, "give a budget"),
    (["kvcache", "llama2", "--budget", "lots"], 2, "--budget: 'lots'"),
    (["kvcache", "llama2", "--budget", "1GiB", "--ctx", "1k", "--ctx", "2k"], 2, "takes one --ctx"),
    (["kvcache", "llama2", "--budget", "1GiB", "--ctx", "1k", "--batch", "2"], 2, "leave --batch out"),
    (["list", "--family", "lama"], 1, "did you mean 'llama'"),
    (["evolve", "lama"], 1, "did you mean 'llama'"),
    (["pick", "--memory", "24G"], 2, "try 24GiB"),
    (["pick", "--memory", "1GiB", "--overhead", "2GiB"], 2, "leaves nothing"),
    (["list", "--min", "big"], 2, "'big' is not a count"),
    (["compare"], 2, "MODEL"),
    (["nonsense"], 2, "nonsense"),
    (["compare", "llama2", "-o", "absent/x.csv"], 1, "there is no folder 'absent'"),
    (["compare", "llama2", "-o", "x.doc"], 1, "unknown suffix '.doc'"),
    (["compare", "gpt-4", "-o", "x.png"], 1, "nothing to draw"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "message"), ERRORS, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_a_mistake_gets_one_clear_line_and_its_exit_code(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    run = llm(*arguments, cwd=tmp_path)
    assert run.returncode == code
    assert message in run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    if code == 1:
        assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    source = preset_files()["llama3-8b"].read_text()
    (tmp_path / "mine.toml").write_text(source.replace("layers = 32", "layers = 40"))
    run = llm("kvcache", "mine.toml", "llama3", cwd=tmp_path)
    assert run.returncode == 1 and "two different models are called 'llama3-8b'" in run.stderr


@pytest.mark.parametrize("command", ["compare", "flops", "kvcache --budget 1GiB --weights int4", "plot roofline"])
def test_where_weights_have_bytes_a_quantised_file_is_named(command: str, tmp_path: Path) -> None:
    sizes = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4}
    packed = {"model_type": "llama", "vocab_size": 77, "quantization_config": {"quant_method": "gptq"}} | sizes
    (tmp_path / "packed.json").write_text(json.dumps(packed))
    run = llm(*command.split(), "packed.json", "-o", "told.md", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "not as in the quantised files of packed (gptq)" in (tmp_path / "told.md").read_text()


def test_a_model_without_a_date_is_left_out_of_a_plot_by_date(tmp_path: Path) -> None:
    text = preset_files()["llama3-8b"].read_text()
    undated = re.sub(r'released = "[^"]*"', 'released = "unknown"', text).replace('"llama3-8b"', '"undated"')
    (tmp_path / "undated.toml").write_text(undated)
    run = llm("plot", "kv-year", "undated.toml", "llama2-7b", "-o", "plot.svg", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "left out, no date of release: undated" in run.stderr


def test_a_preset_file_is_plotted_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(preset_files()["llama3-8b"].read_text().replace('"llama3-8b"', '"mine"'))
    for command in ("params", "kvcache", "flops", "compare", "show"):
        run = llm(command, "mine.toml", "-o", f"{command}.svg", cwd=tmp_path)
        assert run.returncode == 0, run.stderr


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    run = llm("show", "llama2", PYTHONIOENCODING="ascii")
    assert run.returncode == 0 and "Traceback" not in run.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    run = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m llmcmp list > /dev/full"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1 and run.stderr.startswith("error: cannot write the answer")
    assert run.stderr.count("\n") == 1


def test_what_is_shown_differently_is_a_difference() -> None:
    assert "Layers" in llm("compare", "bart-base", "gpt2", "--only-diff").stdout


def test_a_source_beyond_the_window_is_marked_too() -> None:
    for command in ("compare", "kvcache", "flops"):
        run = llm(command, "t5", "--ctx", "128", "--source", "1M")
        assert "t5-base *" in run.stdout and "t5-base (512)" in run.stderr


def test_nothing_is_said_of_a_window_where_nothing_is_computed() -> None:
    for arguments in (["compare", "gpt-4", "llama2", "--ctx", "16k"], ["flops", "bert", "llama2", "--phase", "decode"]):
        run = llm(*arguments)
        assert "gpt-4 (" not in run.stderr and "bert-base (" not in run.stderr


def test_one_format_that_fails_leaves_no_other_file(tmp_path: Path) -> None:
    run = llm("show", "gpt-4", "-o", "a.csv", "-o", "a.png", cwd=tmp_path)
    assert run.returncode == 1 and "disclosed" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_plot_of_a_prefix_begins_where_it_fits(tmp_path: Path) -> None:
    assert llm("flops", "glm-130b", "--prefix", "1k", "--ctx", "2k", "-o", "p.svg", cwd=tmp_path).returncode == 0


def test_patterns_stand_for_the_presets_that_they_match() -> None:
    shown = [row["model"] for row in document("params", "qwen3-*b-a*")["rows"]]
    assert shown == ["qwen3-30b-a3b", "qwen3-235b-a22b", "qwen3-next-80b-a3b"]


def test_a_traceback_appears_only_when_debugging() -> None:
    assert "Traceback" in llm("compare", "lama-8b", LLMCMP_DEBUG="1").stderr


def test_a_bad_output_is_refused_before_any_work_and_loses_no_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("old")
    run = llm("compare", "llama2", "-o", str(kept), "-o", str(tmp_path / "absent" / "x.csv"))
    assert run.returncode == 1
    assert kept.read_text() == "old"


@pytest.mark.parametrize("suffix", ["csv", "json", "md", "tex", "html", "png", "svg", "pdf"])
def test_every_format_is_written_whole(suffix: str, tmp_path: Path) -> None:
    run = llm("compare", "llama2", "t5", "-o", f"x.{suffix}", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    content = (tmp_path / f"x.{suffix}").read_bytes()
    magic = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml", "html": b"<!doctype html>", "tex": b"% 4k tokens"}
    assert content.startswith(magic.get(suffix, b""))
    assert [path.name for path in tmp_path.iterdir()] == [f"x.{suffix}"]
    if suffix not in ("png", "pdf", "svg"):
        assert b"llama2-7b" in content


@pytest.mark.parametrize(
    "arguments", [["compare", "llama2"], ["kvcache", "--ctx", "128k"], ["show", "t5"], ["flops", "bert"]]
)
def test_a_pipe_gets_no_colour_and_nothing_cut(arguments: list[str]) -> None:
    run = llm(*arguments)
    assert "\x1b" not in run.stdout
    assert "…" not in run.stdout.replace(" … ", "")
    assert all(line == line.rstrip() for line in run.stdout.splitlines())


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m llmcmp kvcache --ctx 128k | head -1"
    run = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr and "BrokenPipe" not in run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize(
    "name", ["list", "show", "compare", "params", "flops", "kvcache", "bench", "devices", "evolve", "pick"]
)
def test_every_command_explains_itself_with_three_examples(name: str) -> None:
    run = llm(name, "--help")
    assert run.returncode == 0
    assert run.stdout.count(f" llmcmp {name}") >= 3


def test_the_version_is_printed() -> None:
    assert llm("--version").stdout == f"llmcmp {llmcmp.__version__}\n"


def test_completion_completes_model_names() -> None:
    run = llm("", _LLMCMP_COMPLETE="complete_bash", COMP_WORDS="llmcmp compare mixtr", COMP_CWORD="2")
    # The program is named by its module here; an installed one completes under its own name.
    run = subprocess.run(
        [str(Path(sys.executable).parent / "llmcmp")],
        capture_output=True,
        text=True,
        env=os.environ | {"_LLMCMP_COMPLETE": "complete_bash", "COMP_WORDS": "llmcmp compare mixtr", "COMP_CWORD": "2"},
        check=False,
    )
    assert run.stdout.split() == ["mixtral-8x7b", "mixtral-8x22b", "mixtral", "mixtral-8x7b-v0.1", "mixtral-8x22b-v0.1"]


def test_explanations_end_in_the_numbers_of_the_table() -> None:
    explained = llm("params", "mixtral", "--explain").stdout
    assert json.loads(llm("params", "mixtral", "--explain", "--json").stdout)["command"] == "params"
    assert "total = 46,702,792,704" in explained and "12,879,925,248" in explained
    explained = llm("kvcache", "gemma3-27b", "--ctx", "128k", "--explain").stdout
    assert "min(131,072, 1,024) tokens" in explained
    cache = llmcmp.kvcache(llmcmp.load("gemma3-27b"), ctx=131072).bytes
    assert f"{cache:,} bytes" in explained
    for phase in ("prefill", "decode", "train"):
        explained = llm("flops", "t5", "--phase", phase, "--source", "7", "--ctx", "5", "--explain").stdout
        row = document("flops", "t5", "--phase", phase, "--source", "7", "--ctx", "5")["rows"][0]
        assert f"{row['flops']:,}" in explained


def test_the_products_of_an_explanation_sum_to_its_forward_pass() -> None:
    lines = llm("flops", "deepseek-v3", "--phase", "decode", "--explain").stdout.splitlines()
    counted = [line for line in lines if " rows × " in line or " pairs (" in line]
    products = [int(line.rsplit(" = ", 1)[1].replace(",", "")) for line in counted]
    row = document("flops", "deepseek-v3", "--phase", "decode")["rows"][0]
    assert sum(products) == row["flops"]


def test_only_differences_can_be_shown() -> None:
    keys = set(document("compare", "llama3-8b", "llama3.1-8b", "--only-diff")["rows"][0])
    assert keys == {"model", "released", "position", "context"}


def test_ratios_to_a_baseline_are_exact() -> None:
    rows = document("compare", "llama2", "llama2-13b", "--baseline", "llama2")["rows"]
    assert rows[0]["parameters_ratio"] == 1
    assert rows[1]["parameters_ratio"] == 13015864320 / 6738415616


@pytest.mark.parametrize("command", ["params", "flops", "kvcache"])
def test_a_table_of_undisclosed_models_alone_says_why_it_is_empty(command: str) -> None:
    run = llm(command, "gpt-4", "gpt-3.5")
    assert run.returncode == 0
    assert "undisclosed" in run.stdout + run.stderr and "gpt-4" in run.stdout + run.stderr


@pytest.mark.parametrize("command", [["compare"], ["flops"], ["plot", "roofline"], ["kvcache"]])
def test_a_cache_with_scales_is_known_to_every_command(command: list[str]) -> None:
    assert llm(*command, "llama3-8b", "--dtype", "q8_0").returncode == 0
