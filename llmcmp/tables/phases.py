"""The runs that people ask for by name. Each is a Run like any other: nothing else in the engine knows a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from llmcmp.errors import QuantityError
from llmcmp.folds.flops import flops
from llmcmp.folds.runs import concrete_plans
from llmcmp.ops import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.folds.flops import Flops
    from llmcmp.model import Model

Phase = Literal["prefill", "decode", "train"]


def run_sizes(model: Model, phase: Phase, ctx: Any, source: Any = None) -> dict[str, Any] | None:
    """The sizes of a phase at a context, as keywords of `flops`; None where the model has no such phase.

    prefill computes `ctx` tokens, decode the token that fills the context, train `ctx` tokens with their gradients. In
    an encoder-decoder the source has `source` tokens (`ctx` if not given): prefill encodes it and computes one start
    token, decode finds it encoded.
    """
    source = ctx if source is None else source
    match model.card.architecture, phase:
        case "encoder-only", "decode":
            return None
        case "encoder-decoder", "prefill":
            return {"new": 1, "source_new": source}
        case "encoder-decoder", "decode":
            return {"new": 1, "past": ctx - 1, "source_past": source}
        case "encoder-decoder", "train":
            return {"new": ctx, "source_new": source, "training": True}
        case _, "decode":
            return {"new": 1, "past": ctx - 1}
        case _, "prefill":
            return {"new": ctx}
        case _, "train":
            return {"new": ctx, "training": True}


def check_used(models: Sequence[Model], *, source: Any = None, prefix: Any = None, latent: str = "auto") -> None:
    """Raise QuantityError for a setting that none of the models has a use for."""
    classes = {model.card.architecture for model in models}
    if source is not None and "encoder-decoder" not in classes:
        raise QuantityError("none of these models has an encoder beside its decoder: leave --source out")
    if prefix is not None and "prefix-decoder" not in classes:
        raise QuantityError("none of these models is a prefix decoder: leave --prefix out")
    open_plans = (concrete_plans(model, Plan()) for model in models if model.disclosed)
    if latent != "auto" and all(len(plans) == 1 for plans in open_plans):
        raise QuantityError("none of these models has latent attention: leave --latent out")


def phase_flops(model: Model, phase: Phase, ctx: Any, batch: Any = 1, source: Any = None, **more: Any) -> Flops | None:
    """FLOPs of a phase, None where the model has none such."""
    sizes = run_sizes(model, phase, ctx, source)
    return None if sizes is None else flops(model, batch, **sizes, **more)
