"""What `python -m llmcmp.bench` found on several devices: one row a model and phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_BESIDE = "A rank: computed beside measured"

COLUMNS = (
    Column(key="model", label="Model", core=True),
    Column(key="phase", label="Phase", core=True),
    Column(key="tp", label="TP", unit="number", core=True),
    Column(key="dp", label="DP", unit="number", core=True),
    Column(key="tokens_per_second", label="Tokens/s", unit="rate", core=True),
    Column(key="seconds", label="Time", unit="seconds", core=True),
    Column(key="flops", label="FLOPs a rank", unit="flops", core=True),
    Column(key="counted_flops", label="counted", unit="flops", core=True),
    Column(key="parameters", label="Parameters a rank", unit="count", core=True),
    Column(key="held_parameters", label="held", unit="count", core=True),
    Column(key="cache_bytes", label="Cache a rank", unit="bytes", core=True),
    Column(key="held_cache_bytes", label="held", unit="bytes", core=True),
    Column(key="state", label="Gradients, moments a rank", unit="count", core=True),
    Column(key="held_state", label="held", unit="count", core=True),
    Column(key="exchanged_bytes", label="Exchanged", unit="bytes", core=True),
    Column(key="most_peak_bytes", label="Peak on a GPU", unit="bytes", core=True),
    Column(key="equal", label="Equal on all ranks", unit="flag", core=True),
    Column(key="seconds_low", label="", machine=True),
    Column(key="seconds_high", label="", machine=True),
    Column(key="ranks", label="", machine=True),
)


def distributed_table(rows: Sequence[Row], settings: dict[str, Any], notes: Sequence[str] = ()) -> Table:
    """Rows as `bench.distributed.measure` gives them; figures of a rank are the first one's, which holds the most."""
    title = f"{settings['ranks']} ranks on {settings['device']}, {settings['dtype']}, batch {settings['batch']} a group"
    told = (
        "Time is the slowest rank's: of a decode step, of a prefill, of a training step. FLOPs, cache and what is "
        "exchanged are those of the whole phase; of training, exchanges are not computed.",
        *notes,
    )
    return Table(command="bench", columns=COLUMNS, rows=tuple(rows), settings=settings, title=title, notes=told)
