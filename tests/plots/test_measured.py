"""Plots of measurements show the numbers of their rows and stay inside the picture."""

from __future__ import annotations

from typing import Any

import pytest
from tiny import tiny

from llmcmp.bench.figures import figures
from llmcmp.bench.parts import phases_of, whole
from llmcmp.bench.settings import Settings
from llmcmp.errors import OutputError
from llmcmp.plots import plot
from llmcmp.tables.grid import grid
from llmcmp.tables.measured import bench_table
from llmcmp.tables.table import Table

CEILINGS = {"matmul_flops_per_second": 1e9, "copy_bytes_per_second": 1e9, "read_bytes_per_second": 1e9}
MACHINE = {"cpu": "a processor", "gpu": None, "torch": "2.0", "os": "x", "llmcmp": "0", "commit": None}


def record(name: str, settings: Settings, status: str = "ok") -> dict[str, Any]:
    model = tiny()
    seconds = [0.001 * settings.prompt * step for step in (1.0, 1.1, 0.9, 1.2, 0.8)]
    phases = {phase: {"seconds": seconds, "counted_flops": 8} for phase in settings.phases}
    found = [{"memory_is": "given", "phases": phases, "peak_bytes": 5, "cache_bytes": 6}]
    made = figures(model, settings, phases_of(model, settings), whole(model, settings), found, CEILINGS)
    return {
        "model": name,
        "status": status,
        "reason": None if status == "ok" else "its process was ended",
        "date": "2026-01-01",
        "key": name,
        "settings": settings.document(),
        "environment": MACHINE,
        "ceilings": CEILINGS if status == "ok" else {},
        "changes": ["hidden 9 → 3"],
        "multiplied": [],
        "figures": made if status == "ok" else {},
    }


def table(*records: dict[str, Any]) -> Table:
    return bench_table(records, {}, "here.jsonl")


SIDE = table(
    *(record(name, Settings(phases=("prefill", "decode"))) for name in ("a", "b")), record("c", Settings(), "crashed")
)
GROWTH = table(*(record(name, Settings(prompt=ctx)) for name in ("a", "b") for ctx in (64, 128, 256)))


def test_bars_are_the_tokens_a_second_of_the_rows() -> None:
    axes = plot.figure(SIDE).axes
    assert [panel.get_xlabel() for panel in axes[:2]] == ["Prefill, tokens/s", "Decode, tokens/s"]
    widths = [bar.get_width() for bar in axes[1].patches]
    assert widths == [row["decode_tokens_per_second"] for row in SIDE.rows[:2]]


def test_lines_are_the_times_of_the_rows_by_context() -> None:
    axes = plot.figure(GROWTH).axes
    lines = {line.get_label(): line for line in axes[1].get_lines()}
    assert set(lines) == {"a", "b"}
    assert list(lines["a"].get_xdata()) == [64, 128, 256]
    assert list(lines["a"].get_ydata()) == [row["decode_seconds"] for row in GROWTH.rows[:3]]


@pytest.mark.parametrize("made", [SIDE, GROWTH], ids=["side by side", "growth"])
def test_everything_drawn_stays_inside_the_picture(made: Table) -> None:
    drawn = plot.figure(made)
    drawn.draw_without_rendering()
    box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
    assert box.x0 >= -0.01 and box.x1 <= width + 0.01
    assert box.y0 >= -0.01 and box.y1 <= height + 0.01


def test_nothing_measured_is_nothing_to_draw() -> None:
    with pytest.raises(OutputError, match="no model could be measured"):
        plot.image(table(record("c", Settings(), "crashed")), "png")


def test_a_failed_row_has_its_status_and_dashes_and_a_note() -> None:
    lines = {line.cells[0].text: [cell.text for cell in line.cells[1:]] for line in grid(SIDE).lines}
    assert lines["Status"] == ["ok", "ok", "crashed"]
    assert lines["Decode tokens/s"][2] == "—"
    assert "c: crashed: its process was ended" in SIDE.notes
    assert "Status" not in {line.cells[0].text for line in grid(table(record("a", Settings()))).lines}


def test_swept_settings_stand_in_the_table() -> None:
    shown = [f"{name}, 1 × {context}" for name in "ab" for context in (64, 128, 256)]
    assert [cell.text for cell in grid(GROWTH).headings] == ["", *shown]
    lines = {line.cells[0].text: [cell.text for cell in line.cells[1:]] for line in grid(GROWTH).lines}
    assert lines["Context"] == ["64", "128", "256"] * 2
