"""Writes docs/reference/architectures.md: which model types of a config.json are read, and why others are not.

PYTHONPATH=.:tests python -m conformance.architectures
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.reading import legacy
from llmcmp.sources.huggingface.reading.types import REFUSED, TYPES

from .configs import CAUSAL, TEXT_MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[2] / "docs" / "reference" / "architectures.md"

HEAD = """# Architectures

<!-- Generated: PYTHONPATH=.:tests python -m conformance.architectures -->

A path to a `config.json`, or to a folder that holds one, stands wherever a model's name does:
`llmcmp compare ./my-model llama3-8b`. Its `model_type` decides how it is read. Every key is read, known to be harmless,
or named in an error; what the file leaves out has the default of its type in transformers 5.23.

For each type below that is read, tests hold parameters (in total and layer by layer) and the FLOPs of a forward pass to
those of the class in transformers, with its default config and with others whose sizes and switches are changed by
seed. Types whose code lies beside their weights are held to the counts of released models. Of a config with towers for
images or sound, the text model is read, and the card says so.
"""


def lines() -> Iterator[str]:
    """The page."""
    yield HEAD
    yield f"## Read: {len(TYPES)} types\n"
    yield "| `model_type` | held to |\n|---|---|"
    for name in sorted(TYPES, key=str.lower):
        yield f"| `{name}` | {_held_to(name)} |"
    missing = {name: REFUSED.get(name, "a type around others, or no reader yet") for name in {*CAUSAL, *REFUSED}}
    refused = {name: why for name, why in missing.items() if name not in TYPES}
    yield f"\n## Refused: {len(refused)} types\n"
    yield "An error names what is missing.\n"
    yield "| `model_type` | why |\n|---|---|"
    for name in sorted(refused, key=str.lower):
        yield f"| `{name}` | {refused[name]} |"


def _held_to(name: str) -> str:
    if name in legacy.TYPES:
        return "released sizes: its code lies beside its weights"
    return f"`{CAUSAL.get(name) or TEXT_MODELS[name]}`"


def page() -> str:
    """The text of the page."""
    return "\n".join(lines()) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page(), "utf-8")
    print(FILE.name)
