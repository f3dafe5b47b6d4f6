"""Scaling laws and the rule 6 N D, beside exact counts. Constants are the papers'; losses are theirs too, in nats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.components.heads import LanguageHead
from llmcmp.folds.flops import flops
from llmcmp.folds.params import params
from llmcmp.folds.phases import run_sizes
from llmcmp.learn.example import BEYOND, CONTEXT, MODEL, computed_table, under
from llmcmp.model import walk
from llmcmp.tables.compare import context_notes, exceeds
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.compare import context_notes, exceeds
from llmcmp.tables.table import Row, Table

# L(N, D) of Kaplan et al. (arXiv 2001.08361, equation 1.5 with table 2).
KAPLAN = {"alpha_N": 0.076, "alpha_D": 0.103, "N_c": 6.4e13, "D_c": 1.8e13}
# L(N, D) of Hoffmann et al. (arXiv 2203.15556, equation 10), and the rule of thumb of its table 3.
CHINCHILLA = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
OPTIMAL_TOKENS = 20  # tokens a parameter
GPT3_TOKENS = 300 * 10**9  # what every model of the GPT-3 paper was trained on (arXiv 2005.14165, table 2.1)
TRAINED_AT = 2048  # context at which exact FLOPs are counted, that of both papers' later models


def kaplan_loss(parameters: int, tokens: int) -> float:
    """Nats a token of a model with that many parameters outside its tables, after that many tokens."""
    size = (KAPLAN["N_c"] / parameters) ** (KAPLAN["alpha_N"] / KAPLAN["alpha_D"])
    return (size + KAPLAN["D_c"] / tokens) ** KAPLAN["alpha_D"]


def chinchilla_loss(parameters: int, tokens: int) -> float:
    """Nats a token of a model with that many parameters after that many tokens."""
    law = CHINCHILLA
    return law["E"] + law["A"] / parameters ** law["alpha"] + law["B"] / tokens ** law["beta"]


CONTEXTS = (512, 8 * 1024)
TOKENS = Column(key="tokens", label="Tokens", unit="count")


def kaplan(term: Term, models: Sequence[Model]) -> Table:
    """Predicted loss at two amounts of data."""
    columns = (
        MODEL,
        Column(key="non_embedding_parameters", label="N", unit="count"),
        TOKENS,
        Column(key="loss", label="Predicted loss", unit="intensity"),
    )
    rows = [row for model in models for row in _kaplan_rows(model)]
    return computed_table(term, models, columns, rows, "loss in nats a token on the paper's data")


def _kaplan_rows(model: Model) -> Iterator[Row]:
    size = params(model).non_embedding
    for tokens in (OPTIMAL_TOKENS * size, GPT3_TOKENS):
        row: Row = {"model": model.name, "non_embedding_parameters": size, "tokens": tokens}
        if tokens == GPT3_TOKENS:
            row["model_shown"] = under("tokens of GPT-3")
        yield row | {"loss": kaplan_loss(size, tokens)}


def training_flops(model: Model, context: int) -> int | None:
    """Exact FLOPs of a training step on one sequence."""
    sizes = run_sizes(model, "train", context)
    return None if sizes is None else int(flops(model, **sizes).total)


def chinchilla(term: Term, models: Sequence[Model]) -> Table:
    """Tokens, FLOPs and predicted loss at twenty tokens a parameter."""
    columns = (
        MODEL,
        Column(key="active_parameters", label="N, active", unit="count"),
        TOKENS,
        Column(key="rule_flops", label="6 N D", unit="flops"),
        Column(key="train_flops", label="Exact", unit="flops"),
        Column(key="loss", label="Predicted loss", unit="intensity"),
    )
    rows = [_chinchilla_row(model) for model in models]
    title = f"training at {OPTIMAL_TOKENS} tokens a parameter, sequences of 2k"
    return computed_table(term, models, columns, rows, title, context=TRAINED_AT)


def _chinchilla_row(model: Model) -> Row:
    size = params(model).active
    tokens, step = OPTIMAL_TOKENS * size, training_flops(model, TRAINED_AT)
    return {
        "model": model.name,
        "active_parameters": size,
        "tokens": tokens,
        "rule_flops": 6 * size * tokens,
        "train_flops": None if step is None else step * tokens // TRAINED_AT,
        "loss": chinchilla_loss(size, tokens),
    }


def six_nd(term: Term, models: Sequence[Model]) -> Table:
    """The exact FLOPs of training on a token, and what the rule gives with two meanings of N."""
    columns = (
        MODEL,
        CONTEXT,
        BEYOND,
        Column(key="train_flops_per_token", label="Exact, a token", unit="flops"),
        Column(key="rule_all_flops", label="6 × all", unit="flops"),
        Column(key="rule_all_ratio", label="/ exact", unit="ratio"),
        Column(key="rule_used_flops", label="6 × used in products", unit="flops"),
        Column(key="rule_used_ratio", label="/ exact", unit="ratio"),
    )
    rows = [_six_row(model, context) for model in models for context in CONTEXTS]
    notes = (
        *context_notes(models, CONTEXTS),
        "used in products: active parameters less token and position tables, and with the head, tied or not",
        "an encoder-decoder reads a source and writes a target of that length: a token is one of either",
    )
    return computed_table(term, models, columns, rows, "6 N D against the exact count", notes)


def _six_row(model: Model, context: int) -> Row:
    sizes = params(model)
    step = training_flops(model, context)
    exact = None if step is None else step / (context * len(model.towers))
    used = sizes.active_non_embedding + _head(model)
    shown = f"{model.name} at {units.show_tokens(context)}"
    row: Row = {"model": model.name, "model_shown": shown, "context": context, "train_flops_per_token": exact}
    row["beyond_limit"] = exceeds(model, context)
    for name, size in (("rule_all", sizes.total), ("rule_used", used)):
        row |= {f"{name}_flops": 6 * size, f"{name}_ratio": None if exact is None else 6 * size / exact}
    return row


def _head(model: Model) -> int:
    """Elements of the matrix that makes logits, whether it is stored apart or is the token table."""
    heads = [use.component for use in walk(model) if isinstance(use.component, LanguageHead)]
    return sum(head.width * head.vocabulary for head in heads)
