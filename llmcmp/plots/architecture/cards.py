"""One card for each component: its usual name as title, and its inside opened.

Titles are the components' own labels, and a card that repeats an opened one says so and lists what `details` of the
text diagram lists: each fact has one wording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.attention import Attention, heads_label
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding, TokenTypes
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import AdaptiveHead, LanguageHead, MaskedHead, Pooler
from llmcmp.components.latent import LatentAttention
from llmcmp.components.linear import Linear
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import LearnedPositions, RelativeBias, Sinusoidal
from llmcmp.components.segment import SegmentAttention
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.plots.architecture import attention, mixers, networks
from llmcmp.plots.architecture.boxes import line, owned, unknown, words
from llmcmp.plots.architecture.scene import EVERY, Box, Line
from llmcmp.tables.diagram import details

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.base import Component
    from llmcmp.ops import Part
    from llmcmp.plots.architecture.boxes import Rows


def sublayer(name: str, component: Component, address: str, opened: str | None, signal: str) -> Box:
    """The card of a sub-layer; `opened` is the letter of the block in which the same component is opened already.

    `signal` is what the tower's positions do to the scores of an attention that carries none itself.
    """
    title = Line(text=f"{hyphened(name)}: {_kind(component)}", fields=title_fields(component), size="title")
    if opened is None:
        return _card((title,), inside(component, signal), component, address)
    same = Line(text=f"as in {opened}, weights of its own", size="small")
    lines = (title, *(line(text, EVERY) for text in details(component) if text != component.label), same)
    return _card(lines, (), component, address)


def title_fields(component: Component) -> tuple[str, ...]:
    """The fields that its label spells out."""
    match component:
        case Attention():
            named = ("heads", "kv_heads", "window", "chunked")
        case CrossAttention():
            named = ("heads", "kv_heads", "idle")
        case LatentAttention():
            named = ("kv_rank", "rope_dim")
        case SegmentAttention():
            named = ("memory",)
        case Mamba() | Mamba2():
            named = ("state_size",)
        case GatedDeltaNet():
            named = ("key_heads", "value_heads")
        case ShortConvolution():
            named = ("kernel",)
        case Experts():
            named = ("experts", "per_token", "shared.kind", "expert.kind", "expert.activation")
        case Plain() | Gated():
            named = ("activation",)
        case _:
            named = ()
    return ("kind", *named)


def hyphened(name: str) -> str:
    """ "feed_forward" as "Feed-forward"."""
    return name.replace("_", "-").capitalize()


def _kind(component: Component) -> str:
    """What the component is called beside its place in the block."""
    if isinstance(component, CrossAttention) and not component.idle:
        return heads_label(component.heads, component.kv_heads)
    return component.label


def simple(name: str, component: Component, address: str) -> Box:
    """The card of what stands outside the sub-layers: tables, norms, heads, projections between them."""
    if isinstance(component, LayerNorm | RMSNorm):
        lines = (line(component.label, "kind", "bias", "weight"),)
    else:
        title = Line(text=words(name).capitalize(), fields=("kind",), size="title")
        lines = (title, *(Line(text=text, fields=tuple(fields)) for text, *fields in _facts(component)))
    return _card(lines, (), component, address)


def _card(lines: tuple[Line, ...], rows: Rows, component: Component, address: str) -> Box:
    """A card that holds whatever tensors of the component its inside does not."""
    tensors = [weight.name for weight in component.weights()]
    inner = {name for row in rows for box in row for part in box.walk() for name in part.tensors}
    own = tuple(name for name in tensors if name not in inner)
    card = Box(look="card", lines=lines, rows=rows, part=main_part(component), tensors=own)
    return owned(card, address)


def main_part(component: Component) -> Part:
    """The kind of component whose colour it has: that of its largest tensor; what has no weights has a colour too."""
    largest = max(component.weights(), key=lambda weight: weight.elements, default=None)
    if largest is not None:
        return largest.part
    return "norm" if isinstance(component, LayerNorm | RMSNorm) else "position"


def inside(component: Component, signal: str = "") -> Rows:
    """The rows of boxes within a card; a component that has no drawing of its own shows its tensors."""
    match component:
        case Attention():
            return attention.attention(component, signal)
        case LatentAttention():
            return attention.latent(component)
        case SegmentAttention():
            return attention.segment(component)
        case CrossAttention():
            return attention.cross(component)
        case Mamba():
            return mixers.mamba(component)
        case Mamba2():
            return mixers.mamba2(component)
        case GatedDeltaNet():
            return mixers.delta(component)
        case ShortConvolution():
            return mixers.short_convolution(component)
        case Plain() | Gated():
            return networks.network(component)
        case Experts():
            return networks.experts(component)
        case _:
            return unknown(component)


def summary(component: Component) -> str:
    """A component in one line, for what is not drawn in full."""
    match component:
        case Linear():
            return f"linear {component.inner[1]:,} → {component.outer[1]:,}"
        case MaskedHead():
            return ", ".join(text for text, *_ in _facts(component))
        case _:
            return component.label


def _facts(component: Component) -> Iterator[tuple[str, ...]]:
    """(text, the fields that it shows ...) for each line below the title."""
    match component:
        case TokenEmbedding():
            yield f"{component.vocabulary:,} × {component.width:,}", "vocabulary", "width"
            if component.scaled:
                yield "× √width", "scaled"
        case AdaptiveEmbedding():
            yield component.label, "cutoffs"
            for words_, width in component.clusters():
                yield f"{words_:,} × {width:,} → {component.hidden:,}", "cutoffs", "vocabulary", "divisor", "width"
        case LearnedPositions():
            yield component.label, "kind"
            yield f"{component.rows:,} × {component.width:,}", "rows", "width"
        case TokenTypes():
            yield f"{component.types} × {component.width:,}", "types", "width"
        case RelativeBias():
            yield component.label, "kind"
            yield f"{component.buckets} buckets × {component.heads} heads", "buckets", "heads"
            yield "added to the scores of every layer", ""
        case Linear():
            bias = " + bias" if component.bias else ""
            yield f"{component.inner[1]:,} → {component.outer[1]:,}{bias}", "inner", "outer", "bias"
        case LanguageHead():
            yield from _language_head(component)
        case AdaptiveHead():
            yield component.label, "embedding.cutoffs", "embedding.divisor"
            yield f"{component.embedding.hidden:,} → {component.embedding.vocabulary:,}", "embedding", "tied_first"
        case Pooler():
            yield component.label, "kind"
            yield f"{component.hidden:,} → {component.hidden:,}", "hidden"
        case MaskedHead():
            dense, decoder = component.linears()
            tied = "tied to the embedding" if component.tied else "a matrix of its own"
            yield f"{dense.inner[1]:,} → {dense.outer[1]:,}, LayerNorm", "hidden", "width"
            yield f"{decoder.inner[1]:,} → {decoder.outer[1]:,}, {tied}", "width", "vocabulary", "tied"
        case Sinusoidal() | _:
            yield component.label, EVERY


def _language_head(head: LanguageHead) -> Iterator[tuple[str, ...]]:
    bias = " + bias" if head.bias else ""
    yield f"{head.width:,} → {head.vocabulary:,}{bias}", "width", "vocabulary", "bias"
    yield head.label, "tied"
    if head.scaled:
        yield "input ÷ √width", "scaled"
    if head.soft_cap is not None:
        yield f"soft cap {head.soft_cap:g}", "soft_cap"
