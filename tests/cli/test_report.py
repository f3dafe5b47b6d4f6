"""`plot` and `report` on the command line."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import llmcmp
from llmcmp.cli.app import build
from llmcmp.errors import OutputError, QuantityError, UnknownModelError
from llmcmp.tables.drawn import KINDS


def ran(*arguments: str) -> str:
    """stdout of a run; errors pass through."""
    with redirect_stdout(io.StringIO()) as printed:
        build().main(args=[*arguments], prog_name="llmcmp", standalone_mode=False)
    return printed.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_plot_prints_the_numbers_that_it_draws(kind: str, tmp_path: Path) -> None:
    png, csv = tmp_path / "x.png", tmp_path / "x.csv"
    text = ran("plot", kind, "llama3-8b", "mixtral", "-o", str(png), "-o", str(csv))
    assert "llama3-8b" in text and "mixtral-8x7b" in text
    assert png.read_bytes().startswith(b"\x89PNG")
    rows = json.loads(ran("plot", kind, "llama3-8b", "mixtral", "--json"))["rows"]
    assert len(csv.read_text().splitlines()) == len(rows) + 1


def test_plot_takes_the_settings_of_its_kind() -> None:
    document = json.loads(ran(*"plot roofline gpt2 --device l4 --compute fp8 --batch 7 --json".split()))
    assert document["settings"]["peak_flops_per_second"] == 242e12
    assert (document["settings"]["device"], document["settings"]["batch"]) == ("l4", 7)
    document = json.loads(ran("plot", "kv", "llama3-8b", "--ctx", "3000", "--dtype", "fp8", "--json"))
    last = document["rows"][-1]
    assert last["kv_bytes"] == llmcmp.kvcache(llmcmp.load("llama3-8b"), 3000, dtype="fp8").bytes


def test_an_unknown_device_or_a_peak_that_it_lacks_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="unknown device 'gtx'"):
        ran("plot", "roofline", "gpt2", "--device", "gtx")
    with pytest.raises(QuantityError, match="no published peak in fp4"):
        ran("plot", "roofline", "gpt2", "--compute", "fp4")


def test_a_report_writes_page_and_folder_in_one_go(tmp_path: Path) -> None:
    page, folder = tmp_path / "r.html", tmp_path / "r"
    ran("report", "gpt2", "-o", str(page), "-o", str(folder))
    assert page.read_bytes() == (folder / "index.html").read_bytes()
    assert (folder / "figures" / "blocks" / "gpt2.svg").is_file() and (folder / "tables" / "kvcache.tex").is_file()
    ran("report", "bert-base", "-o", str(folder))
    assert "bert-base" in (folder / "report.md").read_text() and not list((folder / "figures").rglob("gpt2*"))


def test_a_report_without_a_place_prints_its_first_table() -> None:
    assert "gpt2" in ran("report", "gpt2")
    tables = json.loads(ran("report", "gpt2", "--json"))["tables"]
    assert tables["parameters"]["rows"][0]["parameters"] == llmcmp.params(llmcmp.load("gpt2")).total


def test_a_report_goes_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a report is an .html page or a folder"):
        ran("report", "gpt2", "-o", str(tmp_path / "r.pdf"))
