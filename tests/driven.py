"""The workbench driven by a script of keys and clicks, as a user drives it, without a terminal."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widget import Widget

from llmcmp.workbench.app import Workbench

Script = Callable[["Driver"], Awaitable[None]]
PATIENCE = 60.0  # seconds on a machine that does much else


class Driver:
    """Presses, clicks, and waits for what should follow."""

    def __init__(self, app: Workbench, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def main(self):
        return self.app.main

    def one(self, selector, kind=None):
        """One widget of the screen that is on top."""
        return self.app.screen.query_one(selector, kind) if kind else self.app.screen.query_one(selector)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(
            *({"_": "underscore", ".": "full_stop", " ": "space", "-": "minus"}.get(c, c) for c in text)
        )

    async def click(self, widget, offset=(0, 0)) -> None:
        """Click a widget, once it has its place on the screen."""
        found = widget if isinstance(widget, Widget) else self.one(widget)
        await self.until(lambda: found.region.area)
        await self.pilot.click(widget, offset=offset)

    async def until(self, holds: Callable[[], object], patience: float = PATIENCE) -> None:
        """Wait until something holds. What cannot be looked at yet does not."""
        end = time.monotonic() + patience
        while True:
            await self.pilot.pause()
            try:
                if holds():
                    return
            except Exception:
                if time.monotonic() > end:
                    raise
            assert time.monotonic() < end, "it never came to hold"
            await asyncio.sleep(0.02)

    async def selected(self, *names: str) -> None:
        """Wait until these models are selected and loaded."""
        await self.until(lambda: tuple(model.name for model in self.main.selection.models) == names)


def drive(
    script: Script, models: tuple[str, ...] = (), size: tuple[int, int] = (120, 40), tab: str | None = None
) -> None:
    """Run a script in a fresh workbench on some models, in one of its tabs."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            app = Workbench(models, state_path=Path(folder) / "state.json")
            async with app.run_test(size=size) as pilot:
                driver = Driver(app, pilot)
                await driver.until(lambda: app.screen is app.main and app.focused)
                if models:
                    await driver.selected(*models)
                if tab:
                    keys = [tab.module for tab in app.main.tabs]
                    await driver.press(str(keys.index(tab) + 1))
                    await driver.until(lambda: app.main.view.key == tab and app.main.view.is_mounted)
                await script(driver)

    asyncio.run(run())
