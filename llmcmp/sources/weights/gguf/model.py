"""A GGUF file as a Model: its metadata as a config, read as configs are, and held to the tensors of the file."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from llmcmp.errors import ConfigError
from llmcmp.sources.build import build
from llmcmp.sources.huggingface.reading.read import document
from llmcmp.sources.weights.against import compare
from llmcmp.sources.weights.gguf.architectures import config_of
from llmcmp.sources.weights.gguf.metadata import Metadata
from llmcmp.sources.weights.gguf.names import dictionary_of
from llmcmp.sources.weights.gguf.types import TYPES
from llmcmp.sources.weights.inspection import Inspection

if TYPE_CHECKING:
    from llmcmp.sources.weights.contents import FileContents

Table = dict[str, Any]
IN_BLOCKS = {name for name, elements, _ in TYPES.values() if elements > 1}


def inspect_gguf(contents: FileContents) -> Inspection:
    """A file's tensors against what its metadata says."""
    try:
        metadata = Metadata(contents)
        model = build(gguf_document(contents), contents.where)
    except ConfigError as error:
        return Inspection(contents=contents, model=None, findings=None, remark=f"Not compared: {error}")
    return Inspection(contents=contents, model=model, findings=compare(model, contents, dictionary_of(metadata.arch)))


def gguf_document(contents: FileContents, folder: str = "") -> Table:
    """The document of a preset that a file in a folder stands for. Raises ConfigError for what is not understood."""
    metadata = Metadata(contents)
    found = document(config_of(metadata), name_of(contents.where, folder), contents.where)
    source = {"what": f"GGUF metadata, architecture {metadata.arch}", "url": contents.where, "date": "unknown"}
    found |= {"sources": [source], "changed": f"Read from a GGUF file of architecture {metadata.arch}."}
    stored = _quantised(contents)
    return found | {"quantised": stored} if stored else found


def checked_document(contents: FileContents, folder: str = "") -> Table:
    """The document of a file whose tensors are those that it says. Raises ConfigError where one is not."""
    found = gguf_document(contents, folder)
    findings = compare(build(found, contents.where), contents, dictionary_of(Metadata(contents).arch))
    if findings.differences:
        first = findings.differences[0]
        tensor = first.tensor if first.tensor != "—" else first.ours
        raise ConfigError(
            f"{contents.where}: its metadata and its tensors differ in {len(findings.differences)} places, first "
            f"{tensor[:80]}: the metadata says {first.expected}, the file holds {first.held}; "
            "all of them: llmcmp inspect"
        )
    return found


def _quantised(contents: FileContents) -> str | None:
    """The type that most bytes of a file have, where it is one in blocks."""
    held: Counter[str] = Counter()
    for tensor in contents.tensors:
        held[tensor.dtype] += tensor.bytes
    most = max(held, key=held.__getitem__, default="")
    return most if most in IN_BLOCKS else None


def name_of(where: str, folder: str = "") -> str:
    """What a file's model is called: as the file, and where converters call every file so, as its folder.

    >>> name_of("tiny-Q8_0.gguf", "mine"), name_of("model.gguf", "mine"), name_of("ggml-model-Q8_0.gguf", "mine")
    ('tiny-Q8_0', 'mine', 'mine-Q8_0')
    """
    stem = re.sub(r"\.gguf$", "", where, flags=re.IGNORECASE)
    if folder:
        stem = re.sub(r"^(ggml-)?model(?=[-.]|$)", lambda _: folder, stem)
    return "".join(sign if sign.isprintable() and sign not in ":/" else "-" for sign in stem)[:80].strip() or "gguf"
