"""`llmcmp doctor`"""

from __future__ import annotations

import typer

from llmcmp.cli.diagnosis import findings
from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.tables.table import Column, Table

COLUMNS = (
    Column(key="subject", label="", core=True),
    Column(key="item", label="What", core=True),
    Column(key="state", label="Is", core=True),
    Column(key="problem", label="Problem", unit="flag", machine=True),
    Column(key="next_step", label="What to do", core=True),
)


def run(as_json: JsonOpt = False, output: OutOpt = None) -> None:
    """What a bug report needs: versions, terminal, presets, files, and what is wrong with them.

    Nothing leaves this machine. Exit code 1 if there is a problem.

    Examples:

      llmcmp doctor

      llmcmp doctor --json

      llmcmp doctor -o doctor.md
    """
    outputs = prepare(output)
    found = tuple(findings())
    problems = sum(finding.problem for finding in found)
    rows = tuple(
        {
            "subject": finding.subject,
            "item": finding.item,
            "state": finding.state,
            "problem": finding.problem,
            "next_step": finding.next_step,
        }
        for finding in found
    )
    title = f"{problems or 'No'} problem{'' if problems == 1 else 's'}"
    table = Table(command="doctor", columns=COLUMNS, rows=rows, settings={"problems": problems}, title=title)
    deliver(table, as_json=as_json, outputs=outputs)
    if problems:
        raise typer.Exit(1)
