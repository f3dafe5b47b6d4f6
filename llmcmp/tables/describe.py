"""What a model is, in the words that comparison tables use: position, norm, activation, attention, sizes.

Read off the components, never off a model's name. Where layers differ, all kinds are named, the usual one first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from llmcmp.components.attention import Attention, heads_label
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import LanguageHead
from llmcmp.components.latent import LatentAttention
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import LearnedPositions, RelativeBias, Rotary, Sinusoidal
from llmcmp.components.segment import SegmentAttention
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.model import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmcmp.model import Model, Use

T = TypeVar("T")

ATTENTIONS = (Attention, LatentAttention, SegmentAttention)
MIXERS = (Mamba, Mamba2, GatedDeltaNet, ShortConvolution)

PLACEMENTS = {"pre": "pre", "post": "post", "sandwich": "sandwich", "output": "after sub-layer", "deep": "DeepNorm"}


def _uses(model: Model, kind: type[T] | tuple[type[T], ...]) -> Iterator[tuple[T, int, Use]]:
    """Components of a kind with their number of layers, main tower first."""
    uses = sorted(walk(model), key=lambda use: -use.tower)
    for use in uses:
        if isinstance(use.component, kind):
            yield use.component, use.times, use


def _distinct(pairs: Iterable[tuple[T, int]]) -> dict[T, int]:
    """Values with their counts, the most frequent first."""
    counts: dict[T, int] = {}
    for value, times in pairs:
        counts[value] = counts.get(value, 0) + times
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _mixed(counts: dict[str, int]) -> str:
    """One label, or all of them with their number of layers."""
    if len(counts) <= 1:
        return next(iter(counts), "none")
    return ", ".join(f"{label} ({times})" for label, times in counts.items())


def architecture_class(model: Model) -> str:
    """The card's class, with "MoE" where there are experts."""
    mixture = model.disclosed and any(True for _ in _uses(model, Experts))
    return model.card.architecture + (", MoE" if mixture else "")


def position(model: Model) -> str:
    """Position encoding: what the tower adds, else what its attention carries."""
    tables = [component.label for component, _, _ in _uses(model, (LearnedPositions, RelativeBias, Sinusoidal))]
    if tables:
        return tables[0]
    if any(True for _ in _uses(model, SegmentAttention)):
        return "relative (Transformer-XL)"
    carried = [(a.position, times) for a, times, _ in _uses(model, (Attention, LatentAttention))]
    kinds = _distinct((p.label, times) for p, times in carried)
    return _mixed(kinds)


def rope_base(model: Model) -> str | None:
    """Base of the rotations, None where nothing is rotated."""
    carried = [(a.position, times) for a, times, _ in _uses(model, (Attention, LatentAttention))]
    bases = _distinct((f"{p.theta:,.0f}", times) for p, times in carried if isinstance(p, Rotary))
    return _mixed(bases) if bases else None


def beside(model: Model) -> str:
    """Modules that are listed beside the model: heads of a bare encoder, multi-token prediction."""
    return ", ".join(dict.fromkeys(name.replace("_", " ") for name, _ in model.apart)) or "none"


def norm(model: Model) -> str:
    """Kind of the norms and where they stand."""
    component = next(c for c, _, _ in _uses(model, (LayerNorm, RMSNorm)))
    block = model.tower.stacks[0].blocks[0]
    parallel = any(len(step.branches) > 1 for step in block.steps)
    return f"{component.label}, {PLACEMENTS[block.placement]}{', parallel block' if parallel else ''}"


def activation(model: Model) -> str:
    """Activation of the feed-forward networks; a model of mixers alone may have none."""
    networks = [(network, times) for network, times, _ in _uses(model, (Plain, Gated))]
    networks += [(experts.expert, times) for experts, times, _ in _uses(model, Experts)]
    return " + ".join(_distinct((network.label, times) for network, times in networks)) or "none"


def attention(model: Model) -> str:
    """Attention or mixer: heads, window, what it keeps. Layers that differ are listed with their number."""
    kinds = _distinct((mixer.label, times) for mixer, times, _ in _uses(model, (*ATTENTIONS, *MIXERS)))
    return _mixed(kinds)


def attention_details(model: Model) -> str:
    """Biases, QK norm, sinks, soft cap and gate of the attention, and what stands around a mixer's scan."""
    details: list[str] = []
    for a, _, _ in _uses(model, Attention):
        if a.bias:
            details.append(bias_label(a.bias))
        if a.qk_norm:
            details.append(QK_NORMS[a.qk_norm])
        if a.sinks:
            details.append("sinks")
        if a.soft_cap:
            details.append(f"soft cap {a.soft_cap:g}")
        if a.output_gate:
            details.append("output gate")
        if a.head_gate:
            details.append("gate per head")
    details += [detail for mixer, _, _ in _uses(model, MIXERS) for detail in mixer_details(mixer)]
    return ", ".join(dict.fromkeys(details)) or "no biases"


QK_NORMS = {
    "head": "QK norm per head",
    "whole": "QK norm",
    "l2": "QK norm without weight",
    "layer": "QK LayerNorm per head",
    "each": "QK LayerNorm of every head",
}


def mixer_details(mixer: Mamba | Mamba2 | GatedDeltaNet | ShortConvolution) -> list[str]:
    """What stands around the scan of a mixer."""
    if isinstance(mixer, ShortConvolution):
        return ["gates before and after"]
    norms = ["step and state norms"] if isinstance(mixer, Mamba) and mixer.norms else []
    return [f"convolution of {mixer.kernel}", *norms]


def bias_label(bias: tuple[str, ...]) -> str:
    """Which projections have a bias, in the usual words."""
    match bias:
        case ("query", "key", "value"):
            return "QKV bias"
        case ("query", "key", "value", "output"):
            return "QKVO bias"
        case _:
            return f"bias on {', '.join(bias)}"


def feed_forward(model: Model) -> str:
    """Widths of the feed-forward networks and experts."""
    dense = _distinct((f"{network.intermediate:,}", times) for network, times, _ in _uses(model, (Plain, Gated)))
    mixtures = _distinct((mixture_label(experts), times) for experts, times, _ in _uses(model, Experts))
    return _mixed(dense | mixtures)


def mixture_label(experts: Experts) -> str:
    """ "8 of 256 × 2,048 + shared 2,048"."""
    shared = "" if experts.shared is None else f" + shared {experts.shared.intermediate:,}"
    return f"{experts.per_token} of {experts.experts} × {experts.expert.intermediate:,}{shared}"


def heads(model: Model) -> dict[str, int | None]:
    """Query heads, KV heads and head size of the main tower's usual attention.

    Latent attention has no KV heads, and a model of mixers alone none of the three.
    """
    usual = max(_uses(model, ATTENTIONS), key=lambda found: (found[2].tower, found[1]), default=(None, 0, None))[0]
    match usual:
        case None:
            return {"heads": None, "kv_heads": None, "head_dim": None}
        case Attention():
            return {"heads": usual.heads, "kv_heads": usual.kv_heads, "head_dim": usual.head_dim}
        case LatentAttention():
            return {"heads": usual.heads, "kv_heads": None, "head_dim": usual.key_dim}
        case SegmentAttention():
            return {"heads": usual.heads, "kv_heads": usual.heads, "head_dim": usual.head_dim}


def embedding(model: Model) -> tuple[int, int]:
    """(vocabulary, hidden)."""
    found = next(c for c, _, _ in _uses(model, (TokenEmbedding, AdaptiveEmbedding)))
    widths = [c.width for c, _, _ in _uses(model, (LayerNorm, RMSNorm))]
    return found.vocabulary, max(widths)


def tied(model: Model) -> bool | None:
    """Whether the head is the token table; None where there is no language-model head."""
    head = next((c for c, _, _ in _uses(model, LanguageHead)), None)
    if head is not None:
        return head.tied
    return True if any(True for _ in _uses(model, AdaptiveEmbedding)) else None


def experts(model: Model) -> tuple[int, int] | None:
    """(routed experts, visited by a token), None without experts."""
    found = next((c for c, _, _ in _uses(model, Experts)), None)
    return None if found is None else (found.experts, found.per_token)


def cross_attention(model: Model) -> str | None:
    """The decoder's cross-attention, None without an encoder."""
    found = next((c for c, _, _ in _uses(model, CrossAttention)), None)
    return None if found is None else heads_label(found.heads, found.kv_heads)


def block_letters(model: Model) -> dict[tuple[str, int], str]:
    """A letter for each distinct block of each side, in their order: A, B ... Z, AA."""
    blocks = [(tower.side, number) for tower in model.towers for number in range(len(tower.layers()))]
    return {block: _letters(place) for place, block in enumerate(blocks)}


def _letters(place: int) -> str:
    """0 as "A", 25 as "Z", 26 as "AA"."""
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def depth(model: Model) -> str:
    """Layers; "12 + 12" in an encoder-decoder."""
    return " + ".join(str(tower.depth) for tower in model.disclosed_towers())
