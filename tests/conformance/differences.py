"""Prints, for each architecture, how far the twin's logits are from transformers' with the same weights.

    PYTHONPATH=.:tests python -m conformance.differences [PRESET...]

Figures are the largest difference of any logit as a share of the largest logit: of one prefill, of decode steps with a
static and with a growing cache, and of a prefill in two chunks.
"""

from __future__ import annotations

import sys

import torch

from .carried import TOKENS, carried, difference, in_passes
from .references import QUICK, preset_references

STEPS = [3] + [1] * (TOKENS - 3)


def row(preset: str) -> str:
    """One line of the table."""
    case = carried(preset)
    with torch.no_grad():
        found = [difference(case.twin(case.tokens_BS, source_BR=case.source_BR), case.logits)]
    if case.model.card.architecture != "encoder-only":
        found += [difference(in_passes(case, STEPS, growing=growing), case.logits) for growing in (False, True)]
        found.append(difference(in_passes(case, [7, TOKENS - 7]), case.logits))
    return f"{preset:<18} {preset_references()[preset].model:<43}" + "".join(f"{value:>9.1e}" for value in found)


def main() -> None:
    """The table of the presets that are named, or of one for each way of building a class."""
    print(f"{'preset':<18} {'transformers class':<43}{'prefill':>9}{'steps':>9}{'growing':>9}{'chunks':>9}")
    for preset in sys.argv[1:] or [name for name in QUICK if name != "deepseek-moe-16b"]:
        print(row(preset), flush=True)


if __name__ == "__main__":
    main()
