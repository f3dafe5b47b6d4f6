"""What a model's files hold, and whether that is what its config says: the answer to `llmcmp inspect`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ConfigError
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.sources.build import build
from llmcmp.sources.hub import hub_inspection, is_id
from llmcmp.sources.huggingface.checkpoint_names import BESIDE, COMPUTED, ROOTS, names_of
from llmcmp.sources.huggingface.reading.json_file import read_object
from llmcmp.sources.huggingface.reading.read import document, name_of
from llmcmp.sources.weights.against import Dictionary, Difference, Findings, compare
from llmcmp.sources.weights.find import config_beside, contents_of
from llmcmp.sources.weights.quantised import unpacked

if TYPE_CHECKING:
    from llmcmp.model import Model
    from llmcmp.sources.weights.contents import FileContents

Table = dict[str, Any]


@frozen(eq=False)
class Inspection:
    """Headers, the model that they should hold, and what a comparison of the two found.

    `findings` is None where nothing was compared; `remark` says why, or what else a reader should know.
    """

    contents: FileContents
    model: Model | None
    findings: Findings | None
    remark: str = ""


def inspect(source: str) -> Inspection:
    """The files that a path or an id of the Hub means, held to their config. Raises WeightFileError, HubError."""
    if source.startswith("hf:") or (not os.path.lexists(source) and is_id(source)):
        contents, config = hub_inspection(source)
        if config is not None:
            return inspect_config(contents, config, contents.where.rpartition("/")[2])
        return _alone(contents)
    path = Path(source)
    contents = contents_of(path)
    config = config_beside(path)
    if contents.format == "safetensors" and config is not None:
        return inspect_config(contents, read_object(config), name_of(config))
    return _alone(contents)


def _alone(contents: FileContents) -> Inspection:
    """Files without a config: GGUF says all itself, safetensors nothing."""
    if contents.format == "gguf":
        from llmcmp.sources.weights.gguf.model import inspect_gguf

        return inspect_gguf(contents)
    remark = "No config.json is beside it: a safetensors file names tensors and no architecture, so none is known."
    return Inspection(contents=contents, model=None, findings=None, remark=remark)


def inspect_config(contents: FileContents, config: Table, name: str) -> Inspection:
    """Headers against a config."""
    contents = unpacked(contents, config.get("quantization_config"))
    try:
        model = build(document(config, name), "config.json")
    except ConfigError as error:
        return Inspection(contents=contents, model=None, findings=None, remark=f"Not compared: {error}")
    dictionary = dictionary_of(config)
    if dictionary is not None:
        return Inspection(contents=contents, model=model, findings=compare(model, contents, dictionary))
    remark = f"The names of {class_of(config) or 'its class'} are not known: compared in total only."
    return Inspection(contents=contents, model=model, findings=_in_total(model, contents), remark=remark)


def class_of(config: Table) -> str:
    """The class of transformers that a config names."""
    named = config.get("architectures")
    first = cast("list[object]", named)[0] if isinstance(named, list) and named else None
    return first[:80] if isinstance(first, str) else ""


def dictionary_of(config: Table) -> Dictionary | None:
    """How the tensors of a config's class are called; None where that is not known."""
    names = names_of(class_of(config))
    return None if names is None else Dictionary(names=names, prefixes=ROOTS, computed=COMPUTED, beside=BESIDE)


def _in_total(model: Model, contents: FileContents) -> Findings:
    """Parameters and stored buffers of the model against the elements of the file."""
    computed = tuple(tensor.name for tensor in contents.tensors if re.fullmatch(COMPUTED, tensor.name))
    sizes = params(model)
    expected = sizes.total + sizes.buffers
    held = sum(tensor.elements for tensor in contents.tensors if tensor.name not in computed)
    differences = (
        ()
        if held == expected
        else (Difference(tensor="all tensors", ours="—", expected=f"{expected:,} elements", held=f"{held:,} elements"),)
    )
    return Findings(matched={}, differences=differences, beside=(), computed=computed)
