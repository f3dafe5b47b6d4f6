"""Where a prefill and a decode step stand under a device's roofline: FLOPs a byte, and the FLOP/s that these allow.

An upper bound: the device's dense peak and bandwidth as its vendor prints them, each byte moved once, attention fused,
one device without regard to whether the model fits it. Nothing is measured (S. Williams and others, Roofline, 2009,
https://doi.org/10.1145/1498765.1498785).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from llmcmp import units
from llmcmp.folds.flops import flops
from llmcmp.folds.phases import Phase, run_sizes
from llmcmp.folds.traffic import traffic
from llmcmp.tables.against import BEYOND, MODEL, left_out
from llmcmp.tables.compare import asked as longest
from llmcmp.tables.compare import card_facts, context_notes, stored_notes
from llmcmp.tables.phases import check_used
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.model import Model
    from llmcmp.tables.asked import Asked

PHASES: tuple[Phase, ...] = tuple(phase for phase in get_args(Phase) if phase != "train")
COLUMNS = (
    MODEL,
    Column(key="phase", label="Phase", machine=True),  # people read it beside the name
    Column(key="flops", label="FLOPs", unit="flops", core=True),
    Column(key="expected_bytes", label="Bytes moved", unit="bytes", core=True),
    Column(key="flops_per_byte", label="FLOPs a byte", unit="intensity", core=True),
    Column(key="bound", label="Bound by", core=True),
    Column(key="flops_per_second", label="At most", unit="flops/s", core=True),
    Column(key="peak_share", label="Of peak", unit="percent", core=True),
    Column(key="seconds", label="At least", unit="seconds", core=True),
    BEYOND,
)


def roofline_table(models: Sequence[Model], asked: Asked) -> Table:
    """One row a model and phase. Raises QuantityError where the device has no peak in the compute dtype."""
    check_used(models, source=asked.source)
    device, peak = asked.device, asked.device.flops_per_second(asked.compute)
    rows = tuple(row for model in models if model.disclosed for row in _rows(model, asked))
    settings: dict[str, Any] = {
        "kind": "roofline",
        "models": [model.name for model in models],
        "device": device.name,
        "compute": asked.compute,
        "peak_flops_per_second": peak,
        "bandwidth_bytes_per_second": device.bytes_per_second,
        "context": asked.point,
        "batch": asked.batch,
        "source": asked.source,
        "weights": asked.weights,
        "dtype": asked.dtype,
    }
    sources = "; ".join(f"{source.what}: {source.url}" for source in device.sources)
    return Table(
        command="plot",
        columns=COLUMNS,
        rows=rows,
        settings=settings,
        title=_title(asked, peak),
        notes=(
            *context_notes([m for m in models if m.disclosed], (asked.point,), asked.source),
            *stored_notes(models, asked.weights),
            *left_out(models, {row["model"] for row in rows}),
            "upper bounds of one device, whether the model fits it or not; each byte is moved once",
            f"peak and bandwidth: {sources}",
        ),
    )


def _title(asked: Asked, peak: float) -> str:
    device = asked.device
    limits = f"{units.show_flop_rate(peak)} {asked.compute}, {device.bandwidth_gb_per_second / 1000:g} TB/s"
    sizes = (
        f"{units.show_tokens(asked.point)} tokens, batch {asked.batch}, weights {asked.weights}, cache {asked.dtype}"
    )
    return f"Roofline of {device.title} ({limits}): {sizes}"


def _rows(model: Model, asked: Asked) -> Iterator[Row]:
    for phase in PHASES:
        sizes = run_sizes(model, phase, asked.point, asked.read(model))
        if sizes is not None:
            yield _row(model, asked, phase, sizes)


def _row(model: Model, asked: Asked, phase: Phase, sizes: dict[str, Any]) -> Row:
    cost = flops(model, asked.batch, **sizes)
    weights, cache = asked.weights, asked.dtype
    moved: Any = traffic(
        model, asked.batch, **sizes, plan=cost.plan, weights=weights, activations=weights, cache=cache
    ).expected_bytes
    peak, bandwidth = asked.device.flops_per_second(asked.compute), asked.device.bytes_per_second
    reached = min(peak, bandwidth * int(cost.total) / moved)
    return card_facts(model, longest(model, asked.point, asked.source)) | {
        "model_shown": f"{model.name}, {phase}",
        "phase": phase,
        "flops": int(cost.total),
        "expected_bytes": moved,
        "flops_per_byte": int(cost.total) / moved,
        "bound": "compute" if reached == peak else "memory",
        "flops_per_second": reached,
        "peak_share": reached / peak,
        "seconds": int(cost.total) / reached,
    }
