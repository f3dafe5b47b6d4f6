"""What transformers and torch count: parameters, FLOPs and caches of a reference, without its weights.

On CPU torch's counter sees nothing of scaled_dot_product_attention, and nowhere of grouped expert products. Models
run on the meta device, with explicit ("eager") attention and experts as batched products: there it counts everything.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from llmcmp.model import Model

    from .references import Reference

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
flop_counter = pytest.importorskip("torch.utils.flop_counter")
initialization = pytest.importorskip("transformers.initialization")

# Modules by the part of the model that they are: the outermost one of a path decides.
PART_OF_MODULE = {
    "self_attn": "attention",
    "attn": "attention",
    "attention": "attention",
    "self_attention": "attention",
    "SelfAttention": "attention",
    "encoder_attn": "cross-attention",
    "EncDecAttention": "cross-attention",
    "mixer": "linear mixer",
    "mamba": "linear mixer",
    "linear_attn": "linear mixer",
    "mlp": "feed-forward",
    "ffn": "feed-forward",
    "ffn_output": "feed-forward",
    "feed_forward": "feed-forward",
    "fc1": "feed-forward",
    "fc2": "feed-forward",
    "intermediate": "feed-forward",
    "output": "feed-forward",
    "DenseReluDense": "feed-forward",
    "project_in": "projection",
    "project_out": "projection",
    "embedding_hidden_mapping_in": "projection",
    "pooler": "pooler",
    "lm_head": "head",
    "embed_out": "head",
}


@dataclass(frozen=True)
class Counted:
    """FLOPs of a forward pass, in total and by part."""

    flops: int
    parts: dict[str, int]


def reference_model(reference: Reference, model: Model, device: str | None = None, attention: str = "eager") -> Any:
    """The transformers model of the same sizes, in evaluation mode."""
    config = reference.config_of(model)
    config._attn_implementation = attention
    device = device or reference.device
    with torch.device(device), initialization.no_init_weights() if device == "meta" else nullcontext():
        built = getattr(transformers, reference.model)(config).eval()
    built.tie_weights()  # left out where nothing is initialised
    built.config.use_cache = True  # MPT's default is not to
    if built._can_set_experts_implementation():
        built.set_experts_implementation("batched_mm")
    return built


def forward(reference: Any, batch: int, new: int, source: int = 0, before: Any = None, **options: Any) -> Any:
    """The outputs of `new` tokens a sequence, after those of the outputs `before`.

    An encoder-decoder encodes `source` tokens first, or attends those that were encoded before.
    """
    tokens = _tokens(reference, batch, new)
    if reference.config.is_encoder_decoder:
        inputs = {"decoder_input_ids": tokens, **_source(reference, batch, source, before)}
    else:
        inputs = {"input_ids": tokens}
    if before is not None:
        inputs[cache_name(reference)] = left(before)
    with torch.no_grad():
        return reference(**inputs, **options)


def cache_name(reference: Any) -> str:
    """What the class calls its cache."""
    return "cache_params" if reference.config.model_type == "mamba2" else "past_key_values"


def left(outputs: Any) -> Any:
    """The cache that a forward pass leaves."""
    return outputs["cache_params" if "cache_params" in outputs else "past_key_values"]


def count(reference: Any, batch: int, new: int, source: int = 0, before: Any = None, **options: Any) -> Counted:
    """What torch counts in `forward`."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        forward(reference, batch, new, source, before, **options)
    assert counter.get_total_flops() > 0, "the counter saw nothing"
    return Counted(counter.get_total_flops(), _parts(counter))


def _tokens(reference: Any, batch: int, count: int) -> Any:
    """Some token that is no special one."""
    return torch.full((batch, count), 3, dtype=torch.long, device=reference.device)


def _source(reference: Any, batch: int, source: int, before: Any) -> dict[str, Any]:
    """The encoder's tokens, or what it made of them before."""
    if before is None:
        return {"input_ids": _tokens(reference, batch, source)}
    encoded = before.encoder_last_hidden_state
    # The output class of encoders with experts; it has all that the others have.
    return {"encoder_outputs": transformers.modeling_outputs.MoEModelOutput(last_hidden_state=encoded)}


def _parts(counter: Any) -> dict[str, int]:
    """The counts of the outermost modules that are parts."""
    sums: dict[str, int] = {}
    for path, counts in counter.get_flop_counts().items():
        *outer, name = path.split(".")
        if name in PART_OF_MODULE and not any(segment in PART_OF_MODULE for segment in outer):
            part = PART_OF_MODULE[name]
            sums[part] = sums.get(part, 0) + sum(counts.values())
    return {part: flops for part, flops in sums.items() if flops}


def training_flops(reference: Any, batch: int, new: int, source: int = 0) -> int:
    """What torch counts in a forward and a backward pass, through every output."""
    inputs = {"input_ids": _tokens(reference, batch, new)}
    if reference.config.is_encoder_decoder:
        inputs = {"input_ids": _tokens(reference, batch, source), "decoder_input_ids": inputs["input_ids"]}
    with flop_counter.FlopCounterMode(display=False) as counter:
        outputs = reference(**inputs)
        loss = outputs.logits.sum() if "logits" in outputs else outputs.pooler_output.sum()
        loss.backward()
    return counter.get_total_flops()


def cached_elements(cache: Any) -> int:
    """Elements of all tensors that a cache holds; that of an encoder-decoder has two halves."""
    if isinstance(cache, transformers.EncoderDecoderCache):
        return cached_elements(cache.self_attention_cache) + cached_elements(cache.cross_attention_cache)
    return sum(_layer_elements(layer) for layer in cache.layers)


def _layer_elements(layer: Any) -> int:
    if hasattr(layer, "recurrent_states"):
        states = (*layer.conv_states.values(), *layer.recurrent_states.values())
        return sum(state.numel() for state in states)
    return layer.keys.numel() + layer.values.numel()


def parameter_shapes(reference: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of the parameters by name, tied ones once."""
    return {name: tuple(parameter.shape) for name, parameter in reference.named_parameters()}
