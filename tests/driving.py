"""The workbench under a pilot: opened with a state of its own, and waited for until nothing is under way."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llmcmp.workbench.app import TABS, Workbench

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from textual.pilot import Pilot

QUIET = 2  # looks in a row that find nothing under way


@asynccontextmanager
async def workbench(
    folder: Path, *models: str, size: tuple[int, int] = (100, 30)
) -> AsyncGenerator[tuple[Workbench, Pilot[None]]]:
    """An open workbench on some models."""
    app = Workbench(models, state_path=folder / "workbench.json")
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield app, pilot


async def settled(pilot: Pilot[None]) -> None:
    """Nothing is under way any more: what work led to may have begun more of it."""
    quiet = 0
    while quiet < QUIET:
        await pilot.pause()
        quiet = 0 if any(not worker.is_finished for worker in pilot.app.workers) else quiet + 1


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after another, each once the one before has had its effect."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def line(widget: object, y: int) -> str:
    """The text of a line of a widget."""
    return widget.render_line(y).text  # type: ignore[attr-defined]


def lines(widget: object) -> list[str]:
    """The text of every line of a widget."""
    return [line(widget, y).rstrip() for y in range(widget.size.height)]  # type: ignore[attr-defined]


def tab(module: str) -> str:
    """The key that opens a tab."""
    return str(1 + next(number for number, each in enumerate(TABS) if each.module == module))
