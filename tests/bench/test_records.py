"""Records survive what happens to runs: they are found by what was measured, and half a line is no record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import KINDS, tiny

from llmcmp.bench.records import RecordFile, by_key, key, structure
from llmcmp.bench.settings import Settings, from_document
from llmcmp.errors import OutputError
from llmcmp.frozen import replace

FIRST, SECOND = {"version": 1, "key": "a", "model": "é"}, {"version": 1, "key": "b"}


def test_records_come_back_in_order(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "deep" / "er" / "r.jsonl")
    assert file.read() == []
    file.check()
    file.append(FIRST)
    file.append(SECOND)
    assert file.read() == [FIRST, SECOND]
    assert file.path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_half_written_last_line_is_passed_over_and_spoils_no_later_one(tmp_path: Path, cut: int) -> None:
    file = RecordFile(tmp_path / "r.jsonl")
    file.append(FIRST)
    file.append(SECOND)
    content = file.path.read_bytes()
    file.path.write_bytes(content[:-cut])
    # Cut by one, only the line's end is missing.
    kept = [FIRST, SECOND] if cut == 1 else [FIRST]
    assert file.read() == kept
    file.append(SECOND)
    assert file.read() == [*kept, SECOND]


def test_lines_of_others_are_no_records(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "r.jsonl")
    file.path.write_bytes(b'[1]\n"x"\n\n\xff\xfe\n{"version": 0}\n' + json.dumps(FIRST).encode() + b"\n")
    assert file.read() == [FIRST]


def test_a_place_that_cannot_be_written_is_an_error_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RecordFile(tmp_path / "file" / "r.jsonl").check()


def test_a_measurement_is_another_with_another_structure_setting_or_machine() -> None:
    model, wider = tiny(), tiny(feed_forward={"kind": "gated", "activation": "silu", "intermediate": 41})
    base, machine = Settings(), {"cpu": "x", "torch": "1"}
    keys = {
        key([model], base, machine),
        key([wider], base, machine),
        key([model], replace(base, batch=2), machine),
        key([model], base, machine | {"torch": "2"}),
    }
    assert len(keys) == 4
    assert key([model], base, dict(reversed(machine.items()))) in keys
    assert structure(model) != structure(wider)


def test_a_structure_is_what_costs_something() -> None:
    model = tiny()
    assert structure(tiny(name="renamed")) == structure(model)
    assert structure(tiny(norm={"kind": "rms", "placement": "pre", "epsilon": 0.25})) == structure(model)
    assert structure(tiny(KINDS["windowed"])) != structure(model)
    assert structure(tiny(stack=[{"layers": 4}])) != structure(model)


def test_the_newest_record_of_a_key_counts() -> None:
    assert by_key([FIRST, SECOND, FIRST | {"model": "new"}])["a"]["model"] == "new"


def test_settings_come_back_from_their_document() -> None:
    settings = Settings(phases=("decode",), threads=3, dtype="bf16")
    assert from_document(json.loads(json.dumps(settings.document()))) == settings
