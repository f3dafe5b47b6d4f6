"""Twins against transformers, as ratios within one run; nothing here passes or fails.

The same tiny architectures on both sides, CPU, batch 1, fp32, 2 threads, each with its own cache: ours eager and
compiled, transformers' `generate` (greedy, its default cache and attention) eager and compiled. Rounds are interleaved;
a figure is the median over rounds, and a ratio the median of the rounds' own ratios. MBU is the bytes that
`llmcmp.traffic` computes for a decode step over its time, against a copy of 2 GiB (read and written) in the same round.

    python tests/benchmarks/twins.py [--rounds 9] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import transformers

import llmcmp
from llmcmp.model import Model
from llmcmp.nn.build import build
from llmcmp.nn.compiled import compiled_step, missing_compiler
from llmcmp.nn.generate import generate
from llmcmp.sources.build import build as model_of

THREADS, PROMPT, TOKENS, PREFILL = 2, 32, 64, 512
CARD = {
    "name": "tiny",
    "family": "test",
    "organization": "tests",
    "released": "2020-01",
    "architecture": "decoder-only",
    "changed": "Nothing.",
    "tasks": ["text-generation"],
    "languages": ["en"],
    "sources": [],
}
# hidden, layers, heads, KV heads, intermediate, experts (2 a token)
SHAPES = {
    "dense, hidden 256": (256, 4, 8, 2, 704, 0),
    "8 experts, hidden 256": (256, 4, 8, 2, 704, 8),
    "dense, hidden 1024": (1024, 8, 8, 2, 2816, 0),
}
Timed = dict[str, Callable[[], object]]


def ours(hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, experts: int) -> Model:
    network = {"kind": "gated", "activation": "silu", "intermediate": intermediate}
    mixture = {"kind": "experts", "experts": experts, "per_token": 2, "expert": network, "router": {"normalize": True}}
    document: dict[str, Any] = {
        **CARD,
        "embedding": {"vocabulary": 4096, "hidden": hidden, "tied": False},
        "position": {"kind": "rotary"},
        "norm": {"kind": "rms", "placement": "pre", "epsilon": 1e-6},
        "attention": {"kind": "multi-head", "heads": heads, "kv_heads": kv_heads, "head_dim": hidden // heads},
        "feed_forward": mixture if experts else network,
        "stack": [{"layers": layers}],
    }
    return model_of(document, "tiny.toml")


def theirs(hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, experts: int) -> Any:
    sizes = {
        "vocab_size": 4096,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": intermediate,
        "bos_token_id": 0,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    if not experts:
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).eval()
    config = transformers.MixtralConfig(**sizes, num_local_experts=experts, num_experts_per_tok=2)
    return transformers.MixtralForCausalLM(config).eval()


def decoders(model: Model, reference: Any, compiled: bool) -> dict[str, Callable[[int], object]]:
    """What generates a number of tokens, by name."""
    twin, prompt = build(model).pack(), torch.randint(0, 4096, (1, PROMPT))
    cache = twin.new_cache(1, PROMPT + TOKENS)

    def transformers_generates(new: int, **options: Any) -> None:
        with torch.no_grad():
            reference.generate(prompt, max_new_tokens=new, min_new_tokens=new, do_sample=False, **options)

    found: dict[str, Callable[[int], object]] = {
        "llmcmp": lambda new: generate(twin, prompt, new, cache=cache),
        "transformers": transformers_generates,
    }
    if compiled:
        step = compiled_step(twin)
        found["llmcmp compiled"] = lambda new: generate(twin, prompt, new, cache=cache, step=step)
        eager, fast = reference.forward, torch.compile(reference.forward, dynamic=True)

        def compiled_generates(new: int) -> None:
            reference.forward = fast
            transformers_generates(new, cache_implementation="static")
            reference.forward = eager

        found["transformers compiled"] = compiled_generates
    return found


def prefills(model: Model, reference: Any) -> Timed:
    """A prompt's logits of the last position, by name."""
    twin, prompt = build(model).pack(), torch.randint(0, 4096, (1, PREFILL))
    cache = twin.new_cache(1, PREFILL)

    @torch.inference_mode()
    def read() -> None:
        cache.reset()
        twin(prompt, cache, logits="last")

    @torch.no_grad()
    def reference_reads() -> None:
        reference(prompt, logits_to_keep=1, use_cache=True)

    return {"llmcmp": read, "transformers": reference_reads}


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved(runs: Timed, rounds: int) -> dict[str, list[float]]:
    """Seconds of every run in every round, after two rounds that do not count."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            taken = seconds(run)
            if number >= 2:
                found[name].append(taken)
    return found


def a_token(decode: Callable[[int], object]) -> Callable[[], float]:
    """Seconds of one decode step: what the tokens after the first take."""
    return lambda: (seconds(lambda: decode(TOKENS)) - seconds(lambda: decode(1))) / (TOKENS - 1)


def ratio(of: list[float], to: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def decode_round(model: Model, reference: Any, compiled: bool, rounds: int) -> None:
    steps = {name: a_token(decode) for name, decode in decoders(model, reference, compiled).items()}
    held = torch.randn(2**28)  # 1 GiB read and 1 GiB written
    copy = torch.empty_like(held)
    found: dict[str, list[float]] = {name: [] for name in steps}
    copies: list[float] = []
    for number in range(rounds + 2):
        taken = {name: step() for name, step in steps.items()}
        copied = 2 * held.nbytes / seconds(lambda: copy.copy_(held))
        if number >= 2:
            copies.append(copied)
            for name, each in taken.items():
                found[name].append(each)
    moved = float(
        llmcmp.traffic(
            model, new=1, past=PROMPT + TOKENS // 2, weights="fp32", activations="fp32", cache="fp32"
        ).expected_bytes
    )
    for name, each in found.items():
        used = statistics.median(moved / taken / copied for taken, copied in zip(each, copies, strict=True))
        print(
            f"  decode  {name:<22} {1e3 * statistics.median(each):9.3f} ms a token"
            f"  {ratio(found['transformers'], each):5.2f} x transformers  MBU {used:.2f}"
        )
    print(f"  copy    {statistics.median(copies) / 1e9:.1f} GB/s, read and written")


def prefill_round(model: Model, reference: Any, rounds: int) -> None:
    found = interleaved(prefills(model, reference), rounds)
    for name, each in found.items():
        print(
            f"  prefill {name:<22} {1e3 * statistics.median(each):9.3f} ms for {PREFILL} tokens"
            f"  {ratio(found['transformers'], each):5.2f} x transformers"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--quick", action="store_true", help="leave out what is compiled")
    options.add_argument("shapes", nargs="*", type=int, help="numbers of the shapes, from 0; all if not given")
    asked = options.parse_args()
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    why = missing_compiler("cpu")
    if why:
        print(why)
    names = list(SHAPES)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {asked.rounds} rounds")
    for name in [names[number] for number in asked.shapes] or names:
        print(name)
        model, reference = ours(*SHAPES[name]), theirs(*SHAPES[name])
        decode_round(model, reference, not asked.quick and why is None, asked.rounds)
        prefill_round(model, theirs(*SHAPES[name]), asked.rounds)


if __name__ == "__main__":
    main()
