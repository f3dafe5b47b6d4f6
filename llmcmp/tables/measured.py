"""Measurements as tables: what `bench` found, and what it adds to `compare`, from records (bench/records.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp import units
from llmcmp.frozen import replace
from llmcmp.tables.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

Record = dict[str, Any]

_TIME = "Measured: time"
_REACHED = "Measured: share of this machine"
_BESIDE = "Computed beside measured"
_CEILINGS = "Ceilings of this machine"

NAME = Column(key="model", label="Model", core=True)
SWEPT = (
    Column(key="batch", label="Batch", unit="number"),
    Column(key="prompt", label="Context", unit="tokens"),
)
STATUS = Column(key="status", label="Status", core=True)
SIZES = (
    Column(key="parameters", label="Parameters", unit="count", group="As measured", core=True),
    Column(key="active_parameters", label="Active a token", unit="count", group="As measured"),
    Column(key="layers", label="Layers", unit="number", group="As measured"),
)
SPEED = (
    Column(key="prefill_tokens_per_second", label="Prefill tokens/s", unit="rate", group=_TIME, core=True),
    Column(key="decode_tokens_per_second", label="Decode tokens/s", unit="rate", group=_TIME, core=True),
    Column(key="train_tokens_per_second", label="Training tokens/s", unit="rate", group=_TIME, core=True),
    Column(key="prefill_seconds", label="Prefill", unit="seconds", group=_TIME),
    Column(key="prefill_spread", label="  quartiles", group=_TIME),
    Column(key="decode_seconds", label="Decode step", unit="seconds", group=_TIME),
    Column(key="decode_spread", label="  quartiles", group=_TIME),
    Column(key="decode_seconds_per_token", label="  a token", unit="seconds", group=_TIME),
    Column(key="train_seconds", label="Training step", unit="seconds", group=_TIME),
    Column(key="train_spread", label="  quartiles", group=_TIME),
)
REACHED = (
    Column(key="prefill_flops_per_second", label="Prefill FLOP/s", unit="flops/s", group=_REACHED),
    Column(key="prefill_mfu", label="  Prefill MFU", unit="percent", group=_REACHED, core=True),
    Column(key="decode_bytes_per_second", label="Decode bytes/s", unit="bytes/s", group=_REACHED),
    Column(key="decode_mbu", label="  Decode MBU, of copying", unit="percent", group=_REACHED, core=True),
    Column(key="decode_mbu_of_read", label="  of reading", unit="percent", group=_REACHED),
    Column(key="train_flops_per_second", label="Training FLOP/s", unit="flops/s", group=_REACHED),
    Column(key="train_mfu", label="  Training MFU", unit="percent", group=_REACHED),
    Column(key="launch_share", label="Launch overhead", unit="percent", group=_REACHED),
)
BESIDE = (
    Column(key="prefill_flops", label="Prefill FLOPs", unit="flops", group=_BESIDE),
    Column(key="prefill_counted_flops", label="  counted by torch", unit="flops", group=_BESIDE),
    Column(key="prefill_bytes", label="Prefill bytes", unit="bytes", group=_BESIDE),
    Column(key="decode_flops", label="Decode step FLOPs", unit="flops", group=_BESIDE),
    Column(key="decode_counted_flops", label="  counted by torch", unit="flops", group=_BESIDE),
    Column(key="decode_bytes", label="Decode step bytes", unit="bytes", group=_BESIDE),
    Column(key="train_flops", label="Training step FLOPs", unit="flops", group=_BESIDE),
    Column(key="train_counted_flops", label="  counted by torch", unit="flops", group=_BESIDE),
    Column(key="cache_bytes", label="Cache", unit="bytes", group=_BESIDE),
    Column(key="measured_cache_bytes", label="  its tensors", unit="bytes", group=_BESIDE),
    Column(key="needed_bytes", label="Memory needed", unit="bytes", group=_BESIDE),
    Column(key="peak_bytes", label="  Peak measured", unit="bytes", group=_BESIDE, core=True),
    Column(key="train_needed_bytes", label="Memory to train", unit="bytes", group=_BESIDE),
    Column(key="train_peak_bytes", label="  Peak measured", unit="bytes", group=_BESIDE),
)
CEILINGS = (
    Column(key="matmul_flops_per_second", label="Product", unit="flops/s", group=_CEILINGS),
    Column(key="copy_bytes_per_second", label="Copy, read + written", unit="bytes/s", group=_CEILINGS),
    Column(key="read_bytes_per_second", label="Read", unit="bytes/s", group=_CEILINGS),
)
MACHINE = tuple(
    replace(column, machine=True)
    for column in (
        *(Column(key=f"{phase}_seconds_low", label="") for phase in ("prefill", "decode", "train")),
        *(Column(key=f"{phase}_seconds_high", label="") for phase in ("prefill", "decode", "train")),
        *(
            Column(key=key, label="")
            for key in ("matmul_size", "copied_bytes", "memory_is", "not_compiled", "reason", "date", "key")
        ),
        *(Column(key=key, label="") for key in ("scale", "device", "dtype", "generate", "threads", "compile")),
        *(Column(key=key, label="") for key in ("repeats", "cpu", "gpu", "torch", "os", "llmcmp", "commit")),
        *(Column(key=key, label="") for key in ("changes", "multiplied")),
    )
)
FIGURES = (*SIZES, *SPEED, *REACHED, *BESIDE, *CEILINGS, *MACHINE)


def measured_row(record: Record) -> Row:
    """A record as one row: settings, machine, ceilings and figures side by side."""
    found = record["figures"]
    row: Row = {
        **record["environment"],
        **record["ceilings"],
        **{key: value for key, value in record["settings"].items() if key != "phases"},
        **found,
        **{key: record[key] for key in ("model", "status", "reason", "date", "key")},
        "disclosed": True,
        "changes": "; ".join(record["changes"]) or None,
        "multiplied": "; ".join(map(_multiplied, record["multiplied"])) or None,
    }
    for phase in ("prefill", "decode", "train"):
        if f"{phase}_seconds" in found:
            ends = (units.show_seconds(found[f"{phase}_seconds_{end}"]) for end in ("low", "high"))
            row[f"{phase}_spread"] = " – ".join(ends)
    if found.get("launch_share", 0) > 1:  # no share of a step is longer than the step: something else was running
        row["launch_share_shown"] = "machine busy"
    if "decode_seconds" in found:
        row["decode_seconds_per_token"] = found["decode_seconds"] / row["batch"]
    return row


def _multiplied(of: Record) -> str:
    return f"{of['layers']} × {of['block']} from {of['measured']} measured"


def bench_table(records: Sequence[Record], settings: dict[str, Any], path: str) -> Table:
    """One row a measurement, models side by side where there are few. `settings`: those that all share."""
    rows = tuple(measured_row(record) for record in records)
    swept = len({(row["batch"], row["prompt"]) for row in rows}) > 1
    for row in rows if swept else ():
        row["model_shown"] = f"{row['model']}, {row['batch']} × {units.show_tokens(row['prompt'])}"
    failed = any(row["status"] != "ok" for row in rows)
    asked = (*(replace(column, machine=not swept) for column in SWEPT), replace(STATUS, machine=not failed))
    return Table(
        command="bench",
        columns=(NAME, *asked, *(_only_if_known(column, rows) for column in FIGURES)),
        rows=rows,
        settings=settings,
        title=_title(rows, swept),
        rows_as="columns",
        notes=tuple(_notes(records, rows, path)),
    )


def _only_if_known(column: Column, rows: Sequence[Row]) -> Column:
    """A column that people see if any row has a value for it; every column is in JSON."""
    return column if any(row.get(column.key) is not None for row in rows) else replace(column, machine=True)


def _title(rows: Sequence[Row], swept: bool) -> str:
    if not rows:
        return "Nothing measured"
    first = rows[0]
    where = first.get("gpu") or first["cpu"]
    lengths = [] if swept else [f"batch {first['batch']}", f"prompt {units.show_tokens(first['prompt'])}"]
    threads = f"{first['threads']} thread{'s' if first['threads'] != 1 else ''}"
    said = (first["dtype"], *lengths, f"then {first['generate']} tokens", threads)
    return f"Measured at {first['scale']} scale on {where}: {', '.join(said)}"


def _notes(records: Sequence[Record], rows: Sequence[Row], path: str) -> list[str]:
    notes = [f"{record['model']}: {record['status']}: {record['reason']}" for record in records if record["reason"]]
    done = [record for record in records if record["status"] == "ok"]
    if not done:
        return notes
    notes += [f"{r['model']}: {r['figures']['not_compiled']}" for r in done if r["figures"].get("not_compiled")]
    repeats = rows[0]["repeats"]
    notes.append(f"medians and quartiles of {repeats} repeats; peak memory: {done[0]['figures']['memory_is']}")
    notes += _scale_notes(done)
    return [*notes, f"saved in {path}"]


def _scale_notes(records: Sequence[Record]) -> list[str]:
    match records[0]["settings"]["scale"]:
        case "tiny":
            once = {record["model"]: record["changes"] for record in records}
            notes = [f"{name} shrunk: {'; '.join(changes)}" for name, changes in once.items()]
            return [
                *notes,
                "ranks at tiny scale do not carry to full size, where launches weigh little: for that, --scale block",
            ]
        case "block":
            once = {record["model"]: record["multiplied"] for record in records}
            notes = [f"{name} multiplied out: {'; '.join(map(_multiplied, parts))}" for name, parts in once.items()]
            return [*notes, "no whole model was run: times are sums over blocks; peak memory is the largest part's"]
        case _:
            return []


# What `compare` takes over of a measurement.
_JOINED = (
    *("prefill_tokens_per_second", "decode_tokens_per_second", "decode_seconds_per_token", "train_tokens_per_second"),
    *("prefill_mfu", "decode_mbu", "decode_mbu_of_read", "peak_bytes"),
)


def joined(table: Table, structures: dict[str, str], records: Sequence[Record], path: str) -> Table:
    """A comparison with what was measured of its models, in a group of its own.

    `structures` names the structure of each model, by its name in the table. All figures come from one way of
    measuring: that of the newest record of any of the models. Of each model the newest such record counts; one that has
    none gets dashes.
    """
    wanted = set(structures.values())
    done = [record for record in records if record["status"] == "ok" and record["structure"] in wanted]
    if not done:
        return replace(
            table, notes=(*table.notes, f"none of these models is measured in {path}: llmcmp bench measures")
        )
    newest = max(done, key=lambda record: record["date"])
    alike = [record for record in done if _way(record) == _way(newest)]
    found = {record["structure"]: measured_row(record) for record in sorted(alike, key=lambda record: record["date"])}
    rows = tuple({**row, **_taken(found.get(structures.get(row["model"], ""), {}))} for row in table.rows)
    way = newest["settings"]
    where = newest["environment"].get("gpu") or newest["environment"]["cpu"]
    return replace(
        table,
        columns=(*table.columns, *_joined_columns()),
        rows=rows,
        settings=table.settings | {"measured": path},
        notes=(
            *table.notes,
            f"measured at {way['scale']} scale on {where}, {way['dtype']}, batch {way['batch']}, prompt "
            f"{units.show_tokens(way['prompt'])}, {way['threads']} threads, last on {newest['date'][:10]}; from {path}",
            *(("measured figures are of shrunk models: their ranks do not carry to full size",) * _tiny(newest)),
        ),
    )


def _tiny(record: Record) -> bool:
    return record["settings"]["scale"] == "tiny"


def _way(record: Record) -> tuple[Any, ...]:
    """What two measurements must share to stand side by side."""
    settings = {key: value for key, value in record["settings"].items() if key not in ("phases", "repeats")}
    machine = {key: record["environment"].get(key) for key in ("cpu", "gpu", "torch")}
    return tuple(sorted((key, str(value)) for key, value in (settings | machine).items()))


def _joined_columns() -> tuple[Column, ...]:
    known = {column.key: column for column in (*SPEED, *REACHED, *BESIDE)}
    labels = {
        "prefill_mfu": "Prefill MFU",
        "decode_mbu": "Decode MBU, of copying",
        "peak_bytes": "Peak memory",
    }
    core = ("prefill_tokens_per_second", "decode_tokens_per_second")
    columns = (replace(known[key], label=labels.get(key, known[key].label.strip())) for key in _JOINED)
    named = tuple(replace(column, key=f"measured_{column.key}", core=column.key in core) for column in columns)
    dated = Column(key="measured_date", label="Measured on", group="")
    return tuple(replace(column, group="Measured") for column in (*named, dated))


def _taken(found: Row) -> Row:
    taken = {f"measured_{key}": found.get(key) for key in _JOINED}
    dashes = {f"measured_{key}_shown": "—" for key in (*_JOINED, "date")} if not found else {}
    return {**taken, "measured_date": (found.get("date") or "")[:10] or None, **dashes}
