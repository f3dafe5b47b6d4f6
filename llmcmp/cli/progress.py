"""Progress on stderr, for people who watch; for everyone else, and with --quiet, nothing.

Where steps can be counted there is a bar with the time left. Everything else that takes longer than a second says so
by itself: every command runs `waiting`, and the line goes as soon as there is something to print.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from llmcmp.cli.terminal import console, watched

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.progress import Progress, TaskID

PATIENCE = 1.0  # seconds in which nothing needs to be said
ERASE = "\r\x1b[2K"


class Bar(Protocol):
    """What a run tells of its progress."""

    def now(self, what: str, share: float) -> None:
        """`share` of one step, called `what`, is done."""
        ...

    def advance(self) -> None:
        """A step is done."""
        ...


class Silent:
    """A bar that nobody sees."""

    def now(self, what: str, share: float) -> None:
        pass

    def advance(self) -> None:
        pass


class Drawn:
    """A bar on the terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task, self.done = progress, task, 0

    def now(self, what: str, share: float) -> None:
        self.progress.update(self.task, description=what, completed=self.done + share)

    def advance(self) -> None:
        self.done += 1
        self.progress.update(self.task, completed=self.done)


@contextmanager
def progress(steps: int, *, silent: bool = False) -> Generator[Bar]:
    """A bar of `steps` steps, drawn for people who watch unless it is to be silent."""
    settle()
    if silent or not watched():
        yield Silent()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    left = (TextColumn("·"), TimeRemainingColumn(elapsed_when_finished=True), TextColumn("left"))
    with Progress(*columns, *left, console=console(sys.stderr), transient=True) as drawn:
        yield Drawn(drawn, drawn.add_task("starting", total=steps))


class Waiting:
    """A line that appears once the patience is over, counts seconds, and goes without a trace."""

    def __init__(self, what: str) -> None:
        self.what, self.over, self.shown = what, threading.Event(), False
        self.thread = threading.Thread(target=self._tell, daemon=True)
        self.began = time.monotonic()
        self.thread.start()

    def _tell(self) -> None:
        pause = PATIENCE
        while not self.over.wait(pause):
            sys.stderr.write(f"{ERASE}{self.what} … {time.monotonic() - self.began:.0f} s")
            sys.stderr.flush()
            self.shown, pause = True, 0.5

    def end(self) -> None:
        self.over.set()
        self.thread.join()
        if self.shown:
            sys.stderr.write(ERASE)
            sys.stderr.flush()


_waiting: Waiting | None = None


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Say `what` is being waited for, from the second second on, until something is printed."""
    global _waiting
    if watched():
        _waiting = Waiting(what)
    try:
        yield
    finally:
        settle()


def settle() -> None:
    """Something is about to be printed, or to take the whole screen: nobody waits any more."""
    global _waiting
    ended, _waiting = _waiting, None
    if ended is not None:
        ended.end()
