"""The tables of a preset that are not components: how a model is put together. presets/README.md shows them."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from llmcmp.components.norms import EPSILON
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen
from llmcmp.model import Placement, Side

ABSENT = "none"  # in the place of a name: a block without an attention, or without a feed-forward
MOST_LAYERS = 10_000  # deeper than anything trained; each layer is listed one by one


@frozen
class TableEmbedding:
    """[embedding]: one vector a token. `width` where it is narrower than `hidden` and projected (ALBERT, OPT-350M).

    `scaled`: vectors are multiplied by the root of their width (Gemma).
    """

    kind: ClassVar[str] = "table"
    vocabulary: int
    hidden: int
    tied: bool
    width: int | None = None
    scaled: bool = False
    projection_bias: bool = False
    token_types: int | None = None


@frozen
class AdaptiveTable:
    """[embedding] of kind "adaptive": Transformer-XL's clusters; the softmax is adaptive and tied likewise."""

    kind: ClassVar[str] = "adaptive"
    vocabulary: int
    hidden: int
    width: int
    cutoffs: tuple[int, ...]
    divisor: int


EmbeddingTable: TypeAlias = TableEmbedding | AdaptiveTable


@frozen
class NormTable:
    """[norm]: kind and placement of every norm; `embedding`: one more right after the embedding (BLOOM, BERT).

    `unit_offset`: weights are stored less one (Gemma). `weight`, `bias`: of LayerNorm; OLMo has neither.
    `exit`: one more norm after the last layer, as all but post-norm models have it if not given.
    """

    kind: Literal["layer", "rms"]
    placement: Placement
    bias: bool = True
    weight: bool = True
    exit: bool | None = None
    embedding: bool = False
    epsilon: float = EPSILON
    unit_offset: bool = False


@frozen
class ArrangementTable:
    """[block]: attention and feed-forward in parallel on one input, through one shared norm or one each."""

    parallel: bool = False
    shared_norm: bool = False

    def __post_init__(self) -> None:
        if self.shared_norm and not self.parallel:
            raise ModelError("shared_norm needs parallel: branches that run one after the other cannot share a norm")


@frozen
class LanguageTable:
    """[head] of kind "language": logits over the vocabulary (the default where there is a decoder)."""

    kind: ClassVar[str] = "language"
    bias: bool = False
    soft_cap: float | None = None
    scaled: bool = False


@frozen
class PoolerTable:
    """[head] of kind "pooler": a bare encoder with BERT's pooler; its masked-LM head is listed apart."""

    kind: ClassVar[str] = "pooler"


@frozen
class MaskedTable:
    """[head] of kind "masked": BERT's masked-LM head as the model's own; `width` where it is not the token table's.

    `inner_bias`: its dense layer and norm have biases, as its logits always have.
    """

    kind: ClassVar[str] = "masked"
    width: int | None = None
    inner_bias: bool = True


HeadTable: TypeAlias = LanguageTable | PoolerTable | MaskedTable


@frozen
class BlockTable:
    """One entry of `blocks`: which attention or mixer and which feed-forward, by name; left out where there is one.

    "none" for an attention or a feed-forward that the block does without. One that names both an attention and a mixer
    has them side by side on one input, through one norm (Falcon-H1). `placement`: of its norms, where blocks differ.
    """

    attention: str | None = None
    mixer: str | None = None
    cross_attention: str | None = None
    feed_forward: str | None = None
    placement: Placement | None = None


@frozen
class StackTable:
    """[[stack]]: the pattern `blocks` repeated over `layers` layers. `shared`: one set of weights for all of them."""

    layers: int
    side: Side | None = None
    shared: bool = False
    blocks: tuple[BlockTable, ...] = (BlockTable(),)

    def __post_init__(self) -> None:
        if not len(self.blocks) <= self.layers <= MOST_LAYERS:
            raise ModelError(f"layers ({self.layers}) must lie between the number of blocks and {MOST_LAYERS}")


@frozen
class PredictionTable:
    """[multi_token_prediction]: one module of two norms, a projection of both inputs, one block and a final norm."""

    block: BlockTable = BlockTable()
