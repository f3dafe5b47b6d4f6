"""One model measured: built, run until warm, then timed repeat by repeat.

A repeat is a prefill into an empty cache and then the decode steps from it, so that every repeat does the same work;
the tokens are random and given, so that no sampling is timed. The first pass is counted by torch instead of timed.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import torch
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import InductorError

from llmcmp.bench import memory
from llmcmp.bench.computed import kept_tokens
from llmcmp.bench.timer import DTYPES, clock
from llmcmp.nn.build import build
from llmcmp.nn.compiled import compiled_step, missing_compiler
from llmcmp.nn.count import counted_flops, counter, tokens
from llmcmp.nn.train import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from llmcmp.bench.memory import Gauge
    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model
    from llmcmp.nn.generate import Step
    from llmcmp.nn.tower import Twin

    Report = Callable[[float], None]  # the share that is done

WARMUPS = 2  # passes after the counted one


def measure(model: Model, phases: tuple[Phase, ...], settings: Settings, report: Report) -> dict[str, Any]:
    """Seconds of every repeat, counted FLOPs, cache and peaks of the phases of one model."""
    gauge = memory.gauge(settings.device)
    results: dict[str, Any] = {"memory_is": gauge.taken, "phases": {}}
    inference: tuple[Phase, ...] = tuple(phase for phase in phases if phase != "train")
    before = len(inference) / len(phases)
    if inference:
        _infer(model, inference, settings, gauge, results, lambda share: report(share * before))
    if "train" in phases:
        _forget(gauge)
        _train(model, settings, gauge, results, lambda share: report(before + share * (1 - before)))
    _forget(gauge)
    return results


def _forget(gauge: Gauge) -> None:
    """Let go of the last model and begin a new peak."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    gauge.peak()


class Inference:
    """A twin with its tokens and its cache: `prefill` starts over, `decode` takes all steps after it."""

    def __init__(self, twin: Twin, model: Model, settings: Settings) -> None:
        self.twin, batch, prompt = twin.pack(), settings.batch, settings.prompt
        self.keeps = model.card.architecture != "encoder-only"
        reads_source = model.card.architecture == "encoder-decoder"
        self.source = tokens(twin, batch, prompt, seed=1) if reads_source else None
        self.prompt = tokens(twin, batch, 1 if reads_source else prompt, seed=2)
        self.following = tokens(twin, batch, settings.generate, seed=3).unbind(dim=1)
        capacity = kept_tokens(model, settings)
        self.cache = twin.new_cache(batch, capacity, prompt if reads_source else 0) if self.keeps else None
        self.step: Step = twin.step

    def prefill(self) -> Tensor:
        if self.cache is None:
            return self.twin(self.prompt, logits="last")
        self.cache.reset()
        return self.twin(self.prompt, self.cache, source_BR=self.source, logits="last")

    def decode(self) -> None:
        assert self.cache is not None
        for past, token in enumerate(self.following, start=self.prompt.shape[1]):
            self.step(token.unsqueeze(1), self.cache, past)

    def compile(self) -> str | None:
        """Compile the decode step and say nothing, or stay as it is and say why."""
        reason = missing_compiler(next(self.twin.parameters()).device.type)
        if reason is not None or self.cache is None:
            return reason
        self.step = compiled_step(self.twin)
        try:
            self.prefill()
            self.decode()
        except (TorchDynamoException, InductorError) as error:
            self.step = self.twin.step
            return f"its decode step cannot be compiled: {str(error).strip().splitlines()[0]}"
        return None


@torch.inference_mode()
def _infer(
    model: Model,
    phases: tuple[Phase, ...],
    settings: Settings,
    gauge: Gauge,
    results: dict[str, Any],
    report: Report,
) -> None:
    """Time prefill and decode, repeat by repeat one after the other."""
    twin = build(model, settings.device, DTYPES[settings.dtype])
    passes = Inference(twin, model, settings)
    work = {phase: getattr(passes, phase) for phase in ("prefill", "decode") if phase in phases}
    found = results["phases"] | {phase: {"seconds": [], "counted_flops": None} for phase in work}
    results["phases"] = found
    on = clock(settings.device)
    for number in range(1 + WARMUPS + settings.repeats):
        if "prefill" not in work:
            passes.prefill()
        for phase, run in work.items():
            if number == 0:
                found[phase]["counted_flops"] = _counted(run)
            else:
                seconds = on.seconds(run)
                found[phase]["seconds"] += [seconds] if number > WARMUPS else []
        if number == 0 and settings.compile and "decode" in work:
            results["not_compiled"] = passes.compile()
        report((number + 1) / (1 + WARMUPS + settings.repeats))
    results["peak_bytes"] = gauge.peak()
    results["cache_bytes"] = _held(passes)


def _counted(run: Callable[[], object]) -> int:
    with counter() as counts:
        run()
    return counts.get_total_flops()


def _held(passes: Inference) -> int:
    held = () if passes.cache is None else passes.cache.tensors()
    return sum(tensor.numel() * tensor.element_size() for tensor in held)


def _train(model: Model, settings: Settings, gauge: Gauge, results: dict[str, Any], report: Report) -> None:
    """Time training steps on one batch."""
    twin = build(model, settings.device, DTYPES[settings.dtype]).train()
    trainer = Trainer(twin)
    batch, prompt = settings.batch, settings.prompt
    source = tokens(twin, batch, prompt, seed=1) if model.card.architecture == "encoder-decoder" else None
    target = tokens(twin, batch, prompt, seed=2)
    on, seconds = clock(settings.device), list[float]()
    for number in range(WARMUPS + settings.repeats):
        took = on.seconds(lambda: trainer.step(target, source))
        seconds += [took] if number >= WARMUPS else []
        report((number + 1) / (WARMUPS + settings.repeats))
    results["train_peak_bytes"] = gauge.peak()
    encoded = 0 if source is None else prompt
    counted = counted_flops(twin, batch, prompt, source_new=encoded, training=True)
    results["phases"]["train"] = {"seconds": seconds, "counted_flops": counted}
