"""From repeats to figures: medians and quartiles, rates, and their shares of what the machine reaches.

A share of FLOP/s (MFU) is of a large product's, a share of bytes/s (MBU) of a large copy's; bytes are those that the
run must move at least. FLOPs count full pairs, which a fused causal kernel does not all compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.bench import computed, fit
from llmcmp.bench.spread import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.bench.parts import Part
    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model

Figures = dict[str, Any]


def combined(parts: Sequence[Part], found: Sequence[dict[str, Any]], phase: Phase) -> tuple[list[float], int]:
    """Seconds of each repeat and counted FLOPs of the whole: the parts' own, each as often as the whole holds it."""
    seconds: list[float] = []
    counted = 0
    for part, result in zip(parts, found, strict=True):
        if phase not in result["phases"]:
            continue
        factor, measured = part.factor(phase), result["phases"][phase]
        seconds = seconds or [0.0] * len(measured["seconds"])
        seconds = [sum_ + float(factor) * each for sum_, each in zip(seconds, measured["seconds"], strict=True)]
        counted = counted + factor * measured["counted_flops"]
    return seconds, int(counted)


def figures(
    model: Model,
    settings: Settings,
    phases: Sequence[Phase],
    parts: Sequence[Part],
    found: Sequence[dict[str, Any]],
    ceilings: dict[str, Any],
) -> Figures:
    """Everything that is said of one measured model."""
    made: Figures = {**computed.facts(model), "memory_is": found[0]["memory_is"]}
    for phase in phases:
        seconds, counted = combined(parts, found, phase)
        made |= _phase(model, settings, phase, seconds, ceilings)
        made[f"{phase}_counted_flops"] = _each(counted, settings.generate if phase == "decode" else 1)
    made |= _needed(settings, phases, parts)
    made["not_compiled"] = next((result["not_compiled"] for result in found if result.get("not_compiled")), None)
    for name in ("peak_bytes", "train_peak_bytes"):
        made[name] = max((result[name] for result in found if result.get(name) is not None), default=None)
    held = [
        (part.factor("decode") or part.factor("prefill"), result) for part, result in zip(parts, found, strict=True)
    ]
    if any("cache_bytes" in result for _, result in held):
        made["measured_cache_bytes"] = int(sum(factor * result.get("cache_bytes", 0) for factor, result in held))
        made["cache_bytes"] = computed.cache_bytes(model, settings)
    return made


def _needed(settings: Settings, phases: Sequence[Phase], parts: Sequence[Part]) -> Figures:
    """The least memory that the largest part needs, beside its measured peak."""
    made: Figures = {}
    for name, of in (("needed_bytes", ("prefill", "decode")), ("train_needed_bytes", ("train",))):
        needs = [
            fit.needed(part.model, settings, phase).total
            for part in parts
            for phase in part.phases
            if phase in of and phase in phases
        ]
        made |= {name: max(needs)} if needs else {}
    return made


def launch_share(built: Model, smallest: Model, found: dict[str, Any], made: Figures) -> float:
    """The share of a decode step that is left when next to nothing is computed in it.

    It is the time of a step of the smallest model of the same structure, by layers if it has another number of them,
    over the time of the measured step; above 1 where the clock cannot tell the two apart.
    """
    seconds = spread(found["phases"]["decode"]["seconds"]).median / made["decode_steps"]
    layers = computed.facts(built)["layers"] / computed.facts(smallest)["layers"]
    return seconds * layers / made["decode_seconds"]


def _phase(model: Model, settings: Settings, phase: Phase, seconds: list[float], ceilings: dict[str, Any]) -> Figures:
    """Time, rates and shares of one phase; of decode, a step of the batch's sequences."""
    steps = settings.generate if phase == "decode" else 1
    time = spread([each / steps for each in seconds])
    flops = _each(computed.phase_flops(model, settings, phase), steps)
    moved = computed.phase_bytes(model, settings, phase) / steps
    made: Figures = {
        "seconds": time.median,
        "seconds_low": time.low,
        "seconds_high": time.high,
        "steps": steps,
        "repeats": [each / steps for each in seconds],
        "flops": flops,
        "bytes": moved,
    }
    if time.median > 0:  # a difference of two times can come out as nothing
        made |= {
            "tokens_per_second": computed.tokens(model, settings, phase) / steps / time.median,
            "flops_per_second": flops / time.median,
            "bytes_per_second": moved / time.median,
            "mfu": flops / time.median / ceilings["matmul_flops_per_second"],
            "mbu": moved / time.median / ceilings["copy_bytes_per_second"],
            "mbu_of_read": moved / time.median / ceilings["read_bytes_per_second"],
        }
    return {f"{phase}_{name}": value for name, value in made.items()}


def _each(total: int, steps: int) -> float:
    """The mean of some steps, exact where it is whole."""
    return total / steps if total % steps else total // steps
