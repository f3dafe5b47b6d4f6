"""The devices of this machine with their measured ceilings, which are kept in this user's cache folder.

Ceilings are found again by device, dtype, threads and torch's version: with another of these they are others. A run of
`bench` does not use them: it measures its own, in the same minutes as its models.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from llmcmp.bench.ask import ask
from llmcmp.errors import LlmcmpError
from llmcmp.frozen import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.bench.settings import Settings

Found = dict[str, Any]


def cache_path() -> Path:
    """Where ceilings are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("llmcmp", appauthor=False) / "ceilings.json"


def devices(
    settings: Settings,
    *,
    remeasure: bool = False,
    timeout: float = 600,
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> list[Found]:
    """Each device with its name, memory and ceilings; of several GPUs the first is measured.

    `settings.device` names the one device to look at, "auto" stands for all.
    """
    progress("looking", 0)
    here = _asked("devices", replace(settings, device="cpu"), timeout)
    wanted = [each for each in here["devices"] if settings.device in ("auto", each["device"])]
    if not wanted:
        there = ", ".join(each["device"] for each in here["devices"])
        raise LlmcmpError(f"there is no {settings.device} device here; there is: {there}")
    known = {} if remeasure else _kept()
    found: list[Found] = []
    for each in wanted:
        about = each | {"dtype": settings.dtype, "threads": here["threads"], "torch": here["environment"]["torch"]}
        name = " | ".join(str(about[key]) for key in ("device", "name", "dtype", "threads", "torch"))
        if each["device"] in ("cpu", "cuda", "mps"):
            progress(f"measuring {each['device']}", len(found) / len(wanted))
            if name not in known:
                known |= {name: _ceilings(each["device"], settings, timeout)}
                _keep(known)
            about |= known[name]
        found.append(about)
    return found


def _asked(what: str, settings: Settings, timeout: float) -> Found:
    outcome = ask({"ask": what, "settings": settings.document()}, timeout)
    if outcome.result is None:
        raise LlmcmpError(f"cannot measure {settings.device}: {outcome.reason}")
    return outcome.result


def _ceilings(device: Any, settings: Settings, timeout: float) -> Found:
    measured = _asked("ceilings", replace(settings, device=device), timeout)["ceilings"]
    return measured | {"date": datetime.now(UTC).isoformat(timespec="seconds")}


def _kept() -> dict[str, Found]:
    """The ceilings in the cache; none where it cannot be read, for they can be measured again."""
    with suppress(OSError, ValueError):
        found = json.loads(cache_path().read_text("utf-8"))
        if isinstance(found, dict):
            return cast("dict[str, Found]", found)
    return {}


def _keep(known: dict[str, Found]) -> None:
    """Write the cache whole or not at all; a folder that cannot be written costs only the next measurement."""
    path = cache_path()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        Path(file.name).replace(path)
