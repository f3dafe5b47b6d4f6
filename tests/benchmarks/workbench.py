"""The workbench's speed as ratios within one run: `python tests/benchmarks/workbench.py`. Nothing here passes or fails.

1. First paint of `llmcmp`, from the start of its process until the last line of its first screen has reached the
   terminal, against an empty Textual app's: medians of interleaved rounds, in a pseudo-terminal of 160 × 48.
2. A changed context with every preset in the Cache tab: from the setting's change until the screen is painted again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

ROUNDS = 15
CONTEXTS = (8192, 131072, 5000, 1048576, 333, 65536, 12345, 2**22, 777777, 4096)
SIZE = (160, 48)

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("the empty app")

Empty().run()
"""


def first_paint(command: list[str], mark: bytes) -> float:
    """Seconds until a process in a terminal has drawn what is marked."""
    start = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    seen = b""
    try:
        while mark not in seen:
            if not select.select([terminal], [], [], 20)[0]:
                raise TimeoutError(f"nothing like {mark!r} in {seen[-300:]!r}")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - start
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


async def redraw() -> list[float]:
    """Seconds from each change of the context to the painted screen."""
    from llmcmp.frozen import replace
    from llmcmp.workbench.app import TABS, Workbench
    from llmcmp.workbench.views.cache import CacheView

    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        app = Workbench(state_path=Path(folder) / "state.json")
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await pilot.press(str(1 + next(n for n, tab in enumerate(TABS) if tab.module == "cache")))
            await settled(app, pilot)
            view = app.main.query_one(CacheView)
            for context in CONTEXTS:
                start = time.perf_counter()
                app.main.selection = replace(app.main.selection, context=context)
                while (table := view.table()) is None or table.settings["contexts"] != [context]:
                    await asyncio.sleep(0.001)
                painted = asyncio.Event()
                app.call_after_refresh(painted.set)
                await painted.wait()
                times.append(time.perf_counter() - start)
                await settled(app, pilot)
    return times


async def settled(app, pilot) -> None:
    """Nothing is under way any more."""
    while any(not worker.is_finished for worker in app.workers):
        await pilot.pause()
    await pilot.pause()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        os.environ["TERM"] = "xterm-256color"
        empty = [sys.executable, "-c", EMPTY_APP]
        workbench = [sys.executable, "-m", "llmcmp"]
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            times[0].append(first_paint(empty, b"the empty app"))
            times[1].append(first_paint(workbench, b"Quit"))
    base, ours = (statistics.median(each) for each in times)
    print(f"first paint: {ours:.3f} s, an empty Textual app {base:.3f} s: {ours / base:.2f} ×")
    redrawn = asyncio.run(redraw())
    middle, worst = (f"{seconds * 1e3:.0f} ms" for seconds in (statistics.median(redrawn), max(redrawn)))
    print(f"all presets' cache at another context: median {middle}, worst {worst}")


if __name__ == "__main__":
    main()
