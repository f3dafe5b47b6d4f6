"""The documents are what the program says: references, outputs in guides, links; and the site loads nothing."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generate()
GUIDES = generate.guides()


def test_the_reference_is_what_the_program_says() -> None:
    changed = [path.relative_to(ROOT) for path in generate.stale(outputs=False)]
    assert not changed, "write them anew: python docs/generate.py"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_outputs_in_a_guide_are_what_is_printed(path: Path) -> None:
    text = path.read_text("utf-8")
    assert generate.refreshed(text) == text, "write them anew: python docs/generate.py"


def test_guides_show_commands_and_outputs() -> None:
    shown = [block for path in GUIDES for block in generate.BLOCK.finditer(path.read_text("utf-8")) if block["command"]]
    assert len(shown) > 25 and all(block["shown"].strip() for block in shown)


def test_a_wrong_output_is_noticed() -> None:
    text = "```console\n$ llmcmp config get batch\n2\n```\n"
    assert generate.refreshed(text) == text.replace("2", "1")
    with pytest.raises(SystemExit):
        generate.refreshed("```console\n$ llmcmp show lama\nLLaMA\n```\n")


def test_what_is_left_out_may_be_anything_and_what_is_shown_may_not() -> None:
    assert generate.holds("a\nb\nc\nd", "a\n…\nc\n")
    assert not generate.holds("a\nb\nc\nd", "a\n…\ne\n")
    assert not generate.holds("a\nb\nc\nd", "c\n…\na\n")


def test_what_is_left_out_stays_left_out_when_the_rest_changes() -> None:
    assert generate.shortened("a\nb\nc\nd\ne", "1\n2\n…\n5\n") == "a\nb\n…\ne"
    assert generate.shortened("a\nb\nc", "1\n…\n") == "a\n…"


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert named == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_the_site_builds_and_loads_nothing_from_outside(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(?:https?:)?//[^ >]+", page.read_text("utf-8")
        )
        assert [each for each in loaded if 'rel="canonical"' not in each] == [], page.name
