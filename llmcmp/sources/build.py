"""From the tables of a preset to a Model: each table becomes a component, blocks name the components they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from llmcmp.card import Card
from llmcmp.components.attention import Attention
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
from llmcmp.components.positions import (
    NO_POSITION,
    Alibi,
    LearnedPositions,
    NoPosition,
    RelativeBias,
    Rotary,
    Sinusoidal,
)
from llmcmp.components.segment import SegmentAttention
from llmcmp.components.short_convolution import ShortConvolution
from llmcmp.frozen import field_names
from llmcmp.model import Block, Branch, Model, Stack, Step, Tower
from llmcmp.sources.binding import Place, Table, bind, bind_kind, closest
from llmcmp.sources.schema import (
    ABSENT,
    AdaptiveTable,
    ArrangementTable,
    BlockTable,
    EmbeddingTable,
    HeadTable,
    LanguageTable,
    MaskedTable,
    NormTable,
    PoolerTable,
    PredictionTable,
    StackTable,
    TableEmbedding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.base import Component
    from llmcmp.components.norms import Norm
    from llmcmp.model import Placement, Side
    from llmcmp.spans import Direction

T = TypeVar("T")
Named = tuple[tuple[str, "Component"], ...]

ATTENTIONS = (Attention, LatentAttention, SegmentAttention)
MIXERS = (Mamba, Mamba2, GatedDeltaNet, ShortConvolution)
FEED_FORWARDS = (Plain, Gated, Experts)
POSITIONS = (Rotary, Alibi, NoPosition, Sinusoidal, LearnedPositions, RelativeBias)
TOWER_POSITIONS = (Sinusoidal, LearnedPositions, RelativeBias)
EMBEDDINGS = (TableEmbedding, AdaptiveTable)
HEADS = (LanguageTable, PoolerTable, MaskedTable)
# Fields of components that are no keys of their tables; `hidden` is a key of [embedding] alone.
GIVEN = frozenset({"hidden", "direction", "position", "epsilon", "unit_offset"})
SECTIONS = (
    "embedding",
    "position",
    "norm",
    "block",
    "attention",
    "mixer",
    "cross_attention",
    "feed_forward",
    "stack",
    "head",
    "multi_token_prediction",
)


def build(document: Table, file: str, overrides: tuple[str, ...] = ()) -> Model:
    """A Model from a parsed preset. Raises PresetError, which names file, table and key."""
    place = Place(file=file)
    keys = {key: value for key, value in document.items() if key not in SECTIONS}
    for key in keys.keys() - {*field_names(Card)}:
        raise place.error(f"unknown key or table{closest(key, [*field_names(Card), *SECTIONS])}", key)
    card = bind(Card, keys, place, {"overrides": overrides})
    sections = {key: value for key, value in document.items() if key in SECTIONS}
    if card.undisclosed:
        if sections:
            raise place.error("an undisclosed model has a card only", next(iter(sections)))
        return Model(card=card, towers=())
    return _Builder(card, sections, place).model()


def variants(section: str, value: object, place: Place) -> dict[str, Table]:
    """The named tables of a section: [attention] is one without a name, [attention.local] one called "local"."""
    if not isinstance(value, dict):
        raise place.error("must be a table", section)
    table = cast("Table", value)
    nested = {name: cast("Table", inner) for name, inner in table.items() if isinstance(inner, dict)}
    if "kind" in table or not nested or len(nested) < len(table):
        return {"": table}
    return nested


class _Builder:
    """Holds what every part needs: the card, the raw sections and where they stand."""

    def __init__(self, card: Card, sections: Table, place: Place) -> None:
        self.card, self.sections, self.place = card, sections, place
        for section in ("embedding", "norm", "attention", "stack"):
            stands_in = section == "attention" and "mixer" in self.sections
            if section not in self.sections and not stands_in:
                raise self.place.error(f"table [{section}] is missing")
        at = self.place.inside
        self.embedding: EmbeddingTable = bind_kind(
            EMBEDDINGS, self.sections["embedding"], at("embedding"), default="table"
        )
        self.norms = bind(NormTable, self.sections["norm"], at("norm"))
        self.arrangement = bind(ArrangementTable, self.sections.get("block", {}), at("block"))
        if self.arrangement.shared_norm and self.norms.placement != "pre":
            raise at("block").error('needs norms before the sub-layers, [norm] placement = "pre"', "shared_norm")
        self.head = self._head_table()
        self.hidden = self.embedding.hidden
        self.width = self.embedding.width or self.hidden
        self.blocks: dict[tuple[BlockTable, Side], Block] = {}
        self.used: set[tuple[str, str]] = set()

    def _head_table(self) -> HeadTable:
        if "head" in self.sections and isinstance(self.embedding, AdaptiveTable):
            raise self.place.error("an adaptive embedding brings its own head", "head")
        default = "pooler" if self.card.architecture == "encoder-only" else "language"
        return bind_kind(HEADS, self.sections.get("head", {}), self.place.inside("head"), default=default)

    def model(self) -> Model:
        stacks = self._stacks()
        sides: tuple[Side, ...] = ("encoder", "decoder")
        towers = tuple(
            self._tower(side, [stack for stack in stacks if self._side(stack) == side])
            for side in sides
            if any(self._side(stack) == side for stack in stacks)
        )
        model = Model(card=self.card, towers=towers, apart=tuple(self._apart()))
        self._refuse_unused()
        return model

    def _refuse_unused(self) -> None:
        """A table that nothing refers to was meant for something, and was never checked."""
        for section in ("attention", "mixer", "cross_attention", "feed_forward", "position"):
            for name in self._named(section) if section in self.sections else ():
                if (section, name) not in self.used:
                    raise self._at(section, name).error("is used by no block")

    def _stacks(self) -> list[StackTable]:
        tables = self.sections["stack"]
        if not isinstance(tables, list) or not tables:
            raise self.place.error("must be a list of tables, [[stack]]", "stack")
        entries = cast("list[object]", tables)
        stacks = [bind(StackTable, table, self.place.inside(f"stack.{i}")) for i, table in enumerate(entries)]
        wanted = {"encoder-only": {"encoder"}, "encoder-decoder": {"encoder", "decoder"}}
        if {self._side(stack) for stack in stacks} != wanted.get(self.card.architecture, {"decoder"}):
            raise self.place.error(
                f"the sides of its stacks do not make a model of class {self.card.architecture}", "stack"
            )
        return stacks

    def _side(self, stack: StackTable) -> Side:
        if stack.side is not None:
            return stack.side
        if self.card.architecture == "encoder-decoder":
            raise self.place.error("is missing: an encoder-decoder says which side a stack is on", "side")
        return "encoder" if self.card.architecture == "encoder-only" else "decoder"

    def _tower(self, side: Side, stacks: list[StackTable]) -> Tower:
        built = tuple(
            Stack(
                blocks=tuple(self._block(block, side) for block in stack.blocks),
                layers=stack.layers,
                shared=stack.shared,
            )
            for stack in stacks
        )
        top = side == "decoder" or self.card.architecture == "encoder-only"
        return Tower(side=side, entry=tuple(self._entry()), stacks=built, exit=tuple(self._exit(top=top)))

    # Embedding side

    def _entry(self) -> Iterator[tuple[str, Component]]:
        table = self.embedding
        if isinstance(table, AdaptiveTable):
            yield "embedding", self._adaptive(table)
            return
        yield "embedding", TokenEmbedding(vocabulary=table.vocabulary, width=self.width, scaled=table.scaled)
        if table.token_types is not None:
            yield "token_types", TokenTypes(types=table.token_types, width=self.width)
        positions = tuple(self._tower_positions())
        narrow = tuple(
            (name, p) for name, p in positions if not isinstance(p, LearnedPositions) or p.width == self.width
        )
        yield from narrow
        if self.norms.embedding:
            yield "embedding_norm", self._norm(self.width)
        if self.width != self.hidden:
            inner, outer = ("width", self.width), ("hidden", self.hidden)
            yield (
                "embedding_projection",
                Linear(inner=inner, outer=outer, part="projection", bias=table.projection_bias),
            )
        yield from (entry for entry in positions if entry not in narrow)

    def _adaptive(self, table: AdaptiveTable) -> AdaptiveEmbedding:
        return AdaptiveEmbedding(
            vocabulary=table.vocabulary,
            width=table.width,
            hidden=table.hidden,
            cutoffs=table.cutoffs,
            divisor=table.divisor,
        )

    def _tower_positions(self) -> Iterator[tuple[str, Component]]:
        for name in self._named("position") if "position" in self.sections else ():
            position = self._position(name)
            if isinstance(position, TOWER_POSITIONS):
                yield "positions", position

    def _position(self, name: str) -> Any:
        first = next(iter(self._named("attention").values()), Table()).get("heads")
        width: Table = {"width": self.width} if "width" not in self._named("position")[name] else {}
        return bind_kind(
            POSITIONS, self._named("position")[name], self._at("position", name), {"heads": first, **width}
        )

    # Blocks

    def _named(self, section: str) -> dict[str, Table]:
        return variants(section, self.sections.get(section, {}), self.place)

    def _at(self, section: str, name: str) -> Place:
        return self.place.inside(f"{section}.{name}" if name else section)

    def _chosen(self, section: str, name: str | None) -> str:
        """The variant that a block means: the one it names, or the only one."""
        names = list(self._named(section))
        if name is None and len(names) == 1:
            name = names[0]
        if name is None or name not in names:
            raise self.place.error(f"must name one of {', '.join(names)}", f"blocks.{section}")
        self.used.add((section, name))
        return name

    def _block(self, table: BlockTable, side: Side) -> Block:
        if (table, side) not in self.blocks:
            self.blocks[table, side] = self._new_block(table, side)
        return self.blocks[table, side]

    def _new_block(self, table: BlockTable, side: Side) -> Block:
        branches = [] if table.attention == ABSENT else [self._mixing(table, side)]
        if side == "decoder" and (self.card.architecture == "encoder-decoder" or table.cross_attention is not None):
            branches.append(("cross_attention", self._cross_attention(table.cross_attention)))
        alone = bool(branches) and branches[0][0] == "mixer" and "feed_forward" not in self.sections
        if not alone and table.feed_forward != ABSENT:
            branches.append(("feed_forward", self._feed_forward(table.feed_forward)))
        if not branches:
            raise self.place.error("a block needs an attention, a mixer or a feed-forward", "blocks")
        placement = table.placement or self.norms.placement
        if table.attention not in (None, ABSENT) and table.mixer is not None:
            return self._side_by_side(("mixer", self._mixer(table.mixer, side)), branches, placement)
        if not self.arrangement.parallel:
            return Block(
                steps=tuple(Step(branches=(self._branch(*branch, placement),)) for branch in branches),
                placement=placement,
            )
        if self.arrangement.shared_norm:
            bare = tuple(Branch(name=name, mixer=mixer) for name, mixer in branches)
            return Block(steps=(Step(branches=bare, shared_norm=self._norm(self.hidden)),), placement=placement)
        split = tuple(self._branch(*branch, placement) for branch in branches)
        return Block(steps=(Step(branches=split),), placement=placement)

    def _side_by_side(
        self, mixer: tuple[str, Component], branches: list[tuple[str, Component]], placement: Placement
    ) -> Block:
        """A mixer and an attention on one input, then what follows."""
        if placement != "pre":
            raise self.place.error("a mixer beside an attention needs norms before the sub-layers", "blocks")
        first, *rest = branches
        together = tuple(Branch(name=name, mixer=part) for name, part in (mixer, first))
        steps = (Step(branches=together, shared_norm=self._norm(self.hidden)),)
        after = tuple(Step(branches=(self._branch(*branch, placement),)) for branch in rest)
        return Block(steps=steps + after, placement=placement)

    def _branch(self, name: str, mixer: Component, placement: Placement) -> Branch:
        before = placement in ("pre", "sandwich", "deep")
        after = placement in ("post", "sandwich", "output")
        norm = self._norm(self.hidden)
        return Branch(name=name, mixer=mixer, before=norm if before else None, after=norm if after else None)

    def _mixing(self, table: BlockTable, side: Side) -> tuple[str, Component]:
        """What mixes the tokens of a block: its attention, or the mixer that stands in its place."""
        if table.attention is None and table.mixer is None and {"attention", "mixer"} <= self.sections.keys():
            raise self.place.error("must name an attention or a mixer: this model has both", "blocks")
        if table.attention is not None or (table.mixer is None and "attention" in self.sections):
            return "attention", self._attention(table.attention, side)
        return "mixer", self._mixer(table.mixer, side)

    def _mixer(self, name: str | None, side: Side) -> Component:
        chosen = self._chosen("mixer", name)
        if self._direction(side) != "causal":
            raise self._at("mixer", chosen).error("a recurrence reads from left to right: it needs a causal decoder")
        given: Table = {"hidden": self.hidden, "epsilon": self.norms.epsilon}
        return bind_kind(MIXERS, self._named("mixer")[chosen], self._at("mixer", chosen), given)

    def _attention(self, name: str | None, side: Side) -> Component:
        chosen = self._chosen("attention", name)
        table = dict(self._named("attention")[chosen])
        given: Table = {"hidden": self.hidden, "direction": self._direction(side), "epsilon": self.norms.epsilon}
        given["unit_offset"] = self.norms.unit_offset
        if "position" in self.sections:
            given["position"] = self._attention_position(table.pop("position", None), self._at("attention", chosen))
        return bind_kind(
            ATTENTIONS,
            table,
            self._at("attention", chosen),
            given,
        )

    def _attention_position(self, name: object, place: Place) -> object:
        if name is not None and not isinstance(name, str):
            raise place.error("must be the name of a [position.NAME] table", "position")
        position = self._position(self._chosen("position", name))
        return NO_POSITION if isinstance(position, TOWER_POSITIONS) else position

    def _direction(self, side: Side) -> Direction:
        if side == "encoder":
            return "bidirectional"
        return "prefix" if self.card.architecture == "prefix-decoder" else "causal"

    def _cross_attention(self, name: str | None) -> Component:
        if "cross_attention" not in self.sections:
            raise self.place.error("table [cross_attention] is missing")
        chosen = self._chosen("cross_attention", name)
        table = self._named("cross_attention")[chosen]
        return bind_kind(
            (CrossAttention,), table, self._at("cross_attention", chosen), {"hidden": self.hidden}, default="cross"
        )

    def _feed_forward(self, name: str | None) -> Component:
        if "feed_forward" not in self.sections:
            raise self.place.error("table [feed_forward] is missing")
        chosen = self._chosen("feed_forward", name)
        table = self._named("feed_forward")[chosen]
        return bind_kind(FEED_FORWARDS, table, self._at("feed_forward", chosen), {"hidden": self.hidden})

    # Norms and heads

    def _norm(self, width: int) -> Norm:
        norms = self.norms
        if norms.kind == "rms":
            return RMSNorm(width=width, epsilon=norms.epsilon, unit_offset=norms.unit_offset, weight=norms.weight)
        return LayerNorm(width=width, bias=norms.bias and norms.weight, epsilon=norms.epsilon, weight=norms.weight)

    def _exit(self, *, top: bool) -> Iterator[tuple[str, Component]]:
        """The final norm, which a post-norm model does without, and on the last tower the head."""
        if self.norms.placement != "post" if self.norms.exit is None else self.norms.exit:
            yield "norm", self._norm(self.hidden)
        if not top:
            return
        if isinstance(self.head, PoolerTable):
            yield "pooler", Pooler(hidden=self.hidden)
        elif isinstance(self.head, MaskedTable) and isinstance(self.embedding, TableEmbedding):
            yield "head", self._masked_head(self.head, self.embedding)
        elif isinstance(self.embedding, AdaptiveTable):
            yield "head", AdaptiveHead(embedding=self._adaptive(self.embedding))
        else:
            yield from self._language_head(cast("LanguageTable", self.head), self.embedding)

    def _masked_head(self, head: MaskedTable, table: TableEmbedding) -> MaskedHead:
        width = head.width or self.width
        if table.tied and width != self.width:
            raise self.place.inside("head").error(f"must be that of the tied token table, {self.width}", "width")
        return MaskedHead(
            hidden=self.hidden,
            width=width,
            vocabulary=table.vocabulary,
            epsilon=self.norms.epsilon,
            tied=table.tied,
            bias=head.inner_bias,
        )

    def _language_head(self, head: LanguageTable, table: TableEmbedding) -> Iterator[tuple[str, Component]]:
        if self.width != self.hidden:
            inner, outer = ("hidden", self.hidden), ("width", self.width)
            bias = table.projection_bias
            yield "head_projection", Linear(inner=inner, outer=outer, part="projection", bias=bias, before_head=True)
        yield (
            "head",
            LanguageHead(
                width=self.width,
                vocabulary=table.vocabulary,
                tied=table.tied,
                bias=head.bias,
                soft_cap=head.soft_cap,
                scaled=head.scaled,
            ),
        )

    # Beside the model

    def _apart(self) -> Iterator[tuple[str, Tower]]:
        if isinstance(self.head, PoolerTable):
            words, epsilon = self.embedding.vocabulary, self.norms.epsilon
            head = MaskedHead(hidden=self.hidden, width=self.width, vocabulary=words, epsilon=epsilon)
            yield "masked-LM head", Tower(side="encoder", entry=(), stacks=(), exit=(("masked_head", head),))
        if "multi_token_prediction" in self.sections:
            place = self.place.inside("multi_token_prediction")
            table = bind(PredictionTable, self.sections["multi_token_prediction"], place)
            yield "multi-token prediction", self._prediction(table)

    def _prediction(self, table: PredictionTable) -> Tower:
        """DeepSeek-V3's module (arXiv 2412.19437, 2.2); embedding and head are the main model's."""
        norm = self._norm(self.hidden)
        both = Linear(inner=("both", 2 * self.hidden), outer=("hidden", self.hidden), part="projection")
        entry: Named = (("embedding_norm", norm), ("hidden_norm", norm), ("projection", both))
        stack = Stack(blocks=(self._block(table.block, "decoder"),), layers=1)
        return Tower(side="decoder", entry=entry, stacks=(stack,), exit=(("norm", norm),))
