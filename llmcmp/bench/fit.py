"""Whether a model fits before a byte of it is allocated, and what would fit if it does not.

The estimate is the least that a run needs: weights, cache, and the widest operation's input and output with attention
fused; in training gradients, both moments of AdamW, and what every operation keeps for its gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp import units
from llmcmp.bench.computed import cache_bytes, plan_of, runs
from llmcmp.bench.parts import blocks, phases_of, whole
from llmcmp.folds.params import params
from llmcmp.folds.runs import executed, run_of
from llmcmp.folds.traffic import moved
from llmcmp.frozen import frozen, replace
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model

TRAINED = 4  # weights, gradients and the two moments of AdamW (arXiv 1711.05101), one element each a parameter


@frozen
class Needed:
    """Bytes that a run needs at least."""

    weights: int
    cache: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.activations


def needed(model: Model, settings: Settings, phase: Phase) -> Needed:
    """What one phase needs."""
    width = dtype_bits(settings.dtype) / 8
    sizes = params(model)
    held = int((sizes.total + sizes.buffers) * width)
    live = [_activations(model, settings, each) for each in runs(model, settings, phase)][-1:]
    if phase == "train":
        return Needed(weights=TRAINED * held, cache=0, activations=int(sum(map(sum, live)) * width))
    widest = max((max(each, default=0) for each in live), default=0)
    return Needed(weights=held, cache=cache_bytes(model, settings), activations=int(widest * width))


def _activations(model: Model, settings: Settings, sizes: dict[str, Any]) -> list[int]:
    """Elements that each operation of a run reads and writes."""
    asked: dict[str, Any] = {"past": 0, "source_new": 0, "source_past": 0, "prefix": None, "logits": "all"} | sizes
    asked.pop("training", None)
    run = run_of(model, batch=settings.batch, **asked)
    return [cast("int", moved(op)[1]) * use.times for use, op in executed(model, run, plan_of(asked["new"]))]


def most(model: Model, settings: Settings) -> int:
    """Bytes that a measurement needs at its highest: its parts run one after another."""
    parts = blocks(model, settings)[0] if settings.scale == "block" else whole(model, settings)
    return max((needed(part.model, settings, phase).total for part in parts for phase in part.phases), default=0)


def refusal(model: Model, settings: Settings, room: int) -> str | None:
    """Why a measurement would not fit in `room` bytes, and what would; None if it does.

    Activations in use at once are as much as their widest operation or more, so what is refused would fail.
    """
    want = most(model, settings)
    if want <= room:
        return None
    fitting = next((text for text, changed in _smaller(model, settings) if most(model, changed) <= room), None)
    hint = f"what fits: {fitting}" if fitting else "not even one real block fits; --scale tiny does"
    return (
        f"{model.name} needs at least {units.show_bytes(want)} at --scale {settings.scale}, {settings.dtype}, "
        f"batch {settings.batch}, prompt {units.show_tokens(settings.prompt)}; "
        f"{units.show_bytes(max(room, 0))} are free: {hint}"
    )


def _smaller(model: Model, settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Ways to ask for less, the smallest change first."""
    phases = tuple(phase for phase in phases_of(model, settings) if phase != "train")
    if phases and "train" in settings.phases:
        yield f"--phase {','.join(phases)}", replace(settings, phases=phases)
    for name in ("batch", "prompt"):
        smaller = getattr(settings, name) // 2
        while smaller:
            yield f"--{name} {smaller}", replace(settings, **{name: smaller})
            smaller //= 2
    small = replace(settings, phases=phases or settings.phases)
    if settings.dtype == "fp32":
        yield f"--dtype bf16 --phase {','.join(small.phases)}", replace(small, dtype="bf16")
    if settings.scale == "full":
        yield f"--scale block --phase {','.join(small.phases)}", replace(small, scale="block")
        yield (
            f"--scale block --dtype bf16 --batch 1 --prompt 128 --phase {','.join(small.phases)}",
            replace(small, scale="block", dtype="bf16", batch=1, prompt=min(settings.prompt, 128)),
        )
