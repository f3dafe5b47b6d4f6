"""From a Model back to a preset: the inverse of build.py, and checked against it before anything is handed out.

The law: what is read back from a written preset equals the model that was written, to the last field. A model that
the schema cannot say is refused, with the field that would have come back different.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, cast

from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding, TokenTypes
from llmcmp.components.heads import LanguageHead, MaskedHead, Pooler
from llmcmp.components.linear import Linear
from llmcmp.components.norms import LayerNorm
from llmcmp.errors import ModelError
from llmcmp.frozen import field_names, replace
from llmcmp.sources.binding import Table, unbound
from llmcmp.sources.build import GIVEN, TOWER_POSITIONS, build
from llmcmp.sources.schema import AdaptiveTable, ArrangementTable, LanguageTable, MaskedTable, NormTable, TableEmbedding
from llmcmp.sources.toml import toml
from llmcmp.sources.variants import NAMED, Variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.base import Component
    from llmcmp.components.norms import Norm
    from llmcmp.model import Block, Model, Step, Tower

CARD_ORDER: tuple[str, ...] = tuple(
    "name family organization released architecture undisclosed quantised context position_limit tasks languages"
    " changed notes sources estimates kept_otherwise published".split()
)


def preset_text(model: Model) -> str:
    """The preset of a model, as TOML. Raises ModelError for a model that the schema cannot say, and for overrides."""
    if model.card.overrides:
        raise ModelError(f"'{model.name}' is a changed model: give it a name of its own (renamed)")
    text = toml(document(model), NAMED, ("stack",))
    file = f"{model.name}.toml"
    read = build(cast("Table", tomllib.loads(text)), file)
    if read != model:
        raise ModelError(f"'{model.name}' cannot be written as a preset: {difference(model, read)}")
    return text


def renamed(model: Model, name: str) -> Model:
    """The model under a name of its own; what was changed in it becomes a note, which is where it comes from."""
    card = model.card
    if name == model.name:
        return model
    origin = f"Copy of {card.name}."
    if card.overrides:
        origin = f"Of {original_name(model)}, with {', '.join(card.overrides)}."
    return replace(model, card=replace(card, name=name, overrides=(), notes=(*card.notes, origin)))


def original_name(model: Model) -> str:
    """What a model was called before it was changed."""
    overrides = model.card.overrides
    return model.name.removesuffix(f":{','.join(overrides)}") if overrides else model.name


def document(model: Model) -> Table:
    """The tables of a model's preset, in the order of the file."""
    card = unbound(model.card, frozenset({"overrides"}))
    tables: Table = dict(sorted(card.items(), key=lambda item: CARD_ORDER.index(item[0])))
    if not model.disclosed:
        return tables
    structure = _Structure(model)
    return tables | {name: table for name, table in structure.sections() if table is not None}


def difference(one: object, other: object, path: str = "") -> str:
    """The first place where two records differ, with both values; for messages."""
    for name, a, b in _pairs(one, other):
        if a != b:
            return difference(a, b, f"{path}.{name}")
    return f"{path.lstrip('.')} {str(one)[:80]} would be read back as {str(other)[:80]}"


def _pairs(one: Any, other: Any) -> Iterator[tuple[str, object, object]]:
    """What two things of one shape hold, side by side; nothing where their shapes differ."""
    kind = cast("type[object]", type(one))
    if kind is not type(other):
        return
    names = field_names(kind) or (map(str, range(len(one))) if kind is tuple and len(one) == len(other) else ())
    for name in names:
        yield name, *((item[int(name)] if kind is tuple else getattr(item, name)) for item in (one, other))


class _Structure:
    """A model's structure, section by section."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.around: dict[str, Component] = {}
        for tower in model.towers:
            self.around |= dict((*tower.entry, *tower.exit))
        self.blocks = tuple(dict.fromkeys(self._blocks()))
        self.steps: tuple[Step, ...] = self.blocks[0].steps
        self.hidden = next(int(getattr(mixer, "hidden")) for _, mixer in self.blocks[0].mixers())  # noqa: B009
        embedding = self.around.get("embedding")
        self.width = embedding.width if isinstance(embedding, TokenEmbedding) else self.hidden
        crossed = model.card.architecture == "encoder-decoder"
        self.variants = Variants(self.blocks, self._tower_position(), crossed=crossed)

    def _blocks(self) -> Iterator[Block]:
        for tower in (*self.model.towers, *(tower for _, tower in self.model.apart)):
            for stack in tower.stacks:
                yield from stack.blocks

    def sections(self) -> Iterator[tuple[str, object]]:
        """(section, its table), None where the file has none."""
        yield "embedding", self._embedding()
        yield from self.variants.section("position")
        yield "norm", self._norm()
        yield "block", self._arrangement() or None
        for section in ("attention", "mixer", "cross_attention", "feed_forward"):
            yield from self.variants.section(section)
        yield "head", self._head() or None
        yield (
            "stack",
            [self._stack(tower, number) for tower in self.model.towers for number in range(len(tower.stacks))],
        )
        for _, tower in self.model.apart:
            if tower.stacks:
                block = self.variants.names(tower.stacks[0].blocks[0])
                yield "multi_token_prediction", {"block": block} if block else {}

    def _tower_position(self) -> Table | None:
        found = next((part for part in self.around.values() if isinstance(part, TOWER_POSITIONS)), None)
        if found is None:
            return None
        same = {"width"} if getattr(found, "width", None) == self.width else set[str]()
        return unbound(found, GIVEN | same | {"heads"})

    def _embedding(self) -> Table:
        embedding = self.around.get("embedding")
        if isinstance(embedding, AdaptiveEmbedding):
            fields = {name: getattr(embedding, name) for name in field_names(AdaptiveTable)}
            return unbound(AdaptiveTable(**fields))
        if not isinstance(embedding, TokenEmbedding):
            raise ModelError(f"'{self.model.name}' cannot be written as a preset: it has no token embedding")
        head, types = self.around.get("head"), self.around.get("token_types")
        projection = self.around.get("embedding_projection")
        table = TableEmbedding(
            vocabulary=embedding.vocabulary,
            hidden=self.hidden,
            tied=head.tied if isinstance(head, LanguageHead | MaskedHead) else True,
            width=None if self.width == self.hidden else self.width,
            scaled=embedding.scaled,
            projection_bias=projection.bias if isinstance(projection, Linear) else False,
            token_types=types.types if isinstance(types, TokenTypes) else None,
        )
        return {key: value for key, value in unbound(table).items() if key != "kind"}

    def _a_norm(self) -> Norm:
        for step in self.steps:
            for norm in (step.shared_norm, *(n for branch in step.branches for n in (branch.before, branch.after))):
                if norm is not None:
                    return norm
        raise ModelError(f"'{self.model.name}' cannot be written as a preset: its blocks have no norm")

    def _norm(self) -> Table:
        norm, placement = self._a_norm(), self.blocks[0].placement
        final = any(name == "norm" for tower in self.model.towers for name, _ in tower.exit)
        table = NormTable(
            kind="layer" if isinstance(norm, LayerNorm) else "rms",
            placement=placement,
            bias=norm.bias or not norm.weight if isinstance(norm, LayerNorm) else True,
            embedding="embedding_norm" in self.around,
            epsilon=norm.epsilon,
            unit_offset=False if isinstance(norm, LayerNorm) else norm.unit_offset,
            weight=norm.weight,
            exit=None if final == (placement != "post") else final,
        )
        return unbound(table)

    def _arrangement(self) -> Table:
        parallel = any(len(step.branches) > 1 for step in self.steps)
        shared = any(step.shared_norm is not None for step in self.steps)
        return unbound(ArrangementTable(parallel=parallel, shared_norm=shared))

    def _head(self) -> Table:
        """The head's table, empty where it is the default of the model's class."""
        head, encoder = self.around.get("head"), self.model.card.architecture == "encoder-only"
        if isinstance(self.around.get("pooler"), Pooler):
            return {} if encoder else {"kind": "pooler"}
        if isinstance(head, MaskedHead):
            return unbound(MaskedTable(width=None if head.width == self.width else head.width, inner_bias=head.bias))
        if not isinstance(head, LanguageHead):
            return {}
        table = unbound(LanguageTable(bias=head.bias, soft_cap=head.soft_cap, scaled=head.scaled))
        return table if encoder else {key: value for key, value in table.items() if key != "kind"}

    def _stack(self, tower: Tower, number: int) -> Table:
        stack = tower.stacks[number]
        blocks = [self.variants.names(block) for block in stack.blocks]
        table: Table = {"side": tower.side} if len(self.model.towers) > 1 else {}
        table["layers"] = stack.layers
        if stack.shared:
            table["shared"] = True
        if blocks != [{}]:
            table["blocks"] = blocks
        return table
