"""Draws the figures of this folder anew: `python docs/images/architecture/make.py`, in the root of the repository.

They are what `llmcmp show MODEL -o MODEL.png` and `llmcmp diff A B -o A-B.png` write, in a palette of colours for size.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

import llmcmp
from llmcmp.plots.architecture import architecture, difference
from llmcmp.plots.plot import saved

MODELS = ("gpt2", "t5-base", "mixtral-8x7b", "deepseek-v3")
PAIRS = (("llama3-8b", "qwen3-8b"),)
COLOURS = 256  # a palette of the most frequent: fills and lines exactly, blends at their edges nearly


def write(content: bytes, name: str) -> None:
    """A png with few colours."""
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    colours, places, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    palette = colours[np.argsort(-counts)[:COLOURS]]
    distances = np.square(colours[:, None, :].astype(int) - palette[None, :, :].astype(int)).sum(axis=2)
    image = Image.fromarray(distances.argmin(axis=1)[places].reshape(pixels.shape[:2]).astype(np.uint8), "P")
    image.putpalette(palette.tobytes())
    image.save(Path(__file__).parent / f"{name}.png", optimize=True)


for model in MODELS:
    write(saved(architecture(llmcmp.load(model)), "png"), model)
for one, other in PAIRS:
    write(saved(difference(llmcmp.load(one), llmcmp.load(other)), "png"), f"{one}-{other}")
