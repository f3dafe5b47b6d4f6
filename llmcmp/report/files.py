"""A report as files: one page, or a folder of the page, Markdown, and each table and figure by itself.

A folder appears whole or not at all: it is made beside its place under another name and moved there. One that holds
anything but an older report is never touched.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError
from llmcmp.exports import PLOTS, TEXTS, check_outputs, content
from llmcmp.plots import plot
from llmcmp.report.about import CONVENTIONS, command, settings_line
from llmcmp.tables.text import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llmcmp.report.contents import Report
    from llmcmp.report.figures import Figures

OURS = {"index.html", "report.md", "tables", "figures"}
MADE_BY = 'name="generator" content="llmcmp '


def is_page(path: Path) -> bool:
    """Whether a report at this place is one page."""
    return path.suffix.lower() == ".html"


def check_places(paths: Sequence[Path]) -> None:
    """Raise OutputError, before any work is done, for a place that a report cannot be written to."""
    check_outputs([path for path in paths if is_page(path)])
    for path in paths:
        if not is_page(path):
            _check_folder(path)


def _check_folder(path: Path) -> None:
    if path.suffix.lower() in (*TEXTS, *PLOTS):
        raise OutputError(f"cannot write '{path}': a report is an .html page or a folder")
    parent = path.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"cannot write '{path}': there is no folder '{parent}'")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"cannot write '{path}': permission denied")
    if path.exists() and not path.is_dir():
        raise OutputError(f"cannot write '{path}': it is a file; name a folder or an .html page")
    others = [] if not path.exists() else sorted({each.name for each in path.iterdir()} - OURS)
    if others:
        raise OutputError(f"cannot write '{path}': it holds '{others[0]}', which is no report's; choose another folder")
    if path.exists() and any(path.iterdir()) and not _is_report(path):
        raise OutputError(f"cannot write '{path}': it holds files that no report wrote; choose another folder")


def _is_report(path: Path) -> bool:
    page = path / "index.html"
    return page.is_file() and MADE_BY in page.read_text("utf-8", errors="replace")[:4096]


def folder_files(
    report: Report, page: str, figures: Figures, done: Callable[[], None] = lambda: None
) -> dict[str, bytes]:
    """The files of a folder by their paths in it. `done` is told of each figure."""
    made = {"index.html": page.encode(), "report.md": _markdown(report, figures).encode()}
    drawn = dict(figures.parts)
    drawn |= {f"blocks/{file_name(name)}": each for name, each in figures.blocks.items()}
    for part in report.parts():
        for suffix in (".csv", ".md", ".tex"):
            name = f"{part.name}{suffix}"
            made[f"tables/{name}"] = content(part.table, Path(name))
    for name, each in drawn.items():
        made[f"figures/{name}.svg"] = each.svg.encode()
        made[f"figures/{name}.png"] = plot.saved(each.figure, "png")
        done()
    return made


def file_name(name: str) -> str:
    """A name as a file's: whatever could lead out of the folder becomes a dash.

    >>> file_name("../a b")
    '-a-b'
    """
    return re.sub(r"[^\w.+-]+", "-", name).lstrip(".") or "-"


def write_folder(made: Mapping[str, bytes], path: Path) -> None:
    """Write a folder whole. Raises OutputError; a failure leaves the old folder, or none."""
    target = path.absolute()
    try:
        beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {error.strerror}") from error
    try:
        for name, data in made.items():
            file = beside / "new" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        _exchange(beside / "new", target, beside / "old")
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {error.strerror}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _exchange(new: Path, target: Path, old: Path) -> None:
    """Put `new` in the target's place; where that fails, what was there returns."""
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise


def _markdown(report: Report, figures: Figures) -> str:
    lines = [f"# {len(report.models)} models", "", settings_line(report.asked), "", f"    {command(report)}", ""]
    for section in report.sections:
        lines += [f"## {section.title}", "", section.lead, ""]
        for part in section.parts:
            if part.name in figures.parts:
                lines += [f"![{part.title}](figures/{part.name}.svg)", ""]
            lines += [markdown_table(part.table), ""]
    lines += ["## Models", ""]
    for model in report.models:
        lines += [f"### {model.name}", "", model.card.changed, ""]
        if model.name in figures.blocks:
            lines += [f"![Architecture of {model.name}](figures/blocks/{file_name(model.name)}.svg)", ""]
        lines += [*(f"- {source.what}, {source.date}: <{source.url}>" for source in model.card.sources), ""]
    lines += ["", "## Conventions", "", *(f"- {line}" for line in CONVENTIONS), ""]
    return "\n".join(lines)
