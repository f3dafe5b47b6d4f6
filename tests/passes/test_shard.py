"""Shards: with one rank the model itself, together the whole, and refused where they would not be whole parts."""

from __future__ import annotations

from typing import Any

import pytest
from splittable import DECODER, HEADS, SPLITTABLE, WIDE, numbers
from tiny import disclosed, tiny

import llmcmp
from llmcmp.errors import ModelError, QuantityError
from llmcmp.folds.exchange import exchange
from llmcmp.folds.runs import executed
from llmcmp.folds.traffic import moved
from llmcmp.model import Model, Use, walk
from llmcmp.ops import Attend, Collective, Convolve, Matmul, Plan, Run, Scan
from llmcmp.passes.shard import Layout, Partial, Replicate, Shard, chunk, component_layouts, layouts, shard

Product = Matmul | Attend | Scan | Convolve
CASES = [(kind, tp) for kind in SPLITTABLE for tp in (2, 3, 4) if (kind, tp) != ("few-kv-heads", 3)]


def weights(model: Model) -> dict[str, tuple[int, int]]:
    """(elements, copies) of every weight of every use by its path, blocks of one name apart."""
    return {
        f"{number} {use.path}.{weight.name}": (weight.elements, use.copies)
        for number, use in enumerate(walk(model))
        for weight in use.component.weights()
    }


def placed(model: Model, tp: int) -> dict[str, Layout]:
    return {
        f"{number} {use.path}.{weight.name}": layout
        for number, use in enumerate(walk(model))
        for weight, layout in component_layouts(use.component, tp)
    }


def products(model: Model, plan: Plan, **sizes: Any) -> list[tuple[Use, Product]]:
    return [(use, op) for use, op in executed(model, Run(**sizes), plan) if isinstance(op, Product)]


def repeats(use: Use, op: Product, tp: int) -> int:
    """How often the ranks together do a product: once if it is split."""
    if not isinstance(op, Matmul):
        return 1
    within = {"routed experts": "experts.", "shared experts": "shared."}.get(op.part, "")
    names = {f"{within}{op.name}.weight", f"{op.name}.weight", op.name}
    (layout,) = [layout for weight, layout in component_layouts(use.component, tp) if weight.name in names]
    return tp // layout.ways if isinstance(layout, Shard) else tp


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_one_rank_is_the_model_itself(kind: str) -> None:
    model = tiny(SPLITTABLE[kind])
    assert shard(model, 1) is model


@pytest.mark.parametrize(("kind", "tp"), CASES)
def test_weights_split_as_their_layout_says_and_sum_to_the_whole(kind: str, tp: int) -> None:
    model = tiny(SPLITTABLE[kind])
    whole, layout = weights(model), placed(model, tp)
    shares = [weights(shard(model, tp, rank)) for rank in range(tp)]
    assert any(isinstance(each, Shard) for each in layout.values())
    for name, (elements, copies) in whole.items():
        held = [share[name][0] for share in shares]
        assert {share[name][1] for share in shares} == {copies}
        match layout[name]:
            case Shard(ways=ways):
                assert sum(held) == elements * (tp // ways)
            case Replicate() | Partial():
                assert held == [elements] * tp


@pytest.mark.parametrize(("kind", "tp"), CASES)
def test_a_share_is_the_whole_cut_along_the_dimension_of_its_layout(kind: str, tp: int) -> None:
    for use in walk(tiny(SPLITTABLE[kind])):
        for rank in range(tp):
            share = next(u for u in walk(shard(tiny(SPLITTABLE[kind]), tp, rank)) if u.path == use.path)
            for (weight, layout), held in zip(
                component_layouts(use.component, tp), share.component.weights(), strict=True
            ):
                cut = [size for _, size in weight.axes]
                if isinstance(layout, Shard):
                    assert weight.axes[layout.dim][0] == layout.axis
                    cut[layout.dim] = chunk(cut[layout.dim], layout.ways, rank // (tp // layout.ways))
                assert [size for _, size in held.axes] == cut, (use.path, weight.name)


@pytest.mark.parametrize("latent", ["absorbed", "expanded"])
@pytest.mark.parametrize(("kind", "tp"), CASES)
def test_split_products_sum_to_the_whole_and_others_are_repeated(kind: str, tp: int, latent: Any) -> None:
    model, plan = tiny(SPLITTABLE[kind]), Plan(latent=latent)
    sizes = {"batch": 3, **numbers(model)}
    whole = products(model, plan, **sizes)
    shares = [products(shard(model, tp, rank), plan, **sizes) for rank in range(tp)]
    for (use, op), *parts in zip(whole, *shares, strict=True):
        assert all(part.name == op.name for _, part in parts)
        assert sum(part.flops for _, part in parts) == op.flops * repeats(use, op, tp), (use.path, op.name)


@pytest.mark.parametrize(("kind", "tp"), CASES)
def test_caches_sum_to_the_whole_where_there_are_kv_heads_for_all(kind: str, tp: int) -> None:
    model = tiny(SPLITTABLE[kind])
    whole = llmcmp.kvcache(model, ctx=9, batch=2)
    held = [llmcmp.kvcache(shard(model, tp, rank), ctx=9, batch=2).elements for rank in range(tp)]
    copies = {"multi-query": tp, "few-kv-heads": tp // 2, "latent": tp, "latent-direct": tp, "memory": tp}
    assert sum(held) == whole.elements * copies.get(kind, 1)


def test_fewer_kv_heads_than_ranks_stand_on_successive_ranks() -> None:
    model = tiny(SPLITTABLE["few-kv-heads"])
    assert layouts(model, 6)["layers.0.attention.key.weight"] == Shard(axis="kv_heads", dim=0, ways=2)
    assert layouts(tiny(SPLITTABLE["multi-query"]), 6)["layers.0.attention.key.weight"] == Replicate()


def test_the_bias_of_a_partial_product_counts_once() -> None:
    held = layouts(tiny(SPLITTABLE["mixture"]), 2)
    assert held["layers.0.feed_forward.experts.down.bias"] == Partial()
    assert held["layers.0.feed_forward.experts.up.bias"] == Shard(axis="intermediate", dim=1, ways=2)
    assert held["layers.0.feed_forward.router.weight"] == Replicate()


@pytest.mark.parametrize(("size", "ways"), [(101, 2), (101, 3), (101, 6), (5, 4), (2, 4), (7, 7), (1, 3)])
def test_chunks_are_those_of_torch(size: int, ways: int) -> None:
    import torch

    cut = [len(piece) for piece in torch.arange(size).chunk(ways)]
    assert [chunk(size, ways, number) for number in range(ways)] == cut + [0] * (ways - len(cut))


# Transformer-XL projects sinusoids, which take no gradient.
@pytest.mark.parametrize("kind", [kind for kind in SPLITTABLE if kind != "memory"])
def test_training_is_still_three_times_the_forward_pass(kind: str) -> None:
    share = shard(tiny(SPLITTABLE[kind]), 2)
    sizes = {key: value for key, value in numbers(share).items() if key != "past"}
    forward, training = (llmcmp.flops(share, 3, training=each, **sizes).total for each in (False, True))
    assert training == 3 * forward > 0


def test_ranks_sum_once_a_mixer_and_gather_the_logits() -> None:
    share = shard(tiny(DECODER), 3)
    found = exchange(share, 2, new=5, past=7, logits="last", dtype="fp32")
    assert found.reduced == 2 * 5 * 24 * (1 + 2 * 3)  # the embedding, and attention and feed-forward of three layers
    assert found.gathered == 2 * 101
    assert found.bytes == 4 * (found.reduced + found.gathered)
    assert found.collectives == 1 + 2 * 3 + 1


def test_a_norm_over_all_heads_sums_two_numbers_a_row() -> None:
    plain, normed = (exchange(shard(tiny(SPLITTABLE[kind]), 3), 2, new=5) for kind in ("grouped", "whole-norm"))
    assert normed.reduced - plain.reduced == 3 * 2 * (2 * 5)
    assert normed.collectives - plain.collectives == 3 * 2


def test_one_device_exchanges_nothing() -> None:
    found = exchange(tiny(DECODER), 2, new=5)
    assert (found.reduced, found.gathered, found.bytes, found.collectives) == (0, 0, 0, 0)


def test_exchanges_of_a_sweep_equal_those_of_its_points() -> None:
    import numpy as np

    share, new = shard(tiny(DECODER), 3), np.array([0, 1, 7])
    swept = exchange(share, 2, new=new)
    assert swept.bytes.tolist() == [exchange(share, 2, new=n).bytes for n in new.tolist()]


def test_exchanges_move_no_memory_of_their_own_and_cost_no_flops() -> None:
    share = shard(tiny(DECODER), 3)
    exchanges = [op for _, op in executed(share, Run(new=5), Plan()) if isinstance(op, Collective)]
    assert exchanges and {moved(op) for op in exchanges} == {(0, 0, 0, 0)}
    local = [
        op
        for use in walk(share)
        for _ in range(use.times)
        for op in getattr(use.component, "local", use.component).ops(Run(new=5), Plan())
    ]
    assert llmcmp.flops(share, new=5).total == sum(op.flops for op in local if isinstance(op, Product))


@pytest.mark.parametrize(
    ("changes", "tp", "message"),
    [
        ({"attention": {**HEADS, "heads": 14, "kv_heads": 14}}, 4, r"heads \(14\) evenly; 2 would do"),
        ({"feed_forward": {**WIDE, "intermediate": 37}}, 2, r"intermediate \(37\) evenly; it runs on one rank only"),
        ({"attention": {**HEADS, "kv_heads": 2}}, 3, r"kv_heads \(2\) evenly; 2, 4, 6, 12 would do"),
    ],
)
def test_what_is_not_whole_parts_is_refused_with_what_would_do(changes: dict[str, Any], tp: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        shard(tiny(DECODER, **changes), tp)


@pytest.mark.parametrize(("tp", "rank"), [(0, 0), (2, 2), (2, -1)])
def test_what_is_no_rank_is_refused(tp: int, rank: int) -> None:
    with pytest.raises(QuantityError):
        shard(tiny(DECODER), tp, rank)


@pytest.mark.parametrize("tp", [2, 4, 8])
def test_every_preset_sums_to_the_whole_or_is_refused_with_what_would_do(tp: int) -> None:
    split = 0
    for model in disclosed():
        try:
            shares = [shard(model, tp, rank) for rank in range(tp)]
        except ModelError as error:
            assert "would do" in str(error) or "one rank only" in str(error)
            continue
        split += 1
        layout, whole = placed(model, tp), weights(model)
        held = [weights(share) for share in shares]
        for name, (elements, _) in whole.items():
            each, one = layout[name], [share[name][0] for share in held]
            assert sum(one) == elements * (tp // each.ways if isinstance(each, Shard) else tp)
        repeated = sum(llmcmp.params(share).total for share in shares)
        assert llmcmp.params(model).total <= repeated < llmcmp.params(model).total * tp
    assert split > 100
