"""The runs that people ask for by name. Each is a Run like any other: nothing else in the engine knows a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
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
