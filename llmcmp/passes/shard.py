"""Tensor parallelism (Megatron-LM, arXiv 1909.08053, section 3): what one rank of `tp` holds, does and exchanges.

Heads, KV heads, intermediate and vocabulary are split; everything else stands on every rank. Matrices that write a
split axis give each rank its own outputs, those that read one give partial sums, which the ranks add up once a
mixer. Experts are split within themselves (over their intermediate), so that all ranks route alike.

A pass of operations could not do this: an operation no longer says which of its numbers are heads. A component does:
a rank's share of one is the same component with fewer heads, so every fold runs unchanged on a sharded model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast, get_args

from llmcmp.components.attention import Attention
from llmcmp.components.base import Component
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding, TokenTypes
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import AdaptiveHead, LanguageHead, MaskedHead, Pooler
from llmcmp.components.latent import LatentAttention
from llmcmp.components.linear import Linear
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import LearnedPositions, RelativeBias, Sinusoidal
from llmcmp.components.segment import SegmentAttention
from llmcmp.errors import ModelError, QuantityError
from llmcmp.frozen import field_names, frozen, replace
from llmcmp.model import expect_model, walk, walk_tower
from llmcmp.ops import Collective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmcmp.model import Block, Branch, Model, Step, Tower
    from llmcmp.ops import Op, Plan, Run, State, Weight

T = TypeVar("T", bound=Component)

Axis = Literal["heads", "kv_heads", "key_heads", "value_heads", "intermediate", "vocabulary"]
SPLIT: tuple[Axis, ...] = get_args(Axis)  # fields and axes of this name

# How each mechanism is split. Outputs of the first are partial sums, also where a head reads a replicated latent.
SUMMED = (Attention, CrossAttention, LatentAttention, SegmentAttention, GatedDeltaNet, Plain, Gated, Experts)
# Mamba is in none: its steps come from sums over all its channels, and Mamba-2's norm runs over heads of every rank.
OF_VOCABULARY = (TokenEmbedding, LanguageHead, MaskedHead)
BY_HEAD = (RelativeBias,)
# An adaptive vocabulary (a table a cluster of words) is not split: its clusters differ in width.
WHOLE = (
    LayerNorm,
    RMSNorm,
    LearnedPositions,
    Sinusoidal,
    TokenTypes,
    Linear,
    Pooler,
    AdaptiveEmbedding,
    AdaptiveHead,
)


@frozen
class Shard:
    """Cut along dimension `dim`, that of the named axis, into `ways` chunks.

    Fewer ways than ranks: successive ranks hold the same chunk (KV heads, where there are fewer than ranks).
    """

    axis: Axis
    dim: int
    ways: int


@frozen
class Replicate:
    """The same on every rank."""


@frozen
class Partial:
    """A tensor that the ranks' values of sum up to: whole on the first, zeros on the others.

    The bias of a matrix that reads a split axis: summed with the products, it counts once.
    """


Layout: TypeAlias = Shard | Replicate | Partial


@frozen
class Share(Component):
    """One rank's part of a component: `local` is that part, a component of the same kind."""

    whole: Component
    local: Component
    tp: int

    @property
    def label(self) -> str:
        return f"{self.whole.label}, 1/{self.tp}"

    def weights(self) -> Iterator[Weight]:
        yield from self.local.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield from self.local.ops(run, plan)
        yield from _exchanges(self.whole, run, self.tp)

    def state(self) -> tuple[State, ...]:
        return self.local.state()

    def plans(self, plan: Plan) -> tuple[Plan, ...]:
        return self.local.plans(plan)


def shard(model: Model, tp: int, rank: int = 0) -> Model:
    """The model as rank `rank` of `tp` holds and executes it; with one rank, the model itself.

    Raises ModelError where `tp` divides the heads or intermediate of a component into no whole parts, QuantityError
    for numbers that are no rank.

    >>> import llmcmp
    >>> llmcmp.params(shard(llmcmp.load("llama2-7b"), tp=4)).total
    1684803584
    """
    _check(model, tp, rank)
    if tp == 1:
        return model
    return each_component(model, lambda component: share(component, tp, rank))


def layouts(model: Model, tp: int) -> dict[str, Layout]:
    """How every weight lies on `tp` ranks, by its full name (that of the torch twin's parameter)."""
    _check(model, tp, 0)
    return {
        f"{use.path.replace('*', str(layer))}.{weight.name}": layout
        for use in walk(model)
        for layer in use.layers[: use.copies] or (0,)
        for weight, layout in component_layouts(use.component, tp)
    }


def component_layouts(component: Component, tp: int) -> Iterator[tuple[Weight, Layout]]:
    """Every weight of a component with its layout on `tp` ranks."""
    weights = tuple(component.weights())
    split = {weight.name: _layout(component, weight, tp) for weight in weights}
    for weight in weights:
        matrix = split.get(weight.name.removesuffix("bias") + "weight")
        reads_split = isinstance(component, SUMMED) and isinstance(matrix, Shard) and matrix.axis != weight.axes[-1][0]
        partial = weight.name.endswith(".bias") and reads_split
        yield weight, Partial() if partial else split[weight.name]


def _layout(component: Component, weight: Weight, tp: int) -> Layout:
    if isinstance(component, WHOLE):
        return Replicate()
    for dim, (name, _) in enumerate(weight.axes):
        if name in SPLIT:
            ways = min(tp, cast("int", getattr(component, name))) if name == "kv_heads" else tp
            return Shard(axis=name, dim=dim, ways=ways) if ways > 1 else Replicate()
    return Replicate()


def chunk(size: int, ways: int, number: int) -> int:
    """The size of one of `ways` chunks as torch cuts them: all rounded up but the last, which may be short or empty."""
    most = -(-size // ways)
    return max(0, min(most, size - number * most))


def share(component: Component, tp: int, rank: int) -> Component:
    """What a rank holds and does of one component; the component itself where it is not split."""
    if isinstance(component, WHOLE) or tp == 1:
        return component
    return Share(whole=component, local=_narrow(component, tp, rank), tp=tp)


def _narrow(component: T, tp: int, rank: int) -> T:
    changes: dict[str, object] = {}
    for name in field_names(type(component)):
        value = getattr(component, name)
        if name in SPLIT:
            changes[name] = _part(name, value, tp, rank)
        elif isinstance(value, SUMMED):  # the networks of experts
            changes[name] = _narrow(value, tp, rank)
    return replace(component, **changes)


def _part(axis: Axis, size: int, tp: int, rank: int) -> int:
    if axis == "vocabulary":
        return chunk(size, tp, rank)
    return size // tp or 1  # a KV head may stand on several ranks


def _divides(axis: Axis, size: int, tp: int) -> bool:
    return axis == "vocabulary" or size % tp == 0 or (axis == "kv_heads" and tp % size == 0)


def _exchanges(component: Component, run: Run, tp: int) -> Iterator[Collective]:
    """One sum a mixer; parallel branches are summed one by one. Every rank gathers all logits."""
    match component:
        case TokenEmbedding(width=width):  # a rank looks up its own words and leaves zeros for the others
            yield Collective(name="tokens", part="embedding", kind="all-reduce", rows=run.rows, width=width, ranks=tp)
        case LanguageHead(vocabulary=width) | MaskedHead(vocabulary=width):
            yield Collective(name="logits", part="head", kind="all-gather", rows=run.logit_rows, width=width, ranks=tp)
        case _ if isinstance(component, SUMMED):
            part = next(component.weights()).part if not isinstance(component, Experts) else "routed experts"
            if isinstance(component, Attention) and component.qk_norm == "whole":
                for name in ("query norm", "key norm"):  # the sum of squares of a row
                    yield Collective(name=name, part=part, kind="all-reduce", rows=run.rows, width=1, ranks=tp)
            width = component.hidden
            yield Collective(name="output", part=part, kind="all-reduce", rows=run.rows, width=width, ranks=tp)
        case _:
            return


def _check(model: Model, tp: int, rank: int) -> None:
    expect_model(model)
    if not 0 <= rank < tp:
        raise QuantityError(f"rank {rank} of {tp}: there must be a rank, and ranks count from 0")
    uses = (*walk(model), *(use for _, tower in model.apart for use in walk_tower(tower)))
    components = dict.fromkeys(use.component for use in uses)
    for component in components if tp > 1 else ():
        if not isinstance(component, SUMMED + OF_VOCABULARY + BY_HEAD + WHOLE):
            raise ModelError(f"{model.name}: {component.label} is not split over ranks; it runs on one rank only")
    sizes = [size for component in components for size in _sizes(component)]
    for axis, size in sizes:
        if not _divides(axis, size, tp):
            most = max(size for _, size in sizes)
            others = [n for n in range(2, most + 1) if all(_divides(axis, size, n) for axis, size in sizes)]
            would = f"{', '.join(map(str, others))} would do" if others else "it runs on one rank only"
            raise ModelError(f"{model.name}: {tp} ranks cannot split its {axis} ({size}) evenly; {would}")


def _sizes(component: Component) -> Iterator[tuple[Axis, int]]:
    """The sizes that have to be split evenly."""
    for name in field_names(type(component)) if not isinstance(component, WHOLE) else ():
        value = getattr(component, name)
        if name in SPLIT and name != "vocabulary":
            yield name, value
        elif isinstance(value, SUMMED):
            yield from _sizes(value)


def each_component(model: Model, change: Callable[[Component], Component]) -> Model:
    """The model with every component changed but the norms of its layers, which stand whole on every rank."""
    return replace(
        model,
        towers=tuple(_tower(tower, change) for tower in model.towers),
        apart=tuple((name, _tower(tower, change)) for name, tower in model.apart),
    )


def _tower(tower: Tower, change: Callable[[Component], Component]) -> Tower:
    def changed(parts: tuple[tuple[str, Component], ...]) -> tuple[tuple[str, Component], ...]:
        return tuple((name, change(component)) for name, component in parts)

    stacks = tuple(
        replace(stack, blocks=tuple(_block(block, change) for block in stack.blocks)) for stack in tower.stacks
    )
    return replace(tower, entry=changed(tower.entry), stacks=stacks, exit=changed(tower.exit))


def _block(block: Block, change: Callable[[Component], Component]) -> Block:
    def branches(step: Step) -> tuple[Branch, ...]:
        return tuple(replace(branch, mixer=change(branch.mixer)) for branch in step.branches)

    return replace(block, steps=tuple(replace(step, branches=branches(step)) for step in block.steps))
