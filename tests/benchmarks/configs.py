"""Reading configs and costing them: `python tests/benchmarks/configs.py`. Nothing here passes or fails.

1. One config read and costed (parameters, FLOPs, cache), once the program is up: the median over all types and rounds.
2. 200 configs, each in a file of its own, in one `llmcmp compare`, whole process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import llmcmp
from llmcmp.sources.huggingface.reading.keys import defaults

ROUNDS = 5
MANY = 200


def written(folder: Path, count: int) -> list[Path]:
    """Configs of the types whose defaults say everything, over and over, each with a vocabulary of its own."""
    paths: list[Path] = []
    for number in range(count):
        types = sorted(defaults())
        path = folder / f"model-{number}.json"
        path.write_text(json.dumps({"model_type": types[number % len(types)], "vocab_size": 1000 + number}))
        try:
            llmcmp.load(str(path))
        except llmcmp.LlmcmpError:
            path.write_text(json.dumps({"model_type": "llama", "vocab_size": 1000 + number}))
        paths.append(path)
    return paths


def one(path: Path) -> float:
    """Seconds for one config."""
    start = time.perf_counter()
    model = llmcmp.load(str(path))
    source = {"source_new": 512} if model.encoder is not None else {}
    llmcmp.params(model)
    llmcmp.flops(model, new=512, **source)
    if model.card.architecture != "encoder-only":
        llmcmp.kvcache(model, ctx=4096, **({"source": 512} if source else {}))
    return time.perf_counter() - start


def main() -> None:
    """Both figures."""
    with tempfile.TemporaryDirectory() as folder:
        paths = written(Path(folder), MANY)
        times = [one(path) for _ in range(ROUNDS) for path in paths]
        print(f"one config: median {1e3 * statistics.median(times):.2f} ms, slowest {1e3 * max(times):.1f} ms")
        start = time.perf_counter()
        command = [sys.executable, "-m", "llmcmp", "compare", *map(str, paths), "--json"]
        subprocess.run(command, check=True, capture_output=True)
        print(f"{MANY} configs in one command: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
