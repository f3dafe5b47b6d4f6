"""Training in numbers: which models alignment keeps in memory at once, and how many tokens of a text carry a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmcmp.folds.flops import flops
from llmcmp.folds.fully_sharded import training_state
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.learn.example import MODEL, RATIO, computed_table, under
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

# Mixed precision with Adam (ZeRO, arXiv 1910.02054, 3.1): weights and gradients in 16 bits; weights, mean and variance
# in fp32 in the optimiser.
HALF, FULL = 2, 4

Part = Literal["trained", "frozen"]


@frozen
class Method:
    """Which models a method of alignment keeps, and in which part. All have the size of the policy."""

    name: str
    policy: Part = "trained"
    reference: Part | None = None
    reward: Part | None = None
    value: Part | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.policy, self.reference, self.reward, self.value) if part)


METHODS = (
    Method(name="SFT"),
    Method(name="DPO", reference="frozen"),
    Method(name="GRPO, by rule", reference="frozen"),
    Method(name="GRPO, by model", reference="frozen", reward="frozen"),
    Method(name="PPO", reference="frozen", reward="frozen", value="trained"),
)


def trained_bytes(model: Model) -> int:
    """Weights, gradients and optimiser state of a model in training."""
    state = training_state(model)
    return HALF * (state.parameters + state.gradients) + FULL * (state.parameters + state.moments)


def frozen_bytes(model: Model) -> int:
    """Weights of a model that is only run."""
    return HALF * params(model).total


def alignment(term: Term, models: Sequence[Model]) -> Table:
    """Models in memory at once, method by method, without activations and caches."""
    columns = (
        MODEL,
        Column(key="method", label="Method", machine=True),
        *(Column(key=part, label=part.title()) for part in ("policy", "reference", "reward", "value")),
        Column(key="bytes", label="Memory", unit="bytes"),
        RATIO,
    )
    rows = [_method_row(model, method) for model in models for method in METHODS]
    notes = (
        "GRPO: rewards by a rule that checks the answer, or by a reward model",
        "all models of the policy's size, in bf16 with fp32 Adam; activations, caches and sharding come on top",
        "the value and reward models' scalar heads are left out",
    )
    return computed_table(term, models, columns, rows, "models in memory at once", notes)


def _method_row(model: Model, method: Method) -> Row:
    each = {"trained": trained_bytes(model), "frozen": frozen_bytes(model)}
    total = sum(each[part] for part in method.parts)
    shown = f"{model.name}, {method.name}" if method is METHODS[0] else under(method.name)
    row: Row = {"model": model.name, "model_shown": shown, "method": method.name}
    row |= {"bytes": total, "ratio": total / each["trained"]}
    return row | {part: getattr(method, part) for part in ("policy", "reference", "reward", "value")}


TEXT = 512  # tokens of a text
# BERT hides 15 % of the tokens (arXiv 1810.04805, 3.1); T5 and GLM mask as many, in spans of 3 (1910.10683, 3.3.4;
# 2103.10360, 2.1).
NOISE, SPAN = 15, 3


def span_lengths(tokens: int) -> tuple[int, int, int]:
    """Of a text: hidden tokens, spans, and the tokens that stay, for masking in spans."""
    noise = round(tokens * NOISE / 100)
    return noise, round(noise / SPAN), tokens - noise


def corrupted(tokens: int) -> tuple[int, int]:
    """T5's source and target of a text: a sentinel for each span on both sides, and an end token."""
    noise, spans, stay = span_lengths(tokens)
    return stay + spans + 1, noise + spans + 1


def objectives(term: Term, models: Sequence[Model]) -> Table:
    """What one text of 512 tokens becomes in training, how many tokens carry a loss, and the FLOPs of that."""
    columns = (
        MODEL,
        Column(key="objective", label="Objective"),
        Column(key="source_tokens", label="Source", unit="number"),
        Column(key="run_tokens", label="Run", unit="number"),
        Column(key="loss_tokens", label="With a loss", unit="number"),
        Column(key="train_flops", label="Training FLOPs", unit="flops"),
        Column(key="train_flops_per_loss_token", label="A token with a loss", unit="flops"),
    )
    rows = [_objective_row(model) for model in models]
    title = f"a training step on one text of {TEXT} tokens"
    return computed_table(term, models, columns, rows, title, text_tokens=TEXT)


def _objective_row(model: Model) -> Row:
    noise, spans, stay = span_lengths(TEXT)
    source, prefix = None, None
    match model.card.architecture:
        case "decoder-only":
            name, run, loss = "causal language modelling", TEXT, TEXT
        case "encoder-only":
            name, run, loss = "masked language modelling", TEXT, noise
        case "encoder-decoder":
            source, run = corrupted(TEXT)
            name, loss = "span corruption", run
        case "prefix-decoder":
            # A mask for each span in the prefix; each span begins with a start token and ends with an end token.
            prefix = stay + spans
            name, run, loss = "blank infilling", prefix + noise + spans, noise + spans
    work = flops(model, new=run, source_new=source or 0, prefix=prefix, training=True).total
    return {
        "model": model.name,
        "objective": name,
        "source_tokens": source,
        "run_tokens": run,
        "loss_tokens": loss,
        "train_flops": work,
        "train_flops_per_loss_token": work / loss,
    }
