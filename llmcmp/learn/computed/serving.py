"""Runs against a device: the roofline, and what checking several drafted tokens at once costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.folds.flops import flops
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.traffic import traffic
from llmcmp.learn.example import MODEL, computed_table, under
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.folds.phases import Phase
    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Row, Table

CONTEXT = 4096
# NVIDIA H100 SXM: 989.4 TFLOP/s in bf16 without sparsity, 3.35 TB/s (data sheet, https://www.nvidia.com/en-us/data-center/h100/).
PEAK_FLOPS, BANDWIDTH = 989.4e12, 3.35e12

FLOPS = Column(key="flops", label="FLOPs", unit="flops")
MOVED = Column(key="bytes", label="Bytes moved", unit="bytes")
INTENSITY = Column(key="intensity", label="FLOP/byte", unit="intensity")


def roofline(term: Term, models: Sequence[Model]) -> Table:
    """Intensity of prefill and decode at several batches, which bound holds, and the least time that follows."""
    columns = (
        MODEL,
        Column(key="run", label="Run", machine=True),
        Column(key="batch", label="Batch", unit="number", machine=True),
        FLOPS,
        MOVED,
        INTENSITY,
        Column(key="bound", label="Bound by"),
        Column(key="least_seconds", label="At least", unit="seconds"),
    )
    runs: tuple[tuple[Phase, int], ...] = (("prefill", 1), ("decode", 1), ("decode", 16), ("decode", 256))
    rows = [row for model in models for phase, batch in runs for row in _roofline_rows(model, phase, batch)]
    ridge = PEAK_FLOPS / BANDWIDTH
    notes = (
        f"ridge of an H100 SXM in bf16: {ridge:.0f} FLOP/byte",
        "whether the model fits one device is not asked",
    )
    title = "4k tokens, all in bf16, on one H100 SXM at its data sheet's figures"
    return computed_table(term, models, columns, rows, title, notes, context=CONTEXT, device="H100 SXM")


def _roofline_rows(model: Model, phase: Phase, batch: int) -> Iterator[Row]:
    sizes = run_sizes(model, phase, CONTEXT)
    if sizes is None:
        return
    work, moved = int(flops(model, batch, **sizes).total), traffic(model, batch, **sizes).expected_bytes
    slower = max(work / PEAK_FLOPS, moved / BANDWIDTH)
    yield {
        "model": model.name,
        "model_shown": f"{model.name}, prefill" if phase == "prefill" else under(f"decode, batch {batch}"),
        "run": phase,
        "batch": batch,
        "flops": work,
        "bytes": moved,
        "intensity": work / moved,
        "bound": "arithmetic" if work / moved > PEAK_FLOPS / BANDWIDTH else "memory",
        "least_seconds": slower,
    }


def expected_tokens(accepted: float, drafted: int) -> float:
    """Tokens that one run yields: (1 − α^(γ+1)) / (1 − α) (arXiv 2211.17192, equation 1)."""
    return (1 - accepted ** (drafted + 1)) / (1 - accepted)


def speculation(term: Term, models: Sequence[Model]) -> Table:
    """A decode step, and runs that check drafted tokens: what they cost and yield."""
    columns = (
        MODEL,
        Column(key="drafted", label="Drafted", unit="number", machine=True),
        FLOPS,
        MOVED,
        *(Column(key=_yield_key(a), label=f"Tokens, α = {a}", unit="intensity") for a in ACCEPTED),
        Column(key="bytes_per_token", label=f"Bytes a token, α = {ACCEPTED[-1]}", unit="bytes"),
    )
    rows = [_speculation_row(model, drafted) for model in models for drafted in (0, 2, 4, 8)]
    title = "runs of the model itself at 4k tokens; the draft comes on top"
    return computed_table(term, models, columns, rows, title, context=CONTEXT)


ACCEPTED = (0.6, 0.8)  # shares of drafted tokens that are accepted


def _yield_key(accepted: float) -> str:
    return f"expected_tokens_{accepted}"


def _speculation_row(model: Model, drafted: int) -> Row:
    sizes: dict[str, Any] | None = run_sizes(model, "decode", CONTEXT)
    if sizes is None:
        return {"model": model.name, "drafted": drafted}
    sizes = sizes | {"new": drafted + 1}
    moved = traffic(model, **sizes).expected_bytes
    shown = model.name if drafted == 0 else under(f"{drafted} drafted")
    row: Row = {"model": model.name, "model_shown": shown, "drafted": drafted}
    row |= {"flops": flops(model, **sizes).total, "bytes": moved}
    row |= {_yield_key(accepted): expected_tokens(accepted, drafted) for accepted in ACCEPTED}
    return row | {"bytes_per_token": moved / row[_yield_key(ACCEPTED[-1])]}
