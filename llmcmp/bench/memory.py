"""Memory: what a machine still has, and the peak that a phase of a measurement reached.

On a GPU torch's allocator knows its peak. On a CPU it is the peak of the process's resident memory over what it held
before the model was built: the kernel keeps that mark, and Linux lets a process set it back between phases.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# Limits of a container, second version of control groups and first.
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def total() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available() -> int:
    """Bytes that a process could still be given: free or easily freed, within the limit of a container."""
    free = _kibibytes(Path("/proc/meminfo"), "MemAvailable") or total()
    return min(free, *(_room(Path(limit), Path(used)) for limit, used in _LIMITS))


def _room(limit: Path, used: Path) -> int:
    try:
        return int(limit.read_text()) - int(used.read_text())
    except (OSError, ValueError):  # no such limit, or "max"
        return total()


def _kibibytes(path: Path, key: str) -> int | None:
    """A number of kibibytes from a file of /proc, in bytes."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return None


class Gauge(Protocol):
    """Watches a peak. `taken` says how it is measured."""

    taken: str

    def peak(self) -> int | None:
        """Bytes of the highest peak since the last call, over what was held at the start; the next one begins here."""
        ...


class ResidentGauge:
    """The process's resident memory over what it held when the gauge was made."""

    def __init__(self) -> None:
        _give_back()
        self.start = _kibibytes(_STATUS, "VmRSS") or _highest()
        resets = self._reset()
        self.taken = f"growth of the process's peak resident memory{'' if resets else ', since its start'}"

    def peak(self) -> int | None:
        highest = (_kibibytes(_STATUS, "VmHWM") or _highest()) - self.start
        self._reset()
        return max(highest, 0)

    @staticmethod
    def _reset() -> bool:
        """Set the kernel's mark back to what is held now, where it can be (Linux; proc(5), clear_refs)."""
        try:
            _CLEAR.write_text("5")
        except OSError:
            return False
        held, highest = _kibibytes(_STATUS, "VmRSS"), _kibibytes(_STATUS, "VmHWM")
        # Some sandboxes take the request and do nothing; 1/16 is more than pages that are counted late.
        return held is not None and highest is not None and highest - held <= held // 16


class AllocatorGauge:
    """What torch's allocator handed out on a GPU."""

    taken = "peak of torch's allocator"

    def __init__(self, device: str) -> None:
        import torch

        self.module = torch.get_device_module(device)
        self.start = int(self.module.memory_allocated())
        self.module.reset_peak_memory_stats()

    def peak(self) -> int | None:
        highest = int(self.module.max_memory_allocated()) - self.start
        self.module.reset_peak_memory_stats()
        return highest


class NoGauge:
    """Where no peak is kept (MPS)."""

    taken = "not measured: this device keeps no peak"

    def peak(self) -> int | None:
        return None


def gauge(device: str) -> Gauge:
    """A gauge for a device, from now on."""
    if device == "cpu":
        return ResidentGauge()
    return AllocatorGauge(device) if device == "cuda" else NoGauge()


def room(device: str) -> int:
    """Bytes that a device can still hand out."""
    if device == "cpu":
        return available()
    import torch

    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return int(torch.mps.recommended_max_memory()) - int(torch.mps.driver_allocated_memory())


def _give_back() -> None:
    """Return freed memory that the C library keeps: a model that is put there would not show as growth."""
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)


def _highest() -> int:
    """The process's peak since its start, in bytes."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, kibibytes elsewhere
