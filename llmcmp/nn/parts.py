"""Which module is the twin of which component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.attention import Attention as AttentionComponent
from llmcmp.components.cross import CrossAttention as CrossComponent
from llmcmp.components.delta import GatedDeltaNet as DeltaComponent
from llmcmp.components.embeddings import AdaptiveEmbedding as AdaptiveEmbeddingComponent
from llmcmp.components.embeddings import TokenEmbedding as TokenEmbeddingComponent
from llmcmp.components.embeddings import TokenTypes as TokenTypesComponent
from llmcmp.components.experts import Experts as ExpertsComponent
from llmcmp.components.feed_forward import Gated as GatedComponent
from llmcmp.components.feed_forward import Plain as PlainComponent
from llmcmp.components.heads import AdaptiveHead as AdaptiveHeadComponent
from llmcmp.components.heads import LanguageHead as LanguageHeadComponent
from llmcmp.components.heads import MaskedHead as MaskedHeadComponent
from llmcmp.components.heads import Pooler as PoolerComponent
from llmcmp.components.latent import LatentAttention as LatentComponent
from llmcmp.components.linear import Linear as LinearComponent
from llmcmp.components.mamba import Mamba as MambaComponent
from llmcmp.components.mamba2 import Mamba2 as Mamba2Component
from llmcmp.components.norms import LayerNorm as LayerNormComponent
from llmcmp.components.norms import RMSNorm as RMSNormComponent
from llmcmp.components.positions import LearnedPositions as LearnedComponent
from llmcmp.components.positions import RelativeBias as RelativeComponent
from llmcmp.components.positions import Sinusoidal as SinusoidalComponent
from llmcmp.components.segment import SegmentAttention as SegmentComponent
from llmcmp.components.short_convolution import ShortConvolution as ShortConvolutionComponent
from llmcmp.nn.attention import Attention
from llmcmp.nn.cross import CrossAttention
from llmcmp.nn.delta import GatedDeltaNet
from llmcmp.nn.embeddings import AdaptiveEmbedding, TokenEmbedding, TokenTypes
from llmcmp.nn.experts import Experts
from llmcmp.nn.feed_forward import Gated, Plain
from llmcmp.nn.heads import AdaptiveHead, LanguageHead, MaskedHead, Pooler
from llmcmp.nn.latent import LatentAttention
from llmcmp.nn.linear import Linear
from llmcmp.nn.mamba import Mamba
from llmcmp.nn.mamba2 import Mamba2
from llmcmp.nn.norms import LayerNorm, RMSNorm
from llmcmp.nn.positions import LearnedPositions, RelativeBias, Sinusoidal
from llmcmp.nn.segment import SegmentAttention
from llmcmp.nn.short_convolution import ShortConvolution

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch import nn

    from llmcmp.components.base import Component

TWINS: dict[type[Component], Callable[[Any], nn.Module]] = {
    AttentionComponent: Attention,
    LatentComponent: LatentAttention,
    CrossComponent: CrossAttention,
    SegmentComponent: SegmentAttention,
    MambaComponent: Mamba,
    Mamba2Component: Mamba2,
    DeltaComponent: GatedDeltaNet,
    ShortConvolutionComponent: ShortConvolution,
    PlainComponent: Plain,
    GatedComponent: Gated,
    ExpertsComponent: Experts,
    LayerNormComponent: LayerNorm,
    RMSNormComponent: RMSNorm,
    LinearComponent: Linear,
    TokenEmbeddingComponent: TokenEmbedding,
    TokenTypesComponent: TokenTypes,
    AdaptiveEmbeddingComponent: AdaptiveEmbedding,
    LearnedComponent: LearnedPositions,
    RelativeComponent: RelativeBias,
    SinusoidalComponent: Sinusoidal,
    LanguageHeadComponent: LanguageHead,
    AdaptiveHeadComponent: AdaptiveHead,
    PoolerComponent: Pooler,
    MaskedHeadComponent: MaskedHead,
}


def twin_of(component: Component) -> nn.Module:
    """A new module for a component, its parameters not yet filled."""
    return TWINS[type(component)](component)
