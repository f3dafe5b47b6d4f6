"""The pictures of a report in the docs: `python docs/screenshots_report.py`, with a Chromium installed.

Each shows the head of the page and its first figures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

MODELS = "llama3-8b mixtral deepseek-v3 gemma3-27b jamba-1.5-mini t5-large".split()
HERE = Path(__file__).parent / "images"
SIZE: ViewportSize = {"width": 1440, "height": 900}
# What is left out, so that the picture ends where a section does.
SHORT = (
    "#architecture, #compute .part, #memory, #roofline, #models, #about { display: none } main { padding-bottom: 2rem }"
)
HIDE = "css => document.head.append(Object.assign(document.createElement('style'), { textContent: css }))"


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as program:
        page = Path(folder) / "report.html"
        subprocess.run([sys.executable, "-m", "llmcmp", "report", *MODELS, "-o", str(page)], check=True)
        browser = program.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            shown = browser.new_page(viewport=SIZE, color_scheme=scheme)
            shown.goto(page.as_uri())
            shown.evaluate(HIDE, SHORT)
            shown.screenshot(path=HERE / f"report-{scheme}.png", full_page=True)
        browser.close()


main()
