"""`llmcmp show MODEL`"""

from __future__ import annotations

from llmcmp.cli.card import model_view
from llmcmp.cli.options import ExplainOpt, JsonOpt, ModelArg, OutOpt
from llmcmp.cli.output import answer, display, prepare, show_lines, write_all
from llmcmp.exports import json_text
from llmcmp.sources.presets import load
from llmcmp.tables.show import show_table


def run(model: ModelArg, as_json: JsonOpt = False, output: OutOpt = None, explain: ExplainOpt = False) -> None:
    """One model: its card, its block drawn, its layers, its tensors.

    Examples:

      llmcmp show deepseek-v3

      llmcmp show gpt-4

      llmcmp show mixtral:experts=16 --json
    """
    outputs = prepare(output)
    loaded = load(model)
    table = show_table(loaded)
    write_all(table, outputs)
    if as_json:
        answer(json_text(table))
    else:
        display(model_view(loaded))
    if explain:
        from llmcmp.tables.formulas import params_formulas

        show_lines(params_formulas(loaded), aside=as_json)
