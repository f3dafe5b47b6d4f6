"""What each tab looks like, on the smallest screen that it must fit and on a large one: layout, no proof of numbers.

After a wanted change: `pytest tests/workbench/test_snapshots.py --snapshot-update`, then look at the SVGs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from driving import press, settled, tab

from llmcmp.workbench.app import Workbench

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

OWN = ("compare", "parameters", "compute", "cache")


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("module", OWN)
def test_tab(module: str, size: tuple[int, int], tmp_path: Path, snap_compare: Any) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, tab(module))

    app = Workbench(("gpt2", "mixtral-8x7b"), state_path=tmp_path / "state.json")
    assert snap_compare(app, terminal_size=size, run_before=before)
