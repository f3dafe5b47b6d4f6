"""Draws the figures of this folder anew: `python docs/images/architecture/make.py`, in the root of the repository.

They are what `llmcmp show MODEL -o MODEL.png` and `llmcmp diff A B -o A-B.png` write, in a palette of colours for size.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

import llmcmp
from llmcmp.plots.architecture import architecture, difference
from llmcmp.plots.plot import saved

MODELS = ("gpt2", "t5-base", "mixtral-8x7b", "deepseek-v3")
PAIRS = (("llama3-8b", "qwen3-8b"),)
COLOURS = 64  # enough for flat fills and their edges


def write(content: bytes, name: str) -> None:
    """A png with few colours."""
    image = Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(Path(__file__).parent / f"{name}.png", optimize=True)


for model in MODELS:
    write(saved(architecture(llmcmp.load(model)), "png"), model)
for one, other in PAIRS:
    write(saved(difference(llmcmp.load(one), llmcmp.load(other)), "png"), f"{one}-{other}")
