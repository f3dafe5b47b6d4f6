"""What a measurement ran on: a figure means nothing without its machine, its torch and its threads."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import llmcmp
from llmcmp.bench import memory


def machine() -> dict[str, Any]:
    """CPU, cores, memory, system and this program's version, without torch."""
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "memory_bytes": memory.total(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "llmcmp": llmcmp.__version__,
        "commit": commit(Path(llmcmp.__file__).parent.parent),
    }


def environment(device: str) -> dict[str, Any]:
    """The machine with torch and the name of its GPU, if that is what measures."""
    import torch

    gpu = torch.cuda.get_device_name() if device == "cuda" else platform.machine() if device == "mps" else None
    return machine() | {"torch": torch.__version__, "gpu": gpu}


def devices() -> list[dict[str, Any]]:
    """Everything here that torch can run on: the CPU, then GPUs."""
    import torch

    found: list[dict[str, Any]] = [
        {"device": "cpu", "name": cpu_name(), "cores": cores(), "memory_bytes": memory.total()}
    ]
    for number in range(torch.cuda.device_count()):
        _, held = torch.cuda.mem_get_info(number)
        name = {"device": f"cuda:{number}" if number else "cuda", "name": torch.cuda.get_device_name(number)}
        found.append({**name, "cores": None, "memory_bytes": held})
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": cpu_name(), "cores": None, "memory_bytes": memory.room("mps")})
    return found


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's own name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    with suppress(OSError, subprocess.SubprocessError):
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return platform.processor() or platform.machine()


def commit(folder: Path) -> str | None:
    """The commit of a clone, with a + where files differ from it; None for an installed package."""
    if not (folder / ".git").exists():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        return _git(folder, "rev-parse", "--short=12", "HEAD") + ("+" if _git(folder, "status", "--porcelain") else "")
    return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
