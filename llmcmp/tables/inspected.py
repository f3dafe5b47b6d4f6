"""`inspect`: what files of weights hold, by dtype or tensor by tensor, and where that is not what the config says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.weights.against import shown
from llmcmp.tables.table import Column, Row, Table
from llmcmp.units import show_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.sources.weights.against import Difference
    from llmcmp.sources.weights.contents import Tensor
    from llmcmp.sources.weights.inspection import Inspection

COLUMNS = (
    Column(key="what", label="What", core=True),
    Column(key="tensors", label="Tensors", unit="number", core=True),
    Column(key="parameters", label="Parameters", unit="count", core=True),
    Column(key="bytes", label="Bytes", unit="bytes", core=True),
    Column(key="bits", label="Bits a weight", unit="intensity", core=True),
)
DIFFERENCES = (
    Column(key="tensor", label="Differs", core=True),
    Column(key="ours", label="Here", machine=True),
    Column(key="config", label="Config says", core=True),
    Column(key="file", label="File holds", core=True),
)
TENSOR_COLUMNS = (
    Column(key="tensor", label="Tensor"),
    Column(key="ours", label="Here"),
    Column(key="shape", label="Shape"),
    Column(key="dtype", label="Dtype"),
    Column(key="parameters", label="Parameters", unit="count"),
    Column(key="bytes", label="Bytes", unit="bytes"),
    Column(key="verdict", label="Verdict"),
)


def inspected_table(found: Inspection, source: str) -> Table:
    """A line a dtype and all together; where config and file disagree, a line for each tensor that they do on."""
    tensors = found.contents.tensors
    differences = found.findings.differences if found.findings else ()
    if differences:
        rows = [
            {"tensor": _whose(each), "ours": each.ours, "config": each.expected, "file": each.held}
            for each in differences
        ]
        return _table(found, source, DIFFERENCES, rows)
    rows = [_line(dtype, group) for dtype, group in _by_dtype(tensors).items()]
    return _table(found, source, COLUMNS, [*rows, _line("in all", tensors)])


def _whose(difference: Difference) -> str:
    """The tensor by the file's name, or by ours where no tensor of the file stands for it."""
    return difference.ours if difference.tensor == "—" else difference.tensor


def _table(found: Inspection, source: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    return Table(
        command="inspect",
        columns=columns,
        rows=tuple(rows),
        settings=_settings(found, source),
        title=f"Held by {found.contents.where}",
        notes=tuple(_notes(found)),
    )


def held_table(found: Inspection, source: str) -> Table:
    """A line a tensor of the files, and one for each that is missing there."""
    findings = found.findings
    matched = findings.matched if findings else {}
    apart = dict.fromkeys(findings.beside if findings else (), "beside the model")
    apart |= dict.fromkeys(findings.computed if findings else (), "no parameter")
    differing = {each.tensor: each for each in findings.differences} if findings else {}
    rows: list[Row] = []
    for tensor in found.contents.tensors:
        differs = differing.get(tensor.name)
        verdict = f"differs: config says {differs.expected}" if differs else apart.get(tensor.name)
        if verdict is None:
            verdict = "equal" if tensor.name in matched else "not compared"
        rows.append(
            {
                "tensor": tensor.name,
                "ours": matched.get(tensor.name) or (differs.ours if differs else "—"),
                "shape": shown(tensor.shape),
                "dtype": tensor.dtype,
                "parameters": tensor.elements,
                "bytes": tensor.bytes,
                "verdict": verdict,
            }
        )
    for each in findings.differences if findings else ():
        if each.tensor not in {tensor.name for tensor in found.contents.tensors}:
            verdict = f"differs: config says {each.expected}, file holds {each.held}"
            rows.append({"tensor": each.tensor, "ours": each.ours, "verdict": verdict})
    return _table(found, source, TENSOR_COLUMNS, rows)


def _by_dtype(tensors: Iterable[Tensor]) -> dict[str, list[Tensor]]:
    groups: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return dict(sorted(groups.items(), key=lambda item: -sum(tensor.bytes for tensor in item[1])))


def _line(what: str, tensors: Iterable[Tensor]) -> Row:
    held = list(tensors)
    elements, size = sum(tensor.elements for tensor in held), sum(tensor.bytes for tensor in held)
    bits = 8 * size / elements if elements else None
    return {"what": what, "tensors": len(held), "parameters": elements, "bytes": size, "bits": bits}


def _settings(found: Inspection, source: str) -> dict[str, object]:
    findings = found.findings
    return {
        "source": source,
        "format": found.contents.format,
        "files": len(found.contents.files),
        "tensors": len(found.contents.tensors),
        "parameters": found.contents.elements,
        "bytes": found.contents.bytes,
        "model": found.model.name if found.model else None,
        "verdict": verdict(found),
        "differences": len(findings.differences) if findings else None,
    }


def verdict(found: Inspection) -> str:
    """ "equal", "differs" or "not compared"."""
    if found.findings is None:
        return "not compared"
    return "differs" if found.findings.differences else "equal"


def _notes(found: Inspection) -> Iterator[str]:
    findings = found.findings
    if found.remark:
        yield found.remark
    if findings is None:
        return
    if findings.differences:
        held = found.contents
        yield (
            f"config and file differ in {len(findings.differences):,} places; in all the file holds "
            f"{len(held.tensors):,} tensors, {held.elements:,} parameters, {show_bytes(held.bytes)}"
        )
    elif findings.matched:
        yield f"{len(findings.matched):,} tensors of the file and all of the config's are equal in name and shape"
    if findings.beside:
        yield f"{len(findings.beside):,} tensors stand beside the model and are not compared: {_some(findings.beside)}"
    if findings.computed:
        yield f"{len(findings.computed):,} tensors hold no parameters: {_some(findings.computed)}"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:2]) + (" ..." if len(names) > 2 else "")
