"""`llmcmp evolve FAMILY`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import answer, display, note, prepare, write_all
from llmcmp.cli.timeline import timeline_view
from llmcmp.exports import json_text
from llmcmp.tables.evolve import evolve_table


def run(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="gpt, llama, glm, qwen, deepseek, bert, t5 ...")],
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """What changed from release to release of a family: computed from the presets, beside what their cards say.

    Examples:

      llmcmp evolve llama

      llmcmp evolve deepseek -o deepseek.svg -o deepseek.md

      llmcmp evolve bert --json
    """
    outputs = prepare(output)
    table = evolve_table(family)
    write_all(table, outputs)
    if as_json:
        answer(json_text(table))
        return
    display(timeline_view(table))
    for line in table.notes:
        note(line)
