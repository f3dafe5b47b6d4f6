"""Measuring on several devices: tensor parallelism in prefill and decode, full sharding in training.

Training shards parameters, gradients and optimiser states over all ranks, whatever grid they form otherwise. A repeat
takes as long as its slowest rank; what each rank holds and does is measured there and set against what is computed.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any, cast

import torch

from llmcmp.bench import computed, fit, memory
from llmcmp.bench.measure import WARMUPS, Inference
from llmcmp.bench.ranks import Grid
from llmcmp.bench.spread import spread
from llmcmp.bench.timer import DTYPES, clock
from llmcmp.errors import DoesNotFitError
from llmcmp.folds.exchange import exchange
from llmcmp.folds.flops import flops
from llmcmp.folds.fully_sharded import training_state
from llmcmp.folds.params import params
from llmcmp.folds.runs import executed
from llmcmp.frozen import replace
from llmcmp.nn.count import counted_flops, counter, recurrent_flops, tokens
from llmcmp.nn.parallel import data_parallel, tensor_parallel
from llmcmp.nn.train import Trainer
from llmcmp.ops import Convolve, Plan, Run, Scan
from llmcmp.passes.shard import shard
from llmcmp.units import dtype_bits, show_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmcmp.bench.ranks import Ranks
    from llmcmp.bench.settings import Settings
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin

Facts = dict[str, Any]


def measure(model: Model, settings: Settings, ranks: Ranks) -> Iterator[Facts]:
    """One row a phase, the same on all ranks. Raises ModelError where the model cannot be split."""
    encoder = model.card.architecture == "encoder-only"
    phases: list[Phase] = [phase for phase in settings.phases if not (encoder and phase == "decode")]
    inference: list[Phase] = [phase for phase in phases if phase != "train"]
    _refuse(model, replace(settings, phases=tuple(phases)), ranks)
    if inference:
        mine = _inference(model, settings, ranks, inference)
        yield from _rows(model, settings, ranks, mine, ranks.grid)
    if "train" in phases:
        trained: dict[Phase, Facts] = {"train": _training(model, settings, ranks)}
        yield from _rows(model, settings, ranks, trained, Grid(tp=1, dp=ranks.grid.ranks))


def _refuse(model: Model, settings: Settings, ranks: Ranks) -> None:
    """Raise DoesNotFitError on every rank, before anything is allocated, where one of them has no room."""
    on_this_machine = int(os.environ["LOCAL_WORLD_SIZE"]) if ranks.device == "cpu" else 1
    room = memory.room(ranks.device) // on_this_machine
    share = shard(model, ranks.grid.tp, ranks.tp.get_local_rank())
    needs = [fit.needed(share, settings, phase).total for phase in settings.phases if phase != "train"]
    if "train" in settings.phases:
        state = training_state(model, ranks.grid.ranks, ranks.rank)
        needs.append((state.padded + state.gradients + state.moments) * dtype_bits(settings.dtype) // 8)
    short = [(need, room) for need, room in ranks.gathered((max(needs), room)) if need > room]
    if short:
        need, room = max(short)
        raise DoesNotFitError(
            f"{model.name}: a rank needs at least {show_bytes(need)} and has {show_bytes(room)}; "
            "more ranks hold less each, and without --full the model is shrunk"
        )


def _inference(model: Model, settings: Settings, ranks: Ranks, phases: list[Phase]) -> dict[Phase, Facts]:
    """What this rank measures of prefill and decode, and what is computed for it."""
    share, gauge = shard(model, ranks.grid.tp, ranks.tp.get_local_rank()), _gauge(ranks.device)
    twin, _ = tensor_parallel(model, ranks.tp, DTYPES[settings.dtype])
    passes = Inference(twin, model, settings)
    work = {phase: cast("Callable[[], object]", getattr(passes, phase)) for phase in phases}
    passes.prefill()  # decode needs what it caches
    counted = {phase: _counted(run) for phase, run in work.items()}
    seconds = {phase: _timed(ranks, run, settings.repeats) for phase, run in work.items()}
    held = () if passes.cache is None else passes.cache.tensors()
    common: Facts = {
        "held_parameters": sum(parameter.numel() for parameter in twin.parameters()),
        "parameters": params(share).total,
        "held_cache_bytes": sum(tensor.numel() * tensor.element_size() for tensor in held),
        "cache_bytes": computed.cache_bytes(share, settings),
        "peak_bytes": None if gauge is None else gauge.peak(),
    }
    return {
        phase: common
        | {
            "seconds": seconds[phase],
            "counted_flops": counted[phase] + _scans(share, twin, settings, phase, ranks.grid.tp),
        }
        | {"flops": _flops(share, settings, phase), "exchanged_bytes": _exchanged(share, settings, phase)}
        for phase in phases
    }


@torch.inference_mode()
def _counted(run: Callable[[], object]) -> int:
    with counter() as counts:
        run()
    return counts.get_total_flops()


@torch.inference_mode()
def _timed(ranks: Ranks, run: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of every repeat, which all ranks begin together."""
    return _repeats(ranks, run, repeats)


def _repeats(ranks: Ranks, run: Callable[[], object], repeats: int) -> list[float]:
    on, seconds = clock(ranks.device), list[float]()
    for _ in range(WARMUPS + repeats):
        ranks.meet()
        seconds.append(on.seconds(run))
    return seconds[WARMUPS:]


def _flops(share: Model, settings: Settings, phase: Phase) -> int:
    """FLOPs of one repeat as the twin executes it: it absorbs latents in passes of one token and expands them else."""
    return sum(
        int(flops(share, settings.batch, **sizes, plan=_ABSORBED if sizes["new"] == 1 else _EXPANDED).total)
        for sizes in computed.runs(share, settings, phase)
    )


_ABSORBED, _EXPANDED = Plan(latent="absorbed"), Plan(latent="expanded")


def _scans(share: Model, twin: Twin, settings: Settings, phase: Phase, tp: int) -> int:
    """What torch's counter misses of scans and convolutions as they are defined, less what it sees of their kernels.

    Kernels are counted from the sizes of the whole model; a rank has its share of their heads.
    """
    missed, whole = 0, 0
    for sizes in computed.runs(share, settings, phase):
        new, past = sizes["new"], sizes.get("past", 0)
        training = phase == "train"
        ops = executed(share, Run(batch=settings.batch, new=new, past=past), _EXPANDED, training=training)
        missed += sum(cast("int", op.flops) * use.times for use, op in ops if isinstance(op, Scan | Convolve))
        whole += recurrent_flops(twin, settings.batch, new, past, cached=not training, training=training)
    return missed - whole // tp


def _exchanged(share: Model, settings: Settings, phase: Phase) -> int:
    sizes = computed.runs(share, settings, phase)
    return sum(int(exchange(share, settings.batch, **each, dtype=settings.dtype).bytes) for each in sizes)


def _training(model: Model, settings: Settings, ranks: Ranks) -> Facts:
    """What this rank measures of training steps on its own batch, and what is computed for it."""
    gauge = _gauge(ranks.device)
    twin = data_parallel(model, ranks.all, DTYPES[settings.dtype])
    trainer, batch, prompt = Trainer(twin), settings.batch, settings.prompt
    reads_source = model.card.architecture == "encoder-decoder"
    source = tokens(twin, batch, prompt, seed=2 * ranks.rank + 1) if reads_source else None
    target = tokens(twin, batch, prompt, seed=2 * ranks.rank)
    counted = counted_flops(twin, batch, prompt, source_new=prompt if reads_source else 0, training=True)
    seconds = _repeats(ranks, lambda: trainer.step(target, source), settings.repeats)
    state = training_state(model, ranks.grid.ranks, ranks.rank)
    return {
        "seconds": seconds,
        "counted_flops": counted + _scans(model, twin, settings, "train", 1),
        "flops": _flops(model, settings, "train"),
        "held_parameters": sum(_local(parameter) for parameter in twin.parameters()),
        "parameters": state.parameters,
        "held_state": _state(trainer),
        "state": state.gradients + state.moments,
        "peak_bytes": None if gauge is None else gauge.peak(),
    }


def _state(trainer: Trainer) -> int:
    """Elements of gradients and moments on this rank."""
    gradients = sum(_local(parameter.grad) for parameter in trainer.twin.parameters())
    moments = (state[name] for state in trainer.optimizer.state.values() for name in ("exp_avg", "exp_avg_sq"))
    return gradients + sum(map(_local, moments))


def _local(cut: Any) -> int:
    return cut.to_local().numel()


def _gauge(device: str) -> memory.Gauge | None:
    """A gauge from here on, the last model being gone; none on a CPU, where the process keeps what that one took."""
    gc.collect()
    if device != "cuda":
        return None
    torch.cuda.empty_cache()
    return memory.gauge(device)


# Measured beside computed, on every rank.
PAIRS = (
    ("held_parameters", "parameters"),
    ("held_cache_bytes", "cache_bytes"),
    ("held_state", "state"),
    ("counted_flops", "flops"),
)


def _rows(model: Model, settings: Settings, ranks: Ranks, mine: dict[Phase, Facts], used: Grid) -> Iterator[Facts]:
    """What all ranks measured, one row a phase: the time of the slowest, the figures of the first."""
    every: list[dict[Phase, Facts]] = ranks.gathered(mine)
    for phase, first in every[0].items():
        steps = settings.generate if phase == "decode" else 1
        slowest = [max(times) for times in zip(*(each[phase]["seconds"] for each in every), strict=True)]
        time = spread([seconds / steps for seconds in slowest])
        made = computed.tokens(model, settings, phase) * used.dp / steps
        yield {
            **first,
            "model": model.name,
            "phase": phase,
            "tp": used.tp,
            "dp": used.dp,
            "seconds": time.median,
            "seconds_low": time.low,
            "seconds_high": time.high,
            "tokens_per_second": made / time.median,
            "most_peak_bytes": max((each[phase]["peak_bytes"] or 0 for each in every), default=0) or None,
            "equal": all(each[phase].get(held) == each[phase].get(said) for each in every for held, said in PAIRS),
            "ranks": [{key: each[phase].get(key) for pair in PAIRS for key in pair} for each in every],
        }
