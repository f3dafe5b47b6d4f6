"""Defaults reach the options: given before environment, environment before file, file before the program's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from program import called

from llmcmp.cli.defaults import keys


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LLMCMP_CONFIG", str(path))
    for key in keys():
        monkeypatch.delenv(f"LLMCMP_{key.upper()}", raising=False)
    return path


def settings(*arguments: str) -> dict[str, Any]:
    run = called(*arguments, "--json")
    assert run.code == 0, run.errors
    return json.loads(run.output)["settings"]


def test_each_place_wins_over_the_next(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings("compare", "llama2")["context"] == 4096
    file.write_text('ctx = "8k"\n')
    assert settings("compare", "llama2")["context"] == 8192
    monkeypatch.setenv("LLMCMP_CTX", "16k")
    assert settings("compare", "llama2")["context"] == 16384
    assert settings("compare", "llama2", "--ctx", "32k")["context"] == 32768


def test_a_key_holds_for_every_command_that_has_the_option_and_no_other(file: Path) -> None:
    file.write_text('ctx = "8k"\nbatch = 3\nweights = "int8"\ndtype = "fp8"\n')
    for command in ("compare", "flops"):
        found = settings(command, "llama2")
        assert (found["context"], found["batch"], found["weights"], found["dtype"]) == (8192, 3, "int8", "fp8")
    assert settings("kvcache", "llama2")["contexts"] == [8192]
    assert "context" not in settings("params", "llama2")
    # What bench measures in is another option of that name, which knows no fp8.
    assert called("bench", "--help").output.count("[default: fp32]") == 1


def test_a_table_holds_for_its_command_over_what_holds_for_all(file: Path) -> None:
    file.write_text(
        'ctx = "8k"\n[flops]\nphase = "decode"\nctx = "16k"\n[kvcache]\nctx = ["2k", "4k"]\n[list]\nmin = "400B"\n'
    )
    assert (settings("flops", "llama2")["phase"], settings("flops", "llama2")["context"]) == ("decode", 16384)
    assert settings("kvcache", "llama2")["contexts"] == [2048, 4096]
    assert settings("compare", "llama2")["context"] == 8192
    assert settings("list")["min_parameters"] == 400 * 10**9


def test_help_shows_the_default_that_holds(file: Path) -> None:
    file.write_text('ctx = "8k"\n')
    assert "[default: 8k]" in called("compare", "--help").output


def test_the_terminals_own_options_have_defaults_too(file: Path) -> None:
    file.write_text("width = 60\nquiet = true\n")
    run = called("compare", "llama2", "qwen2", "mixtral", "--ctx", "8k")
    assert max(map(len, run.output.splitlines())) <= 60 and run.errors == ""
    assert max(map(len, called("compare", "llama2", "qwen2", "mixtral", "--width", "77").output.splitlines())) > 60


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('weights = "int5"', "weights", "'int5' is not one of"),
        ('ctx = "5kb"', "ctx", "'5kb' is not a length"),
        ("batch = 0", "batch", "greater than or equal to 1"),
        ("kontext = 5", "kontext", "unknown key; choose one of ctx, batch"),
        ("[comapre]\nctx = 5", "[comapre]", "unknown table"),
        ("[compare]\nphase = 'x'", "[compare] phase", "unknown key; compare has ctx, batch"),
        ("[compare]\nonly-diff = 'maybe'", "[compare] only-diff", "bool"),
        ("x", "", "not valid TOML"),
    ],
)
def test_what_an_option_refuses_is_an_error_that_names_file_and_key(
    text: str, where: str, message: str, file: Path
) -> None:
    file.write_text(text)
    for arguments in (["compare", "llama2"], ["compare", "--help"]):
        run = called(*arguments)
        assert run.code == 1 and run.output == "" and run.errors.count("\n") == 1
        assert run.errors.startswith(f"error: {file}: {where}") and message in run.errors
    # What mends it still works.
    assert called("config", "path").output == f"{file}\n"
    assert called("doctor").code == 1


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMCMP_WEIGHTS", "int5")
    run = called("compare", "llama2")
    assert run.code == 1 and run.errors.startswith("error: LLMCMP_WEIGHTS: 'int5' is not one of")


def test_set_get_and_unset_go_round(file: Path) -> None:
    assert called("config", "set", "ctx", "32k").errors == f"ctx is 32k in {file}\n"
    assert called("config", "set", "kvcache.ctx", "4k,8k").code == 0
    assert called("config", "set", "kvcache.batch", "3").code == 0
    assert called("config", "set", "quiet", "true").code == 0
    assert file.read_text() == 'ctx = "32k"\nquiet = true\n\n[kvcache]\nctx = ["4k", "8k"]\nbatch = 3\n'
    assert called("config", "get", "ctx").output == "32k\n"
    assert called("config", "get", "kvcache.ctx").output == "4k,8k\n"
    assert called("config", "get", "weights").output == "bf16\n"
    for key in ("ctx", "quiet", "kvcache.ctx", "kvcache.batch"):
        assert called("config", "unset", key).code == 0
    assert settings("compare", "llama2")["context"] == 4096


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["set", "weights", "int5"], 1, "'int5' is not one of"),
        (["set", "ctx", "5kb"], 1, "not a length"),
        (["set", "ctx", "4k", "8k"], 1, "one value, not 2"),
        (["set", "kontext", "5"], 1, "unknown key 'kontext'"),
        (["set", "nothing.ctx", "5"], 1, "'nothing' is no command"),
        (["set", "bench.nothing", "5"], 1, "unknown key 'bench.nothing'"),
        (["set", "ctx"], 2, "the value is missing"),
        (["set"], 2, "name a key"),
        (["get", "bench.device"], 1, "bench.device is not set"),
        (["get", "nothing"], 1, "unknown key 'nothing'"),
        (["change"], 2, "'change' is not one of"),
    ],
)
def test_a_wrong_change_is_one_line_and_changes_nothing(
    arguments: list[str], code: int, message: str, file: Path
) -> None:
    run = called("config", *arguments)
    assert run.code == code and message in run.errors and run.errors.count("\n") == 1
    assert not file.exists()


def test_config_shows_every_key_with_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('ctx = "8k"\n[bench]\ndevice = "cpu"\n')
    monkeypatch.setenv("LLMCMP_BATCH", "3")
    document = json.loads(called("config", "--json").output)
    places = {row["key"]: (row["value"], row["from"]) for row in document["rows"]}
    assert list(places) == [*keys(), "bench.device"]
    assert places["ctx"] == ("8k", "file") and places["batch"] == (3, "LLMCMP_BATCH")
    assert places["weights"] == ("bf16", "default") and places["bench.device"] == ("cpu", "file")
    assert document["settings"] == {"file": str(file), "exists": True}
