"""`verify`: what is computed of a model against its twin, built and really run, and against transformers.

The twin of the model at full size holds no values and is counted; a small model of the same shape runs on CPU, and
torch counts what it does. Scans and convolutions are what a counter sees otherwise than costs define them:
kernels that work on chunks compute more products than the recurrence has, and sums of shifted inputs are none. What a
kernel does there is known exactly and taken off (`recurrent_flops`); the recurrence's own FLOPs stand in a line below.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import torch

from llmcmp.bench.computed import plan_of
from llmcmp.bench.proportions import candidates
from llmcmp.components.positions import Alibi
from llmcmp.errors import LlmcmpError, ModelError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.folds.params import params
from llmcmp.frozen import frozen
from llmcmp.model import walk
from llmcmp.nn.build import build
from llmcmp.nn.carry import carry
from llmcmp.nn.count import counted_flops, recurrent_flops, tokens
from llmcmp.shrink import shrink
from llmcmp.sources.huggingface.configs import config_keys, transformers_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin

BUDGET = 2_000_000  # active parameters of the model that runs: every mechanism is in it, and a step takes a moment
BATCH, PAST, NEW, SOURCE = 2, 37, 5, 19  # odd, and past the windows of a model shrunk for CONTEXT
CONTEXT = 64

# Both add the same products in another order: single precision has 6e-8, and sums of some hundred terms, a few layers
# deep, leave about 1e-6 of the largest logit. Scores that are not scaled (T5) and scans in chunks leave up to 1e-4; a
# wrong sign, scale, position or neighbour leaves a hundredth and more.
TOLERANCE = 5e-4


@frozen
class Check:
    """One quantity, computed and measured. `verdict`: "equal", "differs", or why there is nothing to compare."""

    quantity: str
    unit: Literal["count", "flops", "bytes", "text"]
    computed: Any
    measured: Any
    verdict: str


def verify(model: Model) -> Iterator[Check]:
    """Every check of a model, the quick ones first. Raises UndisclosedError where its architecture is not public."""
    yield check("Parameters, full size", "count", params(model).total, _parameters(build(model, "meta")))
    tiny = shrink(model, BUDGET, context=CONTEXT).model
    twin = build(tiny)
    yield check("Parameters", "count", params(tiny).total, _parameters(twin))
    yield from _flops(tiny, twin)
    if tiny.card.architecture != "encoder-only":
        yield _cache(tiny, twin)
    yield _logits(model, tiny)


def check(quantity: str, unit: Literal["count", "flops", "bytes"], computed: int, measured: int) -> Check:
    """Equal to the last unit, or not."""
    verdict = "equal" if computed == measured else "differs"
    return Check(quantity=quantity, unit=unit, computed=computed, measured=measured, verdict=verdict)


def _parameters(twin: Twin) -> int:
    return sum(parameter.numel() for parameter in twin.parameters())


def _flops(model: Model, twin: Twin) -> Iterator[Check]:
    """Prefill, decode step, chunk and training step."""
    two = model.encoder is not None
    source, encoded = ({"source_new": SOURCE}, {"source_past": SOURCE}) if two else ({}, {})
    sizes: dict[str, dict[str, Any]] = {"Prefill FLOPs": {"new": PAST, **source}}
    if model.card.architecture != "encoder-only":
        sizes["Decode step FLOPs"] = {"new": 1, "past": PAST, **encoded}
        sizes["Chunk FLOPs"] = {"new": NEW, "past": PAST, **encoded}
    sizes["Training step FLOPs"] = {"new": PAST, "training": True, **source}
    for quantity, run in sizes.items():
        counted = counted_flops(twin, BATCH, **run)
        folded = flops(model, BATCH, **run, plan=plan_of(run["new"]))
        recurrent = int(folded.components.get("convolution", 0)) + int(folded.components.get("scan", 0))
        kernels = recurrent_flops(twin, BATCH, **{k: v for k, v in run.items() if not k.startswith("source")})
        name = f"{quantity}, less scans" if recurrent else quantity
        yield check(name, "flops", int(folded.full) - recurrent, counted - kernels)
        if recurrent:
            verdict = f"defined otherwise: products of the kernel {kernels:,}"
            yield Check(quantity="  its scans", unit="flops", computed=recurrent, measured=None, verdict=verdict)


@torch.no_grad()
def _cache(model: Model, twin: Twin) -> Check:
    """Bytes that a prefill and a decode step leave behind in a cache that grows."""
    source = SOURCE if model.encoder is not None else None
    cache = twin.new_cache(BATCH, None, source or 0)
    twin(tokens(twin, BATCH, PAST), cache, source_BR=None if source is None else tokens(twin, BATCH, source))
    twin(tokens(twin, BATCH, 1), cache)
    computed = kvcache(model, PAST + 1, BATCH, source=source, dtype="fp32")
    measured = sum(tensor.numel() * tensor.element_size() for tensor in cache.tensors())
    return check("Cache bytes", "bytes", int(computed.bytes), measured)


def _logits(model: Model, tiny: Model) -> Check:
    """The small model's logits against those of transformers with the same weights."""
    cls = transformers_class(model)
    if find_spec("transformers") is None:
        return _skipped("transformers is not installed: pip install transformers")
    if cls is None:
        return _skipped("its file names no class of transformers")
    why = ""
    for candidate in candidates(model, tiny):
        try:
            apart = difference(candidate, cls)
        except LlmcmpError as error:
            why = why or str(error)
            continue
        verdict = "equal" if apart < TOLERANCE else "differs"
        return Check(quantity="Logits", unit="text", computed=cls, measured=f"{apart:.1e} apart", verdict=verdict)
    return _skipped(f"{cls} is not this model: {why}")


def _skipped(why: str) -> Check:
    return Check(quantity="Logits", unit="text", computed=None, measured=None, verdict=f"not compared: {why}")


@torch.no_grad()
def difference(model: Model, cls: str) -> float:
    """The largest difference of a logit as a share of the largest one, with random weights carried over.

    Raises ModelError where the transformers class `cls` cannot have the model's sizes.
    """
    reference = _reference(model, cls)
    scatter(reference)
    twin = carry(build(model), reference.state_dict(), cls)
    read_BS = tokens(twin, BATCH, PAST).clamp(min=3)  # no special tokens
    inputs = {"input_ids": read_BS}
    source = None
    if model.encoder is not None:
        source = tokens(twin, BATCH, SOURCE, seed=1).clamp(min=3)
        inputs = {"input_ids": source, "decoder_input_ids": read_BS}
    outputs = reference(**inputs)
    theirs = outputs["logits" if "logits" in outputs else "pooler_output"]
    ours = twin(read_BS, source_BR=source)
    return float((ours - theirs).abs().max() / theirs.abs().max())


def _reference(model: Model, cls: str) -> Any:
    """The transformers model of the same sizes. Raises ModelError where the class has no such model."""
    import transformers
    from huggingface_hub.errors import StrictDataclassError

    transformers.logging.set_verbosity_error()  # what it falls back to, and how slow that is, is no news here
    keys = config_keys(model, cls)
    positions = [getattr(use.component, "position", None) for use in walk(model)]
    if "rope_parameters" in keys and any(isinstance(position, Alibi) for position in positions):
        raise ModelError("the class rotates queries and keys, and this model has ALiBi")
    made: Any = getattr(transformers, cls)
    try:
        return made(made.config_class(**keys)).eval()
    except (StrictDataclassError, ValueError) as error:
        raise ModelError(str(error).splitlines()[-1].strip()) from error


@torch.no_grad()
def scatter(reference: Any) -> None:
    """Weights so large that each of them shows in the logits: those of a new transformers model are nearly nothing."""
    random = torch.Generator().manual_seed(0)
    for tensor in reference.parameters():
        if tensor.dim() > 1:
            tensor.normal_(0, tensor.shape[-1] ** -0.5, generator=random)
        else:
            tensor.add_(torch.empty_like(tensor).normal_(0, 0.3, generator=random))
