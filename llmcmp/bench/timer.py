"""Timing: work repeated after a warm-up, each repeat on the device's own clock.

A GPU runs behind the program that feeds it, so there events on its queue tell the time; on a CPU the clock of the
process does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, cast

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Clock(Protocol):
    """Tells how many seconds a piece of work takes on one device."""

    def seconds(self, work: Callable[[], object]) -> float: ...


class HostClock:
    """The clock of the process, for work that is done when its call returns."""

    def seconds(self, work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start


class EventClock:
    """Events on the device's queue: the time between them is the device's, without the wait for the answer."""

    def __init__(self, device: str) -> None:
        self.module = torch.get_device_module(device)

    def seconds(self, work: Callable[[], object]) -> float:
        first, last = self.module.Event(enable_timing=True), self.module.Event(enable_timing=True)
        self.module.synchronize()
        first.record()
        work()
        last.record()
        self.module.synchronize()
        return cast("float", first.elapsed_time(last)) / 1000  # milliseconds


def clock(device: str) -> Clock:
    """The clock of a device."""
    return HostClock() if device == "cpu" else EventClock(device)


def timed(work: Callable[[], object], on: Clock, *, repeats: int, warmups: int = 2) -> tuple[float, ...]:
    """Seconds of each of `repeats` repeats, after `warmups` that are not counted."""
    for _ in range(warmups):
        on.seconds(work)
    return tuple(on.seconds(work) for _ in range(repeats))
