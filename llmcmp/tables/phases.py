"""The FLOPs of a phase by its name, and whether the settings of one mean anything to the models asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.errors import QuantityError
from llmcmp.folds.flops import flops
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.runs import concrete_plans
from llmcmp.ops import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.folds.flops import Flops
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model


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
