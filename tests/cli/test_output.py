"""Tables on a terminal: every column and every word is somewhere, at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from llmcmp.cli.card import model_view
from llmcmp.cli.output import panels, rich_table
from llmcmp.sources.presets import every_model, load_all
from llmcmp.tables.caches import kvcache_table
from llmcmp.tables.compare import compare
from llmcmp.tables.compute import flops_table
from llmcmp.tables.diagram import diagram, layer_range
from llmcmp.tables.grid import grid
from llmcmp.tables.listing import list_table
from llmcmp.tables.sizes import layers_table, params_table
from llmcmp.tables.table import Table

NAMES = ["llama2", "deepseek-v3", "t5", "gemma3", "gpt-4", "bert"]
TABLES = [
    compare(NAMES),
    compare(["*".join(["gpt/", ""])]),
    compare(NAMES[:3], baseline="t5"),
    params_table(load_all(NAMES)),
    layers_table(load_all(["deepseek-v3", "t5"])),
    flops_table(load_all(NAMES), "decode", 4096),
    kvcache_table(load_all(NAMES), [4096, 131072]),
    kvcache_table(load_all(NAMES), [4096]),
    list_table(family="qwen"),
]


def drawn(table: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    for panel in panels(grid(table), width):
        console.print(rich_table(panel))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.command} {len(table.rows)}")
def test_nothing_is_cut_at_any_width(table: Table, width: int) -> None:
    text = drawn(table, width)
    assert "…" not in text
    words = set(text.replace("\x1b", " ").split())
    for line in (*(line.cells for line in grid(table).lines), grid(table).headings):
        for cell in line:
            assert all(word in text for word in cell.text.split()), cell.text
    assert words


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.command} {len(table.rows)}")
def test_no_line_is_wider_than_the_terminal(table: Table) -> None:
    import re

    for line in re.sub(r"\x1b\[[0-9;]*m", "", drawn(table, 80)).splitlines():
        assert len(line.rstrip()) <= 80


def test_few_models_stand_side_by_side_and_many_in_rows() -> None:
    few, many = grid(compare(["gpt2", "bert"])), grid(compare(["t5/*"]))
    assert [cell.text for cell in few.headings] == ["", "gpt2 *", "bert-base *"]
    assert many.headings[0].text == "Model" and len(many.lines) == 15


@pytest.mark.parametrize("model", [m for m in every_model() if m.disclosed], ids=lambda model: model.name)
def test_every_model_is_drawn_within_80_columns_and_closed_frames(model: object) -> None:
    lines = diagram(model)  # type: ignore[arg-type]
    assert all(len(line) <= 78 for line in lines)
    frames = [line for line in lines if line.startswith(("┌", "│", "└"))]
    assert {len(line) for line in frames} == {64}
    assert all(line[-1] in "┐│┘" for line in frames)


def test_a_model_view_holds_card_tensors_and_sources() -> None:
    console = Console(file=io.StringIO(), width=100, no_color=True)
    for piece in model_view(load_all(["deepseek-v3"])[0]):
        console.print(piece)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for expected in (
        "671,026,404,352",
        "key_up.weight",
        "arxiv.org/abs/2412.19437",
        "multi-token prediction",
        "layers 3–60",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([0], "0"),
        ([0, 1, 2], "0–2"),
        ([0, 2, 3, 5], "0, 2–3, 5"),
        (list(range(0, 40, 2)), "0, 2, 4 … 38"),
    ],
)
def test_layers_are_named_in_ranges(numbers: list[int], text: str) -> None:
    assert layer_range(numbers) == text
