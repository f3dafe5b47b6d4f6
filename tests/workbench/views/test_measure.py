"""The Measure tab, by keys and by mouse: rows appear as they come, a run can be called off, and errors are one line."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from driven import Driver, drive
from textual.widgets import Button, ProgressBar, Static

from llmcmp.bench import ask, records, runner
from llmcmp.bench.settings import Settings
from llmcmp.errors import LlmcmpError
from llmcmp.frozen import replace
from llmcmp.shrink import LEAST_BUDGET
from llmcmp.workbench import measuring
from llmcmp.workbench.run_bar import Choice, Number
from llmcmp.workbench.views.measure import MeasureView


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where measurements go in tests."""
    path = tmp_path / "bench.jsonl"
    monkeypatch.setattr(records, "default_path", lambda: path)
    return path


def said(driver: Driver) -> str:
    return str(driver.one("#said", Static).content)


def shown(driver: Driver) -> list[str]:
    """The models in the table."""
    table = driver.main.view.table()
    return [row["model"] for row in table.rows] if table else []


def record(model: str, status: str = "ok") -> dict[str, Any]:
    """A record as a run that failed leaves it, with figures if it did not."""
    seconds = {"prefill_seconds": 0.5, "prefill_seconds_low": 0.4, "prefill_seconds_high": 0.6}
    return {
        "model": model,
        "status": status,
        "reason": None if status == "ok" else "too big",
        "date": "2026-01-01",
        "key": model,
        "settings": Settings(threads=1).document(),
        "environment": {"cpu": "test"},
        "ceilings": {},
        "changes": [],
        "multiplied": [],
        "figures": seconds | {"memory_is": "of a test"} if status == "ok" else {},
    }


def test_rows_appear_as_they_come_and_a_failure_is_a_row_too(monkeypatch: pytest.MonkeyPatch) -> None:
    go = [threading.Event(), threading.Event()]

    def measured(models: Any, settings: Any, progress: Any, stopped: Any):
        assert [model.name for model in models] == ["gpt2", "llama3-8b"] and settings.batch == 3
        progress("gpt2", 0.25)
        assert go[0].wait(60)
        yield record("gpt2")
        progress("llama3-8b", 0.5)
        assert go[1].wait(60)
        yield record("llama3-8b", "does not fit")

    monkeypatch.setattr(measuring, "measured", measured)

    async def script(driver: Driver) -> None:
        driver.main.query_one("#run-batch", Number).value = "3"
        await driver.until(lambda: driver.main.view._selection.batch == 3)
        await driver.press("m")
        await driver.until(lambda: said(driver) == "gpt2 · 1 of 2")
        bar = driver.one(ProgressBar)
        assert bar.display and bar.progress == 0.25 and bar.total == 2
        assert shown(driver) == [] and str(driver.one("#start", Button).label) == "m Stop"
        go[0].set()
        await driver.until(lambda: shown(driver) == ["gpt2"] and said(driver) == "llama3-8b · 2 of 2")
        assert bar.progress == 1.5
        go[1].set()
        await driver.until(lambda: shown(driver) == ["gpt2", "llama3-8b"] and said(driver) == "measured 2 models")
        assert "llama3-8b: does not fit: too big" in str(driver.one("MeasureView .notes", Static).content)
        assert not bar.display and str(driver.one("#start", Button).label) == "m Measure"

    drive(script, ("gpt2", "llama3-8b", "gpt-4"), (120, 40), "measure")


def test_a_table_has_the_settings_that_its_rows_were_measured_under(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(models: Any, settings: Any, progress: Any, stopped: Any):
        for model in models:
            yield record(model.name) | {"settings": replace(settings, threads=1).document()}

    monkeypatch.setattr(measuring, "measured", measured)

    async def script(driver: Driver) -> None:
        driver.main.query_one("#run-batch", Number).value = "3"
        await driver.until(lambda: driver.main.view._selection.batch == 3)
        await driver.press("m")
        await driver.until(lambda: said(driver) == "measured 1 model")
        await driver.press("m")
        await driver.until(lambda: shown(driver) == ["gpt2", "gpt2"] and not driver.main.view.running)
        assert driver.main.view.table().settings["batch"] == 3
        await driver.click(driver.one("#run-measure-dtype", Choice))
        await driver.until(lambda: driver.main.view.settings.dtype == "bf16")
        assert driver.main.view.table().settings["dtype"] == "fp32"
        await driver.press("m")
        await driver.until(lambda: shown(driver) == ["gpt2"] and not driver.main.view.running)
        table = driver.main.view.table()
        assert table.settings["dtype"] == table.rows[0]["dtype"] == "bf16" and "bf16" in table.title

    drive(script, ("gpt2",), (120, 40), "measure")


def test_a_run_is_called_off_and_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(models: Any, settings: Any, progress: Any, stopped: Any):
        yield record("gpt2")
        while not stopped():
            threading.Event().wait(0.01)
        raise ask.Stopped("stopped")

    monkeypatch.setattr(measuring, "measured", measured)

    async def script(driver: Driver) -> None:
        await driver.click(driver.one("#start", Button))
        await driver.until(lambda: shown(driver) == ["gpt2"])
        await driver.click(driver.one("#start", Button))
        await driver.until(lambda: said(driver) == "stopped; what is done is kept")
        assert shown(driver) == ["gpt2"] and not driver.main.view.running

    drive(script, ("gpt2", "llama3-8b"), (120, 40), "measure")


def test_leaving_the_workbench_calls_a_run_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def measured(models: Any, settings: Any, progress: Any, stopped: Any):
        while not stopped():
            threading.Event().wait(0.01)
        ended.set()
        raise ask.Stopped("stopped")
        yield

    monkeypatch.setattr(measuring, "measured", measured)

    async def script(driver: Driver) -> None:
        await driver.press("m")
        await driver.until(lambda: driver.main.view.running)

    drive(script, ("gpt2",), (120, 40), "measure")
    assert ended.wait(60)


def test_without_torch_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: None)

    async def script(driver: Driver) -> None:
        await driver.press("m")
        await driver.until(lambda: said(driver) == "measuring needs torch: pip install 'llmcmp[torch]'")
        assert not driver.main.view.running and shown(driver) == []

    drive(script, ("gpt2",), (80, 24), "measure")


def test_settings_are_those_of_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def measured(models: Any, settings: Any, progress: Any, stopped: Any):
        asked.append(settings)
        raise LlmcmpError("that is all")
        yield

    monkeypatch.setattr(measuring, "measured", measured)

    async def script(driver: Driver) -> None:
        view = driver.main.view
        assert isinstance(view, MeasureView)
        driver.one("#run-measure-scale", Choice).focus()
        await driver.press("right")
        await driver.click(driver.one("#run-measure-dtype", Choice))
        driver.one("#run-measure-prompt", Number).value = "1k"
        driver.one("#run-measure-phases", Choice).focus()
        await driver.press("right", "right")
        await driver.until(lambda: view.settings.phases == ("decode",))
        await driver.press("m")
        await driver.until(lambda: said(driver) == "that is all")
        assert (asked[0].scale, asked[0].dtype, asked[0].prompt) == ("block", "bf16", 1024)
        assert driver.main.selection.context == 4096

    drive(script, ("gpt2",), (120, 40), "measure")


def test_an_undisclosed_model_cannot_be_measured() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("m")
        await driver.until(lambda: "architecture is public" in said(driver))

    drive(script, ("gpt-4",), (80, 24), "measure")


def test_a_real_measurement_ends_in_a_row_and_in_the_file(file: Path) -> None:
    async def script(driver: Driver) -> None:
        view = driver.main.view
        assert isinstance(view, MeasureView)
        for name, value in (("prompt", "4"), ("generate", "2")):
            driver.one(f"#run-measure-{name}", Number).value = value
        await driver.until(lambda: (view.settings.prompt, view.settings.generate) == (4, 2))
        view.settings = replace(view.settings, budget=LEAST_BUDGET, repeats=5, threads=1, phases=("prefill",))
        await driver.press("m")
        await driver.until(lambda: shown(driver) == ["gpt2"], patience=300)
        table = view.table()
        assert table is not None and table.rows[0]["status"] == "ok" and table.rows[0]["prefill_seconds"] > 0
        assert len(records.RecordFile(file).read()) == 1

    drive(script, ("gpt2",), (120, 40), "measure")
