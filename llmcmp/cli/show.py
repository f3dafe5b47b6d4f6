"""`llmcmp show MODEL`"""

from __future__ import annotations

from llmcmp.cli.card import model_view
from llmcmp.cli.options import ExplainOpt, JsonOpt, ModelArg, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.sources.presets import load
from llmcmp.tables.show import show_table


def run(model: ModelArg, as_json: JsonOpt = False, output: OutOpt = None, explain: ExplainOpt = False) -> None:
    """One model: its card, its block drawn, its layers, its tensors.

    Examples:

      llmcmp show deepseek-v3 -o block.svg

      llmcmp show gpt-4

      llmcmp show mixtral:experts=16 --json
    """
    outputs = prepare(output)
    loaded = load(model)
    explained = (loaded,) if explain else ()
    view = () if as_json else model_view(loaded)
    deliver(show_table(loaded), as_json=as_json, outputs=outputs, explained=explained, view=view)
