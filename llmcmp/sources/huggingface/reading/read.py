"""A config.json into a preset's document: its model type finds the reader, its place in the file system the name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ConfigError
from llmcmp.sources.huggingface.reading import legacy
from llmcmp.sources.huggingface.reading.document import sections
from llmcmp.sources.huggingface.reading.json_file import read_object
from llmcmp.sources.huggingface.reading.keys import Keys, defaults
from llmcmp.sources.huggingface.reading.types import REFUSED, TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from llmcmp.sources.huggingface.reading.document import Drawing

Table = dict[str, Any]

# A class with a head that is no language model's has other tensors than its model type's readers draw.
OTHER_HEADS = re.compile(r".*For(Sequence|Token|Image|Audio)Classification|.*ForQuestionAnswering|.*ForMultipleChoice")


def read_document(path: Path) -> Table:
    """The document of the config at `path`. Raises ConfigError for what is not understood."""
    where = f"{path.parent.name}/{path.name}" if path.name == "config.json" and path.parent.name else path.name
    return document(read_object(path), name_of(path), where, str(path), _date(path))


def document(config: Table, name: str, where: str = "config.json", url: str = "", date: str = "") -> Table:
    """The document of a config."""
    model_type, inner, inside = _text_model(config, where)
    known = legacy.DEFAULTS.get(model_type) or defaults().get(legacy.SAME.get(model_type, model_type))
    keys = Keys(inner, model_type, where, inside, known)
    _check_class(keys)
    if inside:
        keys.value("tie_word_embeddings", default=None)
    quantised = _quantised(inner.get("quantization_config") or config.get("quantization_config"))
    keys.ignore("quantization_config", "compression_config")
    reader = TYPES.get(model_type)
    if reader is None:
        raise keys.error(_unknown(model_type), "model_type")
    drawing = reader(keys)
    card = _card(keys, drawing, f"{name} (text)" if inside else name, url, date)
    notes = list(_notes(config, keys, keys.finish(), inside, quantised))
    stored = {"quantised": quantised} if quantised else {}
    return card | stored | ({"notes": notes} if notes else {}) | sections(drawing)


def name_of(path: Path) -> str:
    """What a model is called: its folder's name, or its file's."""
    stem = path.parent.resolve().name if path.name == "config.json" else path.stem
    return "".join(sign if sign.isprintable() and sign != ":" else "-" for sign in stem)[:80].strip() or "config"


def _date(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d")


def _text_model(config: Table, where: str) -> tuple[str, Table, str]:
    """(model type, its keys, where in the file they stand): those of the text model, where others stand around it."""
    for inside in ("text_config", "llm_config", "language_config"):
        inner = config.get(inside)
        if isinstance(inner, dict):
            text = cast("Table", inner)
            outer = str(config.get("model_type", ""))
            kind = text.get("model_type") or TEXT_TYPES.get(outer)
            if not isinstance(kind, str):
                raise ConfigError(f"{where}: {inside}.model_type: is missing")
            around = config.get("tie_word_embeddings")  # the whole model's word counts, where both have one
            return kind, text if around is None else text | {"tie_word_embeddings": around}, inside
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise ConfigError(f"{where}: model_type: is missing; it says how to read the rest")
    return kind, config, ""


# Wrappers whose text model does not say its own type.
TEXT_TYPES = {"gemma3": "gemma3_text", "llama4": "llama4_text", "mistral3": "mistral", "llava": "llama"}


def _check_class(keys: Keys) -> None:
    """Refuse a class with another head than a language model's."""
    if OTHER_HEADS.fullmatch(keys.class_name):
        raise keys.error(
            f"{keys.class_name[:60]} has another head than a language model; heads are not read", "architectures"
        )


def _unknown(model_type: str) -> str:
    import difflib

    if model_type in REFUSED:
        return f"{model_type} cannot be read yet: {REFUSED[model_type]}"
    close = difflib.get_close_matches(model_type, list(TYPES), n=2)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"the model type {model_type[:60]!r} is not known{hint} (docs/reference/architectures.md lists all that are)"


def _card(keys: Keys, drawing: Drawing, name: str, url: str, date: str) -> Table:
    limit = keys.whole_or(*POSITIONS, otherwise=None)
    card: Table = {
        "name": name,
        "family": keys.model_type,
        "organization": "unknown",
        "released": "unknown",
        "architecture": drawing.architecture,
        "changed": f"Read from a config of model type {keys.model_type}.",
        "tasks": [],
        "languages": [],
        "sources": [{"what": f"config.json, model type {keys.model_type}", "url": url or "config.json", "date": date}],
    }
    return card | ({"context": limit} if limit else {})


POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length", "n_ctx")


def _quantised(found: object) -> str | None:
    """What quantised the weights of a config's file; "?" where it does not say."""
    if not found:
        return None
    method = cast("Table", found).get("quant_method", "?") if isinstance(found, dict) else "?"
    return str(method)[:40]


def _notes(config: Table, keys: Keys, values: list[str], inside: str, quantised: str | None) -> list[str]:
    notes = list(keys.notes)
    if inside:
        towers = [name for name in config if name.endswith("_config") and name not in (inside, "quantization_config")]
        beside = ", ".join(name.removesuffix("_config") for name in towers if isinstance(config[name], dict))
        notes.append(f"The text model only: not counted {beside or 'other towers'} and what joins them to it.")
    if values:
        notes.append(f"Change values and no count, so they are not part of the model: {', '.join(values)}.")
    if quantised:
        notes.append(
            f"The file is quantised ({quantised}): parameters are the architecture's; bytes are those of the "
            "dtype that you ask for, not of the file."
        )
    return notes


__all__ = ["defaults", "document", "read_document"]
