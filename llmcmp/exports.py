"""Tables as the content of files: csv and json in raw units, md, tex and html for people, png, svg, pdf plots."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmcmp.errors import OutputError
from llmcmp.tables.text import html_table, latex_table, markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from llmcmp.tables.table import Table

PLOTS = (".png", ".svg", ".pdf")


def json_text(table: Table) -> str:
    """One document: command, settings, rows."""
    import json

    return json.dumps(table.document(), indent=2, ensure_ascii=False) + "\n"


def csv_text(table: Table) -> str:
    """The rows of the JSON document, under the same keys."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [column.key for column in table.columns], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.document()["rows"])
    return text.getvalue()


def html_text(table: Table) -> str:
    """A page that holds the table."""
    from html import escape

    notes = "".join(f"<p>{escape(note)}</p>\n" for note in table.notes)
    return html_page(table.title, f"{html_table(table)}\n{notes}")


def html_page(title: str, body: str) -> str:
    """A page of its own around `body`, in the reader's light or dark."""
    from html import escape

    style = (
        ":root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;margin:2rem}"
        "table{border-collapse:collapse}th,td{padding:.3rem .8rem;border-bottom:1px solid #8884;text-align:left}"
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{style}</style>\n<h1>{escape(title)}</h1>\n{body}</html>\n"
    )


TEXTS: dict[str, Callable[[Table], str]] = {
    ".csv": csv_text,
    ".json": json_text,
    ".md": markdown_table,
    ".tex": latex_table,
    ".html": html_text,
}


def check_outputs(paths: Sequence[Path]) -> None:
    """Raise OutputError, before any work is done, for a suffix or a place that cannot be written."""
    for path in paths:
        if path.suffix.lower() not in (*TEXTS, *PLOTS):
            known = ", ".join(suffix.removeprefix(".") for suffix in (*TEXTS, *PLOTS))
            raise OutputError(f"cannot write '{path}': unknown suffix '{path.suffix}'; choose one of {known}")
        folder = path.parent
        if not folder.is_dir():
            raise OutputError(f"cannot write '{path}': there is no folder '{folder}'")
        if path.is_dir():
            raise OutputError(f"cannot write '{path}': it is a folder")
        if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise OutputError(f"cannot write '{path}': permission denied")


def content(table: Table, path: Path) -> bytes:
    """A table in the format of a file's suffix. Raises OutputError where a plot has nothing to draw."""
    suffix = path.suffix.lower()
    return _plot_bytes(table, suffix) if suffix in PLOTS else TEXTS[suffix](table).encode()


def _plot_bytes(table: Table, suffix: str) -> bytes:
    from llmcmp.plots import plot

    return plot.image(table, suffix.removeprefix("."))
