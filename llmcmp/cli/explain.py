"""`llmcmp explain [TERM]`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.lesson import lesson_view
from llmcmp.cli.options import JsonOpt, OutOpt, complete_model
from llmcmp.cli.output import answer, deliver, display, prepare, write_contents
from llmcmp.errors import QuantityError


def _complete(incomplete: str) -> list[str]:
    from llmcmp.learn.term import terms

    return [term.name for term in terms() if term.name.startswith(incomplete)]


def run(
    term: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TERM",
            help="A mechanism, by name, alias or words; all of them if left out.",
            autocompletion=_complete,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Compute the example on this model instead.", autocompletion=complete_model),
    ] = None,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """What a mechanism is, its formula, what it costs on real models, and which presets use it.

    Examples:

      llmcmp explain

      llmcmp explain grouped query attention --model qwen3-8b

      llmcmp explain grpo -o grpo.md -o grpo.csv
    """
    from llmcmp.learn.explanation import explain
    from llmcmp.learn.files import contents, explanation_json, terms_table
    from llmcmp.sources.presets import load

    outputs = prepare(output)
    if not term:
        if model is not None:
            raise QuantityError("--model computes the example of a term: name one; list them: llmcmp explain")
        deliver(terms_table(), as_json=as_json, outputs=outputs)
        return
    explanation = explain(" ".join(term), None if model is None else load(model))
    write_contents([(path, contents(explanation, path)) for path in outputs])
    if as_json:
        answer(explanation_json(explanation))
    else:
        display(lesson_view(explanation))
