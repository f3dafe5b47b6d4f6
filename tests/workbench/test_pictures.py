"""What the tabs of blocks and terms and the form of edits look like: layout, no proof of numbers.

After a wanted change: `pytest tests/workbench/test_pictures.py --snapshot-update`, then look at the SVGs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from driving import press, settled
from textual.widgets import Input

from llmcmp.workbench.app import TABS, Workbench

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

PICTURES = {
    "blocks": ("blocks", ("down", "down", "down", "down", "space")),
    "learn": ("learn", ("s", *"gqa", "enter", "enter")),
    "what-if": ("compare", ("i", "down", *"6")),
}


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str, size: tuple[int, int], tmp_path: Path, snap_compare: Any) -> None:
    tab, keys = PICTURES[name]
    number = 1 + next(number for number, each in enumerate(TABS) if each.module == tab)

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, str(number), *keys)
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        await settled(pilot)

    app = Workbench(("gpt2", "mixtral-8x7b"), state_path=tmp_path / "state.json")
    assert snap_compare(app, terminal_size=size, run_before=before)
