"""Screenshots of the workbench: `python docs/screenshots.py [CHROMIUM]` writes docs/images/workbench/*.png.

The app is driven by Textual's pilot, so the pictures are what it really draws; a headless Chromium turns Textual's SVG
into PNG.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from textual.pilot import Pilot

from llmcmp.workbench.app import TABS, Workbench

FOLDER = Path(__file__).parent / "images" / "workbench"
SIZES = ((80, 24), (160, 48))
MODELS = ("llama3-8b", "qwen3-8b", "gemma3-27b", "deepseek-v3")


def tab(module: str) -> str:
    """The key that opens a tab."""
    return str(1 + next(number for number, each in enumerate(TABS) if each.module == module))


# Each picture: models, then the keys that lead to it.
SHOTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "compare": (MODELS, ("slash", *"llama3-", "enter", "b")),
    "parameters": (MODELS, (tab("parameters"),)),
    "compute": (MODELS, (tab("compute"),)),
    "cache": (MODELS, (tab("cache"), "m", *"8GiB", "escape", "right_square_bracket", "right_square_bracket")),
    "cache-ranked": ((), (tab("cache"), "m", *"1GiB", "escape", "right_square_bracket")),
    "blocks": (("deepseek-v3", "gemma3-27b"), (tab("blocks"), "l", *["down"] * 4, "space")),
    "blocks-drawn": (("t5-small",), (tab("blocks"), "d", "l")),
    "measure": (("gpt2", "mamba2-370m"), (tab("measure"), "m")),
    "learn": (("llama3-8b", "mixtral-8x7b"), (tab("learn"), "s", *"gqa", "enter", "enter")),
    "what-if": (("llama3-8b",), ("i", "down", *"16")),
    "filter": (MODELS, ("f",)),
    "keys": (MODELS, ("question_mark",)),
}


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is under way."""
    quiet = 0
    while quiet < 3:
        await pilot.pause()
        quiet = 0 if any(not worker.is_finished for worker in pilot.app.workers) else quiet + 1


async def drawn(size: tuple[int, int], models: tuple[str, ...], keys: tuple[str, ...]) -> str:
    """The screen as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        app = Workbench(models, state_path=Path(folder) / "state.json")
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            return app.export_screenshot(title="llmcmp")


def png(svg: str, path: Path, chromium: str) -> None:
    """A picture of an SVG, without its fonts from afar, at its own size."""
    svg = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    width, height = (int(float(side)) + 1 for side in found.groups())
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(f"<!doctype html><meta charset=utf-8><body style='margin:0'>{svg}</body>", "utf-8")
        options = "--headless --no-sandbox --disable-gpu --disable-background-networking --hide-scrollbars".split()
        places = [
            f"--user-data-dir={folder}/profile",
            f"--screenshot={path.resolve()}",
            f"--window-size={width},{height}",
        ]
        subprocess.run([chromium, *options, *places, page.as_uri()], check=True, capture_output=True)
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def main() -> None:
    chromium = sys.argv[1] if len(sys.argv) > 1 else "chromium"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (models, keys) in SHOTS.items():
        for size in SIZES:
            path = FOLDER / f"{name}-{size[0]}x{size[1]}.png"
            png(asyncio.run(drawn(size, models, keys)), path, chromium)
            print(path.name)


if __name__ == "__main__":
    main()
