"""`devices`: what this machine has, with its measured ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.tables.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = (
    Column(key="device", label="Device"),
    Column(key="name", label="Name", group="Device"),
    Column(key="cores", label="Cores", unit="number", group="Device"),
    Column(key="memory_bytes", label="Memory", unit="bytes", group="Device"),
    Column(key="matmul_flops_per_second", label="Product", unit="flops/s", group="Measured ceilings"),
    Column(key="copy_bytes_per_second", label="Copy, read + written", unit="bytes/s", group="Measured ceilings"),
    Column(key="read_bytes_per_second", label="Read", unit="bytes/s", group="Measured ceilings"),
    Column(key="ridge", label="FLOPs a byte to balance", unit="intensity", group="Measured ceilings"),
    Column(key="matmul_size", label="Rows of the product", unit="number", group="How"),
    Column(key="copied_bytes", label="Copied", unit="bytes", group="How"),
    Column(key="dtype", label="Dtype", group="How"),
    Column(key="threads", label="Threads", unit="number", group="How"),
    Column(key="torch", label="torch", group="How"),
    Column(key="date", label="Measured", group="How"),
)


def devices_table(found: Sequence[dict[str, Any]], settings: dict[str, Any]) -> Table:
    """One column a device."""
    rows = tuple(_row(each) for each in found)
    asked = {key: settings[key] for key in ("device", "dtype", "threads")}
    small = {row["device"]: row["copied_bytes"] for row in rows if (row.get("copied_bytes") or 2**31) < 2**31}
    notes = [
        f"{name}: little memory is free, so only {units.show_bytes(size)} are copied" for name, size in small.items()
    ]
    return Table(
        command="devices",
        columns=COLUMNS,
        rows=rows,
        settings=asked,
        title="This machine",
        rows_as="columns",
        notes=(*notes, "kept in the cache; --remeasure measures anew"),
    )


def _row(each: dict[str, Any]) -> dict[str, Any]:
    row = {**each, "disclosed": True}
    if each.get("copy_bytes_per_second"):
        row["ridge"] = each["matmul_flops_per_second"] / each["copy_bytes_per_second"]
    return row
