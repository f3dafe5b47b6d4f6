"""Time of a report of 12 models, whole processes: `python tests/benchmarks/report.py`. Nothing here passes or fails.

1. `llmcmp report` of the dozen as a page, and as a folder with its tables and figures.
2. What of it is Python and its imports: `llmcmp plot` of one figure of one model.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
DOZEN = (
    "llama2 llama3-8b mistral-7b mixtral deepseek-v3 qwen3-235b-a22b gemma3-27b gpt-oss-120b jamba-1.5-mini"
    " mamba2-2.7b t5-large bert-base"
).split()


def seconds(*arguments: str) -> float:
    """One whole process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "llmcmp", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "report of 12 models, a page": ("report", *DOZEN, "-o", str(Path(folder) / "report.html")),
            "report of 12 models, a folder": ("report", *DOZEN, "-o", str(Path(folder) / "report")),
            "one figure of one model": ("plot", "active", "gpt2", "-o", str(Path(folder) / "x.png")),
        }
        for what, arguments in runs.items():
            times = [seconds(*arguments) for _ in range(ROUNDS)]
            print(f"{what:32} median {statistics.median(times):5.2f} s, worst {max(times):5.2f} s of {ROUNDS}")
        page = (Path(folder) / "report.html").stat().st_size
        print(f"{'size of the page':32} {page / 1e6:.2f} MB")


main()
