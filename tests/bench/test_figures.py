"""What is made of repeats: medians, rates and shares, by arithmetic that can be done by hand."""

from __future__ import annotations

from typing import Any

import pytest
from tiny import tiny

from llmcmp.bench import computed
from llmcmp.bench.figures import figures
from llmcmp.bench.parts import whole
from llmcmp.bench.settings import Settings
from llmcmp.bench.spread import spread
from llmcmp.tables.measured import measured_row

SETTINGS = Settings(batch=2, prompt=5, generate=4, phases=("prefill", "decode"))
CEILINGS = {"matmul_flops_per_second": 1000.0, "copy_bytes_per_second": 500.0, "read_bytes_per_second": 250.0}


def found() -> list[dict[str, Any]]:
    phases = {
        "prefill": {"seconds": [3.0, 1.0, 2.0, 9.0, 2.5], "counted_flops": 77},
        "decode": {"seconds": [8.0, 4.0, 6.0, 5.0, 7.0], "counted_flops": 40},
    }
    return [{"memory_is": "given", "phases": phases, "peak_bytes": 5, "cache_bytes": 6}]


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    known = spread([7.0, 1.0, 3.0, 5.0, 9.0])
    assert (known.low, known.median, known.high) == (3.0, 5.0, 7.0)
    assert spread([2.0]).high == 2.0


def test_rates_are_tokens_flops_and_bytes_over_the_median_and_shares_of_the_ceilings() -> None:
    model = tiny()
    made = figures(model, SETTINGS, SETTINGS.phases, whole(model, SETTINGS), found(), CEILINGS)
    assert made["prefill_seconds"] == 2.5 and made["prefill_tokens_per_second"] == 10 / 2.5
    step = computed.phase_bytes(model, SETTINGS, "decode") / 4
    assert made["decode_seconds"] == 6.0 / 4 and made["decode_tokens_per_second"] == 2 / 1.5
    assert made["decode_bytes"] == step
    # Floats of one division more or less.
    assert made["decode_mbu"] == pytest.approx(step / 1.5 / 500)
    assert made["decode_mbu_of_read"] == pytest.approx(2 * made["decode_mbu"])
    assert made["prefill_mfu"] == pytest.approx(computed.phase_flops(model, SETTINGS, "prefill") / 2.5 / 1000)
    assert made["decode_counted_flops"] == 10 and made["prefill_counted_flops"] == 77


def test_a_difference_of_times_that_is_nothing_gives_no_rate() -> None:
    model, nothing = tiny(), found()
    nothing[0]["phases"]["decode"]["seconds"] = [0.0, -1.0, 0.0, 1.0, -1.0]
    made = figures(model, SETTINGS, SETTINGS.phases, whole(model, SETTINGS), nothing, CEILINGS)
    assert "decode_mbu" not in made and made["decode_seconds"] == 0


@pytest.mark.parametrize(("share", "shown"), [(0.5, None), (6.65, "machine busy")])
def test_a_share_of_a_step_that_exceeds_the_step_is_not_shown_as_one(share: float, shown: str | None) -> None:
    record: dict[str, Any] = {"environment": {}, "ceilings": {}, "settings": {"batch": 1}, "multiplied": []}
    record |= {"model": "m", "status": "ok", "reason": None, "date": "", "key": "", "changes": []}
    row = measured_row(record | {"figures": {"launch_share": share}})
    assert row.get("launch_share_shown") == shown and row["launch_share"] == share
