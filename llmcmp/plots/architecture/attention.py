"""The insides of attentions: projections, what happens to queries and keys, the softmax, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.positions import Alibi, NoPosition, Rotary
from llmcmp.plots.architecture.boxes import blank, holding, keeps, line, linear, operation, weights
from llmcmp.plots.architecture.scene import Box
from llmcmp.units import show_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.attention import Attention
    from llmcmp.components.cross import CrossAttention
    from llmcmp.components.latent import LatentAttention
    from llmcmp.components.linear import Linear
    from llmcmp.components.positions import AttentionPosition
    from llmcmp.components.segment import SegmentAttention
    from llmcmp.plots.architecture.boxes import Rows
    from llmcmp.plots.architecture.scene import Line

SIGHTS = {
    "causal": "softmax over earlier keys",
    "bidirectional": "softmax over all keys",
    "prefix": "softmax, both ways in the prefix",
}
NORMS = {
    "head": "RMSNorm per head",
    "whole": "RMSNorm, all heads",
    "l2": "L2 norm",
    "layer": "LayerNorm per head",
    "each": "LayerNorm, each head its own",
}


def attention(a: Attention, signal: str = "") -> Rows:
    """Queries, keys and values in columns of their own, with another for each gate of the result.

    `signal` is what positions do to the scores from outside, if the attention carries no position itself.
    """
    query, key, value, *gates, output = a.linears()
    hidden, sizes, whole = f"{a.hidden:,}", ("hidden", "head_dim", "value_dim"), 3 + len(gates)
    return (
        (
            linear(query, hidden, f"{a.heads} × {a.head_dim}", "hidden", "heads", "head_dim"),
            linear(key, hidden, f"{a.kv_heads} × {a.head_dim}", "hidden", "kv_heads", "head_dim"),
            linear(value, hidden, f"{a.kv_heads} × {a.value_size}", "kv_heads", *sizes),
            *_gates(a, gates),
        ),
        *_normed(a, whole - 2),
        *_positioned(a.position, a.head_dim, whole - 2),
        (_scores(a, signal), *(blank() for _ in gates)),
        *_gated(a, whole),
        (linear(output, f"{a.heads} × {a.value_size}", hidden, "heads", *sizes, span=whole),),
    )


def _gates(a: Attention, gates: list[Linear]) -> Iterator[Box]:
    """The projections of gates: one number an element of the result, or one a head."""
    for each in gates:
        size = each.outer[1] // a.heads
        field = "head_gate" if each.name == "head_gate" else "output_gate"
        yield linear(each, f"{a.hidden:,}", f"{a.heads}" if size == 1 else f"{a.heads} × {size}", "heads", field)


def _gated(a: Attention, whole: int) -> Rows:
    lines: list[Line] = []
    if a.output_gate:
        lines.append(line("× sigmoid of the gate", "output_gate"))
    if a.head_gate:
        lines.append(line(f"× {a.head_gate} of the head's gate", "head_gate"))
    return ((operation(*lines, span=whole),),) if lines else ()


def _normed(a: Attention, rest: int) -> Rows:
    """Norms of queries and keys, which may hold no weights."""
    if a.qk_norm is None:
        return ()
    text = line(NORMS[a.qk_norm], "qk_norm")
    pair = (holding(a, f"{name}_norm.", text) for name in ("query", "key"))
    return ((*pair, blank(rest)),)


def _positioned(position: AttentionPosition, head_dim: int, rest: int) -> Rows:
    """The rotation of queries and keys, where there is one."""
    if not isinstance(position, Rotary):
        return ()
    return ((operation(*rotary(position, head_dim), span=2), blank(rest)),)


def rotary(position: Rotary, head_dim: int) -> Iterator[Line]:
    """RoPE's name, base and reach, and how it is stretched."""
    yield line(position.label, "position.fraction", "position.axes", "position.scaling.kind")
    rotated = position.rotated(head_dim)
    part = "" if rotated == head_dim else f", {rotated} of {head_dim} rotated"
    yield line(f"θ = {position.theta:,.0f}{part}", "position.theta", "position.fraction")
    scaling = position.scaling
    if scaling is not None and scaling.factor is not None:
        trained = "" if scaling.original is None else f" from {show_tokens(scaling.original)}"
        yield line(f"× {scaling.factor:g}{trained}", "position.scaling.factor", "position.scaling.original")


def _scores(a: Attention, signal: str) -> Box:
    lines = [line(SIGHTS[a.direction], "direction")]
    if a.window is not None:
        kind = "in chunks of" if a.chunked else "window of"
        lines.append(line(f"{kind} {a.window:,} tokens", "window", "chunked"))
    if signal and isinstance(a.position, NoPosition):
        lines.append(line(signal, "position"))
    lines += _adjustments(a)
    lines += keeps(a.state())
    tensors = ("sinks",) if a.sinks else ()
    return Box(look="part" if a.sinks else "operation", lines=tuple(lines), tensors=tensors, span=3)


def _adjustments(a: Attention) -> Iterator[Line]:
    """What is done to the scores before and in the softmax."""
    if isinstance(a.position, Alibi):
        yield line(f"{a.position.label}: less slope × distance", "position")
    if a.scale is not None:
        yield line(f"scores × {a.scale:.4g}", "scale")
    if a.temperature is not None:
        yield line(f"sharper beyond {show_tokens(a.temperature.floor)}", "temperature")
    if a.soft_cap is not None:
        yield line(f"soft cap {a.soft_cap:g}", "soft_cap")
    if a.sinks:
        yield line(f"sinks: {a.heads} learned logits", "sinks", "heads")


def latent(a: LatentAttention) -> Rows:
    """Latent attention: both latents go down, are normed and come up again; the rotary key goes by itself."""
    down, rope = a.down_linears()
    hidden, queries = f"{a.hidden:,}", f"{a.heads} × {a.key_dim}"
    outer = ("heads", "nope_dim", "rope_dim")
    *query_down, query = a.query_linears()
    up = linear(query, hidden if a.query_rank is None else f"{a.query_rank:,}", queries, "query_rank", *outer)
    first = tuple(linear(each, hidden, f"{a.query_rank:,}", "hidden", "query_rank") for each in query_down)
    kv_down = linear(down, hidden, f"{a.kv_rank:,}", "hidden", "kv_rank", span=2)
    rotary_key = linear(rope, hidden, f"{a.rope_dim}", "hidden", "rope_dim")
    norm = weights("RMSNorm", tensors=("kv_norm.weight",), span=2)
    query_norm = tuple(weights("RMSNorm", tensors=("query_norm.weight",)) for _ in query_down)
    keys, values = a.up_linears()
    return (
        (*(first or (up,)), kv_down, rotary_key),
        (*(query_norm or (blank(),)), norm, blank()),
        (
            up if first else blank(),
            linear(keys, f"{a.kv_rank:,}", f"{a.heads} × {a.nope_dim}", "heads", "kv_rank", "nope_dim"),
            linear(values, f"{a.kv_rank:,}", f"{a.heads} × {a.value_dim}", "heads", "kv_rank", "value_dim"),
            blank(),
        ),
        *_latent_rotation(a),
        (operation(*_latent_scores(a), span=4),),
        (linear(a.output, f"{a.heads} × {a.value_dim}", hidden, "heads", "value_dim", "hidden", span=4),),
    )


def _latent_rotation(a: LatentAttention) -> Rows:
    if isinstance(a.position, NoPosition):
        return ()
    part = line(f"last {a.rope_dim} of {a.key_dim}", "rope_dim", "nope_dim")
    full = tuple(rotary(a.position, a.rope_dim)) if isinstance(a.position, Rotary) else ()
    name = line(a.position.label, "position")
    return ((operation(name, part), blank(2), operation(*(full or (name,)))),)


def _latent_scores(a: LatentAttention) -> Iterator[Line]:
    yield line(SIGHTS[a.direction], "direction")
    if a.scale is not None:
        yield line(f"scores × {a.scale:.4g}", "scale")
    yield from keeps(a.state())


def segment(a: SegmentAttention) -> Rows:
    """Transformer-XL: content and position products, over a memory of hidden states."""
    *inputs, output = a.linears()
    hidden, wide = f"{a.hidden:,}", f"{a.heads} × {a.head_dim}"
    sizes = ("hidden", "heads", "head_dim")
    biases = ("content_bias", "position_bias")
    scores = (
        line("softmax over memory and segment"),
        line("content + position products, a bias each", "heads", "head_dim"),
        *keeps(a.state()),
    )
    return (
        tuple(linear(each, hidden, wide, *sizes) for each in inputs),
        (Box(look="part", lines=scores, tensors=biases, span=4),),
        (linear(output, wide, hidden, *sizes, span=4),),
    )


def cross(a: CrossAttention) -> Rows:
    """Queries from the decoder; keys and values from the encoder."""
    query, key, value, output = a.linears()
    hidden, wide, narrow = f"{a.hidden:,}", f"{a.heads} × {a.head_dim}", f"{a.kv_heads} × {a.head_dim}"
    scores = [line("softmax over the encoder's tokens")]
    if a.scale is not None:
        scores.append(line(f"scores × {a.scale:.4g}", "scale"))
    scores += keeps(a.state())
    return (
        (
            linear(key, hidden, narrow, "hidden", "kv_heads", "head_dim"),
            linear(value, hidden, narrow, "hidden", "kv_heads", "head_dim"),
            linear(query, hidden, wide, "hidden", "heads", "head_dim"),
        ),
        (operation(*scores, span=3),),
        (linear(output, wide, hidden, "hidden", "heads", "head_dim", span=3),),
    )
