"""What a measurement is held against: FLOPs, bytes and cache of exactly the runs that are timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.folds.params import params
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.traffic import traffic
from llmcmp.ops import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model

Sizes = dict[str, Any]


def runs(model: Model, settings: Settings, phase: Phase) -> Iterator[Sizes]:
    """The sizes of each run that one repeat of a phase executes, as keywords of `flops`; none where it has no such.

    Prefill and training read the prompt; in an encoder-decoder the prompt is the source, and its decoder starts with
    one token. Decode runs one step for each generated token.
    """
    start = 1 if model.card.architecture == "encoder-decoder" else settings.prompt
    steps = (
        range(start, start + settings.generate) if phase == "decode" else range(settings.prompt - 1, settings.prompt)
    )
    for past in steps:
        sizes = run_sizes(model, phase, past + 1, settings.prompt)
        if sizes is not None:
            yield sizes if phase == "train" else sizes | {"logits": "last"}


def plan_of(new: int) -> Plan:
    """How a twin executes latent attention: absorbed in a step of one token, expanded in longer passes."""
    return Plan(latent="absorbed" if new == 1 else "expanded")


def tokens(model: Model, settings: Settings, phase: Phase) -> int:
    """Tokens that one repeat of a phase computes, over the batch; a source's are tokens too."""
    return settings.batch * sum(sizes["new"] + sizes.get("source_new", 0) for sizes in runs(model, settings, phase))


def phase_flops(model: Model, settings: Settings, phase: Phase) -> int:
    """FLOPs of one repeat of a phase, full pairs."""
    return sum(
        int(flops(model, settings.batch, **sizes, plan=plan_of(sizes["new"])).total)
        for sizes in runs(model, settings, phase)
    )


def phase_bytes(model: Model, settings: Settings, phase: Phase) -> float:
    """Bytes that one repeat of a phase moves, in the dtype of the measurement; of experts, in expectation."""
    dtype = settings.dtype
    moved = (
        traffic(
            model, settings.batch, **sizes, plan=plan_of(sizes["new"]), weights=dtype, activations=dtype, cache=dtype
        )
        for sizes in runs(model, settings, phase)
    )
    return sum(cast("float", each.expected_bytes) for each in moved)


def kept_tokens(model: Model, settings: Settings) -> int:
    """Tokens of a sequence that the cache holds in the end."""
    started = 1 if model.card.architecture == "encoder-decoder" else settings.prompt
    return started + (settings.generate if "decode" in settings.phases else 0)


def cache_bytes(model: Model, settings: Settings) -> int:
    """Bytes kept after the last step."""
    source = settings.prompt if model.card.architecture == "encoder-decoder" else None
    context = kept_tokens(model, settings)
    return int(kvcache(model, context, settings.batch, source=source, dtype=settings.dtype).bytes)


def facts(model: Model) -> dict[str, Any]:
    """The size of what is measured."""
    sizes = params(model)
    return {
        "parameters": sizes.total,
        "active_parameters": sizes.active,
        "layers": sum(tower.depth for tower in model.towers),
    }
