"""Whatever a worker does, its asker gets an outcome: real processes that end, crash, hang and babble."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmcmp.bench.ask import Stopped, ask


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import os, sys, json, time\n{program}")


ANSWER = 'print(json.dumps({"done": 0.5}))\nprint("not json")\nprint("[1]")\nprint(json.dumps({"result": {"x": 1}}))'


def test_progress_and_a_result_come_through_noise() -> None:
    shares: list[float] = []
    outcome = ask({"ask": "x"}, 60, shares.append, python(ANSWER))
    assert (outcome.status, outcome.result, shares) == ("ok", {"x": 1}, [0.5])


@pytest.mark.parametrize(
    ("program", "status", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "crashed", "SIGKILL"),
        ("os.abort()", "crashed", "SIGABRT"),
        ("sys.exit(3)", "failed", "code 3"),
        ("raise ValueError('odd\\nlines')", "failed", "lines"),
        ("print(json.dumps({'refused': 'does not fit', 'reason': 'big'}))", "does not fit", "big"),
        ("sys.stdin.close(); sys.exit(4)", "failed", "code 4"),
    ],
)
def test_every_end_is_an_outcome_of_one_line(program: str, status: str, reason: str) -> None:
    outcome = ask({"ask": "x"}, 60, command=python(program))
    assert outcome.status == status and outcome.result is None
    assert outcome.reason is not None and reason in outcome.reason and "\n" not in outcome.reason


def test_a_worker_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    program = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(told)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    outcome = ask({"ask": "x"}, 3, command=python(program))
    assert outcome.status == "timed out" and outcome.reason is not None and "--timeout" in outcome.reason
    for pid in map(int, told.read_text().split()):
        assert gone(pid)


def test_a_worker_ends_when_its_asker_is_gone(tmp_path: Path) -> None:
    """The asker is killed outright, so that it can end nothing itself."""
    program = f"""
import sys
from llmcmp.bench import ask
class Told(ask.subprocess.Popen):
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        open({str(tmp_path / "pid")!r}, "w").write(str(self.pid))
ask.subprocess.Popen = Told
from llmcmp.bench.settings import Settings
sleeper = "from llmcmp.bench import worker; import time; worker._answer = lambda *a: time.sleep(600); worker.main()"
ask.ask({{"ask": "sleep", "settings": Settings().document()}}, 600, command=[sys.executable, "-c", sleeper])
"""
    asker = subprocess.Popen([sys.executable, "-c", program])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    time.sleep(1.5)  # it reads its request
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.05)
    return False


def test_a_worker_whose_answer_is_no_longer_wanted_is_ended_at_once(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = f"open({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    start = time.monotonic()
    with pytest.raises(Stopped):
        ask({"ask": "x"}, 60, command=python(program), stopped=lambda: told.exists() and bool(told.read_text()))
    assert time.monotonic() - start < 30
    assert gone(int(told.read_text()))


def test_a_worker_that_is_still_wanted_has_all_its_time() -> None:
    asked: list[bool] = []
    slow = f"time.sleep(0.5)\n{ANSWER}"
    assert ask({"ask": "x"}, 60, command=python(slow), stopped=lambda: bool(asked.append(True))).status == "ok"
    assert len(asked) > 3
    hung = ask({"ask": "x"}, 0.5, command=python("time.sleep(600)"), stopped=lambda: False)
    assert hung.status == "timed out"
