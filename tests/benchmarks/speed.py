"""Speed as ratios within one run: `python tests/benchmarks/speed.py`. Nothing here passes or fails.

1. `llmcmp compare llama2 qwen2 mixtral`, whole process, against an empty Typer app that prints a 30-row Rich table.
2. Loading and costing every preset (parameters, FLOPs, cache, traffic) in a fresh process, in units of that empty app.
3. A million (batch, context) points of FLOPs and cache of one model, against one scalar call each.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15

EMPTY_APP = """
import typer

app = typer.Typer()

@app.command()
def main() -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("a", "b", "c", "d")
    for row in range(30):
        table.add_row(*("x" * 12 for _ in range(4)))
    Console().print(table)

app()
"""

EVERY_PRESET = """
import time

start = time.perf_counter()
import llmcmp
from llmcmp.sources.presets import every_model

for model in every_model():
    if model.disclosed:
        source = {"source_new": 512} if model.card.architecture == "encoder-decoder" else {}
        llmcmp.params(model)
        llmcmp.flops(model, new=512, **source)
        llmcmp.traffic(model, new=512, **source)
        llmcmp.kvcache(model, ctx=4096)
print(time.perf_counter() - start)
"""

SWEEP = """
import sys, time
import numpy as np
import llmcmp

model = llmcmp.load(sys.argv[1])
batch, ctx = (axis.ravel() for axis in np.meshgrid(np.arange(1, 1001), np.arange(1, 100_001, 100)))
start = time.perf_counter()
flops = llmcmp.flops(model, batch, new=1, past=ctx).total
cache = llmcmp.kvcache(model, ctx, batch).bytes
swept = time.perf_counter() - start
sample = np.random.default_rng(0).integers(0, batch.size, 200)
start = time.perf_counter()
points = [(int(batch[i]), int(ctx[i])) for i in sample]
scalars = [(llmcmp.flops(model, b, new=1, past=c).total, llmcmp.kvcache(model, c, b).bytes) for b, c in points]
scalar = (time.perf_counter() - start) / len(sample)
assert [(int(flops[i]), int(cache[i])) for i in sample] == scalars, "a sweep differs from its scalars"
print(batch.size, swept, scalar)
"""


def seconds(command: list[str]) -> float:
    """One whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def printed(program: str, *arguments: str) -> list[float]:
    """The numbers that a program prints."""
    command = [sys.executable, "-c", program, *arguments]
    return [float(text) for text in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main() -> None:
    """Print the three comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "empty.py")
        script.write_text(EMPTY_APP)
        empty = [sys.executable, str(script)]
        compare = [str(Path(sys.executable).with_name("llmcmp")), "compare", "llama2", "qwen2", "mixtral"]
        rounds = [(seconds(empty), seconds(compare)) for _ in range(ROUNDS + 1)][1:]
    base, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"compare, whole process   {ours:.3f} s   {ours / base:.2f} × an empty Typer app ({base:.3f} s)")
    every = min(printed(EVERY_PRESET)[0] for _ in range(3))
    print(f"every preset costed      {every:.3f} s   {every / base:.2f} × an empty Typer app")
    for name in ("llama2-7b", "deepseek-v3", "gemma3-27b"):
        points, swept, scalar = printed(SWEEP, name)
        faster = points * scalar / swept
        print(f"{points:,.0f} points, {name:<12} {swept:.3f} s   {faster:,.0f} × faster than scalar calls, equal")


if __name__ == "__main__":
    main()
