"""Headers of weight files and configs under a coverage-guided fuzzer; not part of the suite.

    pip install atheris
    PYTHONPATH=. python tests/fuzz/headers.py [safetensors|gguf|config] -max_total_time=60

What is fed in is read or refused with a LlmcmpError of one line; anything else that is raised is a finding.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import atheris

with atheris.instrument_imports(include=["llmcmp.sources"]):
    from llmcmp.errors import LlmcmpError
    from llmcmp.sources.build import build
    from llmcmp.sources.huggingface.reading.json_file import parse_object
    from llmcmp.sources.huggingface.reading.read import document
    from llmcmp.sources.weights.gguf.header import read_gguf
    from llmcmp.sources.weights.gguf.model import inspect_gguf
    from llmcmp.sources.weights.safetensors import read_index, read_safetensors


@dataclass(frozen=True)
class Bytes:
    """A file in memory."""

    content: bytes
    name: str = "fuzzed"

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, start: int, length: int) -> bytes:
        assert start + length <= len(self.content), "read past the end"
        return self.content[start : start + length]


def safetensors(content: bytes) -> None:
    """A file, whose length of the header is put right half of the time; and an index."""
    if content[:1] < b"\x80":
        text = content[1:]
        content = len(text).to_bytes(8, "little") + text
    assert read_safetensors(Bytes(content)).bytes >= 0


def gguf(content: bytes) -> None:
    """A file behind its magic."""
    found = read_gguf(Bytes(b"GGUF" + content))
    inspect_gguf(found)


def config(content: bytes) -> None:
    """A config, and an index."""
    read = parse_object(content, "config.json")
    build(document(read, "fuzzed"), "config.json")
    read_index(content, "index")


TARGETS: dict[str, Callable[[bytes], None]] = {"safetensors": safetensors, "gguf": gguf, "config": config}


def main() -> None:
    """Feed the target that is named first."""
    name = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in TARGETS else "safetensors"

    def once(content: bytes) -> None:
        try:
            TARGETS[name](content)
        except LlmcmpError as error:
            assert "\n" not in str(error), "a message of several lines"

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
