"""A progress bar with the time left, on stderr, for people who watch; for everyone else nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.progress import Progress, TaskID


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
def progress(steps: int, *, silent: bool) -> Generator[Bar]:
    """A bar of `steps` steps, drawn on a terminal unless it is to be silent."""
    if silent or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    left = (TextColumn("·"), TimeRemainingColumn(elapsed_when_finished=True), TextColumn("left"))
    with Progress(*columns, *left, console=Console(stderr=True), transient=True) as drawn:
        yield Drawn(drawn, drawn.add_task("starting", total=steps))
