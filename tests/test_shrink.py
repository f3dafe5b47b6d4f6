"""A shrunk model is the same architecture: what `shrink` promises, held over every preset and the odd kinds."""

from __future__ import annotations

import importlib
import pkgutil
import time
from functools import cache, wraps
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tiny import ENCODER, ENCODER_DECODER, KINDS, disclosed, tiny

import llmcmp.components
from llmcmp.components.attention import Attention
from llmcmp.components.base import Component
from llmcmp.components.cross import CrossAttention
from llmcmp.components.embeddings import AdaptiveEmbedding, TokenEmbedding
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.latent import LatentAttention
from llmcmp.components.linear import Linear
from llmcmp.components.positions import LearnedPositions, RelativeBias, Rotary
from llmcmp.errors import ModelError, QuantityError, UndisclosedError
from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.folds.params import params
from llmcmp.frozen import field_names, frozen, replace
from llmcmp.model import Model, walk
from llmcmp.resize import period, resize_record, size_fields
from llmcmp.shrink import BUDGET, MOST_TOTAL, Shrunk, shrink
from llmcmp.sizes import HEADS, RULES, Sizes, head_sizes
from llmcmp.sources.presets import load

if TYPE_CHECKING:
    from collections.abc import Callable

ODD = KINDS | {"encoder": ENCODER, "encoder-decoder": ENCODER_DECODER}
MODELS = {model.name: model for model in disclosed()} | {f"tiny {kind}": tiny(table) for kind, table in ODD.items()}


def every_model(law: Callable[[str], None]) -> Callable[[], None]:
    """One test a law, over all models: 3,700 cases cost pytest more than the laws. Every offender is named."""

    @wraps(law)
    def test() -> None:
        broken: list[str] = []
        for name in MODELS:
            try:
                law(name)
            except AssertionError as error:
                broken.append(f"{name}: {error}")
        assert not broken, "\n".join(broken)

    del test.__wrapped__  # pytest would look there, and want a fixture called name
    return test


@cache
def shrunk(name: str) -> Shrunk:
    return shrink(MODELS[name])


def mixers(model: Model, *kinds: type[Any]) -> list[Any]:
    """The distinct sub-layers of a kind in order."""
    found = (use.component for use in walk(model) if isinstance(use.component, kinds))
    return list(dict.fromkeys(found))


def paired(name: str, *kinds: type[Any]) -> list[tuple[Any, Any]]:
    """Each component of a kind with what it became."""
    old, new = MODELS[name], shrunk(name).model
    pairs: dict[tuple[Any, Any], None] = {}
    for before, after in zip(old.towers, new.towers, strict=True):
        parts = [*zip(before.entry, after.entry, strict=True), *zip(before.exit, after.exit, strict=True)]
        for stack, small in zip(before.stacks, after.stacks, strict=True):
            for block, tiny_block in zip(stack.blocks[: len(small.blocks)], small.blocks, strict=True):
                parts += zip(block.parts(), tiny_block.parts(), strict=True)
        pairs |= dict.fromkeys((one, other) for (_, one), (_, other) in parts if isinstance(one, kinds))
    return list(pairs)


def near(ratio: float, wanted: float, off: float) -> bool:
    return abs(ratio / wanted - 1) <= off


@every_model
def test_every_model_comes_to_the_budget(name: str) -> None:
    counted = params(shrunk(name).model)
    assert near(counted.active, BUDGET, 0.02)
    assert counted.total <= MOST_TOTAL * BUDGET


@pytest.mark.parametrize("budget", [300_000, 2_000_000, 200_000_000])
@pytest.mark.parametrize("name", ["llama3-8b", "deepseek-v3", "t5-base", "switch-c-2048", "gemma3-4b", "opt-350m"])
def test_other_budgets_are_met_too(name: str, budget: int) -> None:
    counted = params(shrink(MODELS[name], budget).model)
    assert near(counted.active, budget, 0.1)
    assert counted.total <= MOST_TOTAL * budget


@every_model
def test_the_folds_run_on_every_shrunk_model(name: str) -> None:
    model = shrunk(name).model
    source = 9 if len(model.towers) > 1 else 0
    assert flops(model, new=7, source_new=source).total > 0
    assert kvcache(model, 64).bytes >= 0


@every_model
def test_shrinking_twice_gives_the_same(name: str) -> None:
    assert shrink(MODELS[name]) == shrunk(name)


@every_model
def test_only_sizes_differ(name: str) -> None:
    """Biases, norms, activations, scales, soft caps, tying: every field that is no whole number."""

    def facts(record: Any) -> Any:
        names = [name for name in field_names(type(record)) if name not in size_fields(type(record))]
        inner = {name: getattr(record, name) for name in names}
        return type(record), {
            name: facts(value) if field_names(type(value)) else value for name, value in inner.items()
        }

    for before, after in paired(name, Component):
        assert facts(after) == facts(before)
    old, new = MODELS[name], shrunk(name).model
    for one, other in zip(old.towers, new.towers, strict=True):
        assert [stack.shared for stack in one.stacks] == [stack.shared for stack in other.stacks]
        for stack, small in zip(one.stacks, other.stacks, strict=True):
            assert [block.placement for block in small.blocks] == [
                block.placement for block in stack.blocks[: period(stack)]
            ]


@every_model
def test_the_kind_of_attention_stays(name: str) -> None:
    for before, after in paired(name, Attention, CrossAttention):
        group, wanted = after.heads // after.kv_heads, before.heads // before.kv_heads
        if before.kv_heads in (1, before.heads):
            assert (after.kv_heads == 1) == (before.kv_heads == 1)
            assert (after.kv_heads == after.heads) == (before.kv_heads == before.heads)
        else:
            assert 1 < after.kv_heads < after.heads
            # A group may be too large for two of them to fit the heads of a narrow model.
            assert near(group, wanted, 0.35) or (after.kv_heads == 2 and group < wanted)


@every_model
def test_attention_is_as_wide_beside_the_hidden_size(name: str) -> None:
    for before, after in paired(name, Attention, CrossAttention):
        ratio = after.heads * after.head_dim / after.hidden
        assert near(ratio, before.heads * before.head_dim / before.hidden, 0.2)
    for before, after in paired(name, LatentAttention):
        ratio = after.heads * after.value_dim / after.hidden
        assert near(ratio, before.heads * before.value_dim / before.hidden, 0.2)


@every_model
def test_a_rotated_fraction_is_whole_and_even(name: str) -> None:
    for _, after in paired(name, Attention):
        if isinstance(after.position, Rotary):
            rotated = after.head_dim * after.position.fraction
            assert rotated == pytest.approx(after.position.rotated(after.head_dim))
            assert after.position.rotated(after.head_dim) % (2 * after.position.axes) == 0


@every_model
def test_widths_suit_fast_kernels(name: str) -> None:
    for use in walk(shrunk(name).model):
        for field in ("hidden", "head_dim", "intermediate", "kv_rank", "query_rank", "rope_dim"):
            assert (getattr(use.component, field, 0) or 0) % 8 == 0


@every_model
def test_feed_forwards_keep_their_proportions(name: str) -> None:
    pairs = [(old, new, old.hidden, new.hidden) for old, new in paired(name, Plain, Gated)]
    for old, new in paired(name, Experts):
        pairs.append((old.expert, new.expert, old.hidden, new.hidden))
        if old.shared is not None:
            pairs.append((old.shared, new.shared, old.hidden, new.hidden))
    stretches = [new.intermediate / hidden * was / old.intermediate for old, new, was, hidden in pairs]
    assert all(near(stretch, 1, 0.2) for stretch in stretches)
    if stretches and not name.startswith("tiny "):
        assert max(stretches) / min(stretches) < 1.02  # dense, routed and shared beside one another


@every_model
def test_latent_ranks_and_parts_of_a_head_keep_their_ratios(name: str) -> None:
    if name.startswith("tiny "):  # of fewer elements than a kernel's eight
        return
    for old, new in paired(name, LatentAttention):
        assert near(new.kv_rank / new.hidden, old.kv_rank / old.hidden, 0.1)
        assert (new.query_rank is None) == (old.query_rank is None)
        assert (new.nope_dim / new.rope_dim, new.value_dim / new.rope_dim) == (
            old.nope_dim / old.rope_dim,
            old.value_dim / old.rope_dim,
        )


@every_model
def test_experts_are_reduced_only_for_the_bound(name: str) -> None:
    for old, new in paired(name, Experts):
        assert new.per_token == old.per_token
        assert new.experts <= old.experts
        assert new.experts == old.experts or params(shrunk(name).model).total > 0.9 * MOST_TOTAL * BUDGET
        assert new.router.groups == old.router.groups


@every_model
def test_whole_periods_of_each_stack_stay(name: str) -> None:
    old, new = MODELS[name], shrunk(name).model
    for before, after in zip(old.towers, new.towers, strict=True):
        for stack, small in zip(before.stacks, after.stacks, strict=True):
            assert len(small.blocks) == period(stack)
            assert small.layers % len(small.blocks) == 0 or small.layers == stack.layers
            assert len(small.blocks) <= small.layers <= stack.layers
        assert after.depth <= 8
    if old.encoder is not None and old.encoder.depth == old.tower.depth:
        assert new.encoder is not None and new.encoder.depth == new.tower.depth


def test_a_pattern_written_layer_by_layer_is_found() -> None:
    local, wide = KINDS["windowed"]["attention"], KINDS["dense"]["attention"]
    table = KINDS["dense"] | {"attention": {"local": local, "global": wide}}
    blocks = [{"attention": kind} for kind in ("local", "local", "global", "local", "local", "global", "local")]
    stack = shrink(tiny(table, stack=[{"layers": 7, "blocks": blocks}]), 200_000).model.tower.stacks[0]
    assert [block.steps[0].branches[0].mixer.window is not None for block in stack.blocks] == [True, True, False]  # type: ignore[attr-defined]
    assert stack.layers in (3, 6, 7)
    # Run through three times, the seven are a pattern of their own.
    assert period(tiny(table, stack=[{"layers": 21, "blocks": blocks}]).tower.stacks[0]) == 7


@every_model
def test_all_models_have_the_same_vocabulary_and_positions(name: str) -> None:
    for _, new in paired(name, TokenEmbedding, AdaptiveEmbedding):
        assert new.vocabulary == 4096
    for _, new in paired(name, LearnedPositions):
        assert new.rows == 4096 + new.offset


@every_model
def test_cutoffs_still_cut_the_vocabulary(name: str) -> None:
    for old, new in paired(name, AdaptiveEmbedding):
        assert all(low < high for low, high in pairwise((0, *new.cutoffs, new.vocabulary)))
        assert len(new.clusters()) == len(old.clusters())
        assert all(width > 0 for _, width in new.clusters())


@every_model
def test_windows_are_shorter_than_the_context(name: str) -> None:
    for old, new in paired(name, Attention):
        assert (new.window is None) == (old.window is None)
        if old.window is not None:
            assert new.window == min(old.window, 128)


def test_windows_follow_the_context() -> None:
    (window,) = {a.window for a in mixers(shrink(MODELS["mistral-7b"], context=64).model, Attention)}
    assert window == 16


@every_model
def test_a_narrow_embedding_stays_as_narrow(name: str) -> None:
    for old, new in paired(name, Linear):
        assert near(new.outer[1] / new.inner[1], old.outer[1] / old.inner[1], 0.2)


@every_model
def test_a_table_of_biases_has_the_heads_of_its_attention(name: str) -> None:
    heads = {attention.heads for _, attention in paired(name, Attention)}
    assert {table.heads for _, table in paired(name, RelativeBias)} <= heads


@every_model
def test_modules_apart_shrink_with_the_model(name: str) -> None:
    old, new = MODELS[name], shrunk(name).model
    assert [apart for apart, _ in new.apart] == [apart for apart, _ in old.apart]
    hidden = {getattr(use.component, "hidden", None) for use in walk(new)} - {None}
    for _, tower in new.apart:
        for _, part in tower.exit:
            assert getattr(part, "hidden", None) in {None, *hidden}


@every_model
def test_the_name_and_card_say_that_it_is_not_the_published_model(name: str) -> None:
    model, changes = shrunk(name).model, shrunk(name).changes
    assert model.name == f"{MODELS[name].name} (shrunk)"
    assert model.card.published is None
    assert model.card.notes == changes
    assert any(line.startswith("vocabulary") for line in changes)


def test_changes_name_each_size_once() -> None:
    lines = shrunk("deepseek-v3").changes
    assert lines[0].startswith("hidden 7,168 → ")
    assert any(line.startswith("layers 61 (3 + 58) → ") for line in lines)
    assert any(line.startswith("experts 256 → ") for line in lines)
    assert len({line.split(" → ")[0] for line in lines}) == len(lines)


def test_a_model_takes_a_fraction_of_a_second() -> None:
    started = time.process_time()
    shrink(MODELS["deepseek-v3"], BUDGET + 1)
    assert time.process_time() - started < 0.25  # about 0.05 on an idle machine


def test_what_cannot_be_shrunk_is_refused() -> None:
    with pytest.raises(UndisclosedError):
        shrink(load("gpt-4"))
    with pytest.raises(QuantityError, match="100,000"):
        shrink(MODELS["llama2-7b"], 99_999)
    with pytest.raises(ModelError, match="expected a Model"):
        shrink("llama2-7b")  # type: ignore[arg-type]


# The table of sizes


# Made by a mixer out of its own fields when asked, and held by no model.
DERIVED = {"Convolution", "Recurrence"}


def records() -> list[type[Any]]:
    """Every record in components/ that a model may hold."""
    modules = [
        importlib.import_module(f"llmcmp.components.{module.name}")
        for module in pkgutil.iter_modules(llmcmp.components.__path__)
    ]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    ours = (cls for cls in found if field_names(cls) and cls.__module__.startswith("llmcmp.components."))
    return sorted((cls for cls in ours if cls.__name__ not in DERIVED), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", records(), ids=lambda cls: cls.__name__)
def test_every_size_of_every_component_has_a_rule(cls: type[Any]) -> None:
    followed = {"inner", "outer", "cutoffs"}  # widths of a linear map; ids that cut the vocabulary
    for name in size_fields(cls):
        known = name in HEADS.get(cls.__name__, ()) or f"{cls.__name__}.{name}" in RULES or name in RULES
        assert known or name in followed, f"give {cls.__name__}.{name} a rule in llmcmp/sizes.py"


SIZES = Sizes(hidden_was=4096, hidden=512, unit=8, attention=None, vocabulary=64, rows=64, window=4)


@frozen
class _Unknown:
    hidden: int
    sides: int


def test_a_size_without_a_rule_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"_Unknown.sides .* llmcmp/sizes.py"):
        resize_record(_Unknown(hidden=64, sides=3), SIZES)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "expected"),
    [(32, 32, (16, 16)), (32, 1, (16, 1)), (32, 8, (16, 4)), (32, 2, (16, 2)), (32, 4, (16, 2))],
)
def test_heads_come_in_groups_as_before(heads: int, kv_heads: int, expected: tuple[int, int]) -> None:
    (attention,) = mixers(MODELS["llama2-7b"], Attention)
    assert head_sizes(replace(attention, heads=heads, kv_heads=kv_heads), SIZES) == (*expected, 32)
