"""A tower of layers, and the two kinds of models made of them: one tower, or an encoder and a decoder."""

# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

from llmcmp.errors import QuantityError
from llmcmp.nn.flow import Places
from llmcmp.nn.parts import twin_of
from llmcmp.nn.positions import RelativeBias
from llmcmp.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.model import Block as BlockRecord
    from llmcmp.model import Branch, Model, Step
    from llmcmp.model import Tower as TowerRecord
    from llmcmp.nn.flow import Flow
    from llmcmp.nn.slots import Slot

Logits = Literal["all", "last"]


class Cache:
    """What all layers keep of a batch of sequences; `length` tokens so far."""

    def __init__(self, layers: list[dict[str, Slot]], prefix: int = 0) -> None:
        self.layers = layers
        self.length, self.prefix = 0, prefix

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor that is held."""
        for layer in self.layers:
            for slot in layer.values():
                yield from slot.tensors().values()

    def reset(self) -> None:
        """Start over with empty sequences in the same storage."""
        self.length = self.prefix = 0
        for layer in self.layers:
            for slot in layer.values():
                slot.reset()


class Block(nn.Module):
    """One layer: its steps in order, each x + f(x) with norms where the placement puts them."""

    def __init__(self, block: BlockRecord, depth: int) -> None:
        super().__init__()
        for name, component in block.parts():
            setattr(self, name, twin_of(component))
        self.steps = tuple(_StepPlan(step) for step in block.steps)
        self.placement = block.placement
        self.deep = math.sqrt(2 * depth)  # DeepNorm's weight of the residual, as GLM-130B runs it

    def forward(self, x: Tensor, flow: Flow, slots: dict[str, Slot]) -> Tensor:
        for step in self.steps:
            if not step.idle:
                x = self._step(step, x, flow, slots)
        return x

    def _step(self, step: _StepPlan, x: Tensor, flow: Flow, slots: dict[str, Slot]) -> Tensor:
        shared = x if step.norm is None else getattr(self, step.norm)(x)
        residual, total = x, None
        for branch in step.branches:
            inner = shared if branch.before is None else getattr(self, branch.before)(x)
            if self.placement == "deep":
                residual = inner * self.deep
            found = getattr(self, branch.name)(inner, flow, slots.get(branch.name))
            if branch.after is not None and self.placement != "post":
                found = getattr(self, branch.after)(found)
            total = found if total is None else total + found
        assert total is not None
        return self._normed(step, residual + total)

    def _normed(self, step: _StepPlan, x: Tensor) -> Tensor:
        """After a step of a post-norm block, its norm."""
        after = step.branches[-1].after
        return getattr(self, after)(x) if self.placement == "post" and after is not None else x


class _BranchPlan:
    """Names of a branch's modules within their block."""

    def __init__(self, branch: Branch) -> None:
        self.name = branch.name
        self.before = None if branch.before is None else f"{branch.name}_norm"
        self.after = None if branch.after is None else f"{branch.name}_output_norm"


class _StepPlan:
    """Names of a step's modules within their block."""

    def __init__(self, step: Step) -> None:
        self.branches = tuple(_BranchPlan(branch) for branch in step.branches)
        self.norm = None if step.shared_norm is None else "norm"
        self.idle = all(getattr(branch.mixer, "idle", False) for branch in step.branches)


class Tower(nn.Module):
    """Entry, layers and exit; modules stand under the names that the walk gives them."""

    def __init__(self, tower: TowerRecord) -> None:
        super().__init__()
        self.entry, self.exit = (tuple(name for name, _ in ends) for ends in (tower.entry, tower.exit))
        for name, component in (*tower.entry, *tower.exit):
            setattr(self, name, twin_of(component))
        self.layers = nn.ModuleList(_layers(tower))
        self.places = Places()
        direction = "bidirectional" if tower.side == "encoder" else "causal"
        for module in self.modules():
            if isinstance(module, RelativeBias):
                module.span = Span(direction=direction)
            prepare: Any = getattr(module, "prepare", None)
            if prepare is not None:
                prepare(self.places)

    def flow(self, tokens_BS: Tensor, past: int, prefix: int, source_BTD: Tensor | None = None) -> Flow:
        """The pass of these tokens."""
        like = next(self.parameters())
        return self.places.flow(like, past, tokens_BS.shape[1], prefix, source_BTD)

    def hidden(self, tokens_BS: Tensor, flow: Flow, cache: Cache | None) -> Tensor:
        """B x S x D after the last layer, before what stands on top."""
        x: Tensor = tokens_BS
        for name in self.entry:
            x = getattr(self, name)(x, flow)
        for number, layer in enumerate(self.layers):
            x = layer(x, flow, {} if cache is None else cache.layers[number])
        return x

    def top(self, x: Tensor, flow: Flow) -> Tensor:
        """Final norm and head."""
        for name in self.exit:
            x = getattr(self, name)(x, flow)
        return x

    def new_layers(
        self, batch: int, capacity: int | None, source: int, device: torch.device, dtype: torch.dtype
    ) -> list[dict[str, Slot]]:
        """Empty slots for every layer."""
        layers: list[dict[str, Slot]] = []
        for layer in self.layers:
            keepers = [(name, part) for name, part in layer.named_children() if hasattr(part, "new_slot")]
            slots: list[tuple[str, Slot | None]] = [
                (name, cast("Any", part).new_slot(batch, capacity, source, device, dtype)) for name, part in keepers
            ]
            layers.append({name: slot for name, slot in slots if slot is not None})
        return layers


def _layers(tower: TowerRecord) -> Iterator[Block]:
    """Blocks in the order of layers; a stack that shares its weights repeats its modules."""
    for stack in tower.stacks:
        built: list[Block] = []
        for number in range(stack.layers):
            if stack.shared and number >= len(stack.blocks):
                yield built[number % len(stack.blocks)]
                continue
            built.append(Block(stack.blocks[number % len(stack.blocks)], tower.depth))
            yield built[-1]


class Twin(nn.Module, ABC):
    """A model. The call is a Run: `tokens` follow what the cache holds, a source is encoded where one is given."""

    model: Model

    @property
    @abstractmethod
    def decoder_tower(self) -> Tower:
        """The tower that reads the tokens of a pass."""

    @abstractmethod
    def encode(self, source_BR: Tensor) -> Tensor:
        """The encoder's output for a source. Raises QuantityError where there is no encoder beside a decoder."""

    def forward(
        self,
        tokens_BS: Tensor,
        cache: Cache | None = None,
        *,
        source_BR: Tensor | None = None,
        prefix: int | None = None,
        logits: Logits = "all",
    ) -> Tensor:
        """Logits B x S x V (S = 1 for `logits` "last"), or what a bare encoder's exit gives.

        `prefix`: leading tokens that a prefix decoder attends in both directions; the whole prompt if not given.
        """
        past = 0 if cache is None else cache.length
        encoded = None if source_BR is None else self.encode(source_BR)
        found = self.run(tokens_BS, cache, past, self._prefix(tokens_BS, cache, prefix), encoded, logits)
        if cache is not None:
            cache.length = past + tokens_BS.shape[1]
        return found

    def _prefix(self, tokens_BS: Tensor, cache: Cache | None, prefix: int | None) -> int:
        """The prompt's length in a prefix decoder, which later passes need to know too; 0 in others."""
        if self.model.card.architecture != "prefix-decoder":
            return 0
        if cache is not None and cache.length:
            return cache.prefix
        prefix = tokens_BS.shape[1] if prefix is None else prefix
        if cache is not None:
            cache.prefix = prefix
        return prefix

    def run(
        self, tokens_BS: Tensor, cache: Cache | None, past: int, prefix: int, source_BTD: Tensor | None, logits: Logits
    ) -> Tensor:
        """`forward` with everything that it looks up given; what is compiled."""
        tower = self.decoder_tower
        flow = tower.flow(tokens_BS, past, prefix, source_BTD)
        x_BSD = tower.hidden(tokens_BS, flow, cache)
        return tower.top(x_BSD if logits == "all" else x_BSD[:, -1:], flow)

    def step(self, token_B1: Tensor, cache: Cache, past: int) -> Tensor:
        """Logits B x 1 x V of one more token after `past` cached ones; the cache's length is the caller's affair."""
        return self.run(token_B1, cache, past, cache.prefix, None, "all")

    def new_cache(self, batch: int, capacity: int | None = None, source: int = 0) -> Cache:
        """An empty cache: allocated for `capacity` tokens a sequence, or growing."""
        like = next(self.parameters())
        layers = self.decoder_tower.new_layers(batch, capacity, source, like.device, like.dtype)
        if capacity is not None:
            for table in self.decoder_tower.places.tables:
                table.prepare(capacity, like.device, like.dtype)
        return Cache(layers)

    def pack(self) -> Twin:
        """Fuse the storage of projections that read one input, for passes without gradients."""
        for module in self.modules():
            fuse: Any = getattr(module, "pack", None)
            if fuse is not None and module is not self:
                fuse()
        return self


class SingleTower(Tower, Twin):
    """A decoder, an encoder or a prefix decoder: the tower's modules are the model's."""

    def __init__(self, model: Model) -> None:
        Tower.__init__(self, model.disclosed_towers()[0])
        self.model = model

    forward = Twin.forward

    @property
    def decoder_tower(self) -> Tower:
        return self

    def encode(self, source_BR: Tensor) -> Tensor:
        raise QuantityError(f"{self.model.name} has no encoder beside its decoder: leave source_BR out")


class EncoderDecoder(Twin):
    """Two towers, the second reading what the first gives."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.encoder, self.decoder = map(Tower, model.disclosed_towers())

    @property
    def decoder_tower(self) -> Tower:
        return self.decoder

    def encode(self, source_BR: Tensor) -> Tensor:
        flow = self.encoder.flow(source_BR, 0, 0)
        return self.encoder.top(self.encoder.hidden(source_BR, flow, None), flow)
