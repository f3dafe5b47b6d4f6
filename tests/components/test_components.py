"""Each mechanism against numbers worked out by hand, on sizes small enough to check with a pencil."""

from __future__ import annotations

from typing import Any

import pytest
from tiny import DENSE, EXPERTS, LATENT, SEGMENT, tiny

import llmcmp
from llmcmp.components.attention import Attention
from llmcmp.components.base import Component
from llmcmp.components.cross import CrossAttention
from llmcmp.components.embeddings import AdaptiveEmbedding
from llmcmp.components.experts import Experts, Router
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.heads import AdaptiveHead, LanguageHead, MaskedHead, Pooler
from llmcmp.components.latent import LatentAttention
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import NO_POSITION
from llmcmp.components.segment import SegmentAttention
from llmcmp.errors import ModelError
from llmcmp.ops import Attend, Draw, Matmul, Plan, Run


def elements(component: Component) -> int:
    return sum(weight.elements for weight in component.weights())


def shapes(component: Component) -> dict[str, tuple[int, ...]]:
    return {weight.name: tuple(size for _, size in weight.axes) for weight in component.weights()}


def product_flops(component: Component, run: Run, plan: Plan | None = None) -> int:
    ops = component.ops(run, plan or Plan(latent="expanded"))
    return sum(op.flops for op in ops if isinstance(op, Matmul | Attend))  # type: ignore[misc]


def attention(**changes: Any) -> Attention:
    sizes: dict[str, Any] = {"hidden": 24, "heads": 6, "kv_heads": 3, "head_dim": 5}
    return Attention(**sizes | {"direction": "causal", "position": NO_POSITION} | changes)


def latent_attention() -> LatentAttention:
    sizes: dict[str, Any] = {key: value for key, value in LATENT.items() if key != "kind"}
    return LatentAttention(hidden=24, direction="causal", position=NO_POSITION, **sizes)


def test_grouped_queries_shrink_only_keys_and_values() -> None:
    assert shapes(attention()) == {
        "query.weight": (30, 24),
        "key.weight": (15, 24),
        "value.weight": (15, 24),
        "output.weight": (24, 30),
    }


@pytest.mark.parametrize(
    ("changes", "extra"),
    [
        ({"bias": ("query", "key", "value")}, 30 + 15 + 15),
        ({"bias": ("output",)}, 24),
        ({"qk_norm": "head"}, 5 + 5),
        ({"qk_norm": "whole"}, 30 + 15),
        ({"qk_norm": "l2"}, 0),
        ({"sinks": True}, 6),
        ({"window": 3}, 0),
        ({"soft_cap": 50.0}, 0),
    ],
)
def test_each_option_of_attention_adds_its_own_weights(changes: dict[str, Any], extra: int) -> None:
    assert elements(attention(**changes)) == elements(attention()) + extra


@pytest.mark.parametrize(("kv_heads", "label"), [(6, "MHA"), (3, "GQA 6/3"), (1, "MQA")])
def test_the_number_of_kv_heads_names_the_kind(kv_heads: int, label: str) -> None:
    assert attention(kv_heads=kv_heads).label == label


def test_heads_must_be_a_multiple_of_kv_heads() -> None:
    with pytest.raises(ModelError, match="multiple"):
        attention(kv_heads=4)


def test_attention_flops_are_projections_and_pairs() -> None:
    run = Run(batch=2, new=3, past=4)
    projections = 2 * 2 * 3 * 24 * (30 + 15 + 15 + 30)
    scores = 2 * 2 * (3 * 7) * 6 * (5 + 5)
    assert product_flops(attention(), run) == projections + scores


def test_cross_attention_projects_keys_only_when_the_source_is_new() -> None:
    cross = CrossAttention(hidden=24, heads=3, kv_heads=3, head_dim=5)
    encoding = product_flops(cross, Run(new=2, source_new=7))
    decoding = product_flops(cross, Run(new=2, source_past=7))
    assert encoding - decoding == 2 * 7 * 24 * 15 * 2
    assert decoding == 2 * 2 * 24 * 15 * 2 + 2 * (2 * 7) * 3 * (5 + 5)


def test_latent_attention_holds_the_shapes_of_the_paper() -> None:
    held = shapes(latent_attention())
    assert held == {
        "query_down.weight": (7, 24),
        "query_up.weight": (3 * (5 + 2), 7),
        "kv_down.weight": (9, 24),
        "key_rope.weight": (2, 24),
        "key_up.weight": (3 * 5, 9),
        "value_up.weight": (3 * 4, 9),
        "output.weight": (24, 3 * 4),
        "query_norm.weight": (7,),
        "kv_norm.weight": (9,),
    }


def test_absorbing_moves_work_from_all_keys_to_the_new_queries() -> None:
    latent = latent_attention()
    run = Run(batch=2, new=1, past=10)
    shared = 2 * 2 * (24 * 7 + 7 * 21 + 24 * 9 + 24 * 2 + 12 * 24)
    expanded = 2 * 2 * 11 * 9 * (15 + 12) + 2 * 2 * 11 * 3 * (7 + 4)
    absorbed = 2 * 2 * 3 * (5 * 9 + 9 * 4) + 2 * 2 * 11 * 3 * ((9 + 2) + 9)
    assert product_flops(latent, run, Plan(latent="expanded")) == shared + expanded
    assert product_flops(latent, run, Plan(latent="absorbed")) == shared + absorbed


def test_transformer_xl_projects_its_memory_anew() -> None:
    segment = SegmentAttention(hidden=24, heads=3, head_dim=5, memory=7)
    remembered, new, batch = 7, 4, 2
    run = Run(batch=batch, new=new, past=20)
    keys = remembered + new
    projections = 2 * batch * 24 * 15 * (new + 2 * keys + new) + 2 * keys * 24 * 15
    scores = 2 * batch * new * keys * 3 * (2 * 5 + 5)
    assert product_flops(segment, run) == projections + scores
    assert elements(segment) == 5 * 24 * 15 + 2 * 15


def test_feed_forward_networks_hold_two_or_three_matrices() -> None:
    assert elements(Plain(hidden=24, intermediate=37, activation="relu", bias=True)) == 2 * 24 * 37 + 37 + 24
    assert elements(Gated(hidden=24, intermediate=37, activation="silu")) == 3 * 24 * 37
    assert Gated(hidden=24, intermediate=37, activation="gelu").label == "GeGLU"
    assert product_flops(Gated(hidden=24, intermediate=37, activation="silu"), Run(new=5)) == 2 * 5 * 3 * 24 * 37


def mixture(**changes: Any) -> Experts:
    expert = Gated(hidden=24, intermediate=11, activation="silu")
    return Experts(**{"hidden": 24, "experts": 5, "per_token": 2, "expert": expert} | changes)


def test_a_token_pays_for_the_experts_it_visits() -> None:
    run = Run(batch=3, new=2)
    assert product_flops(mixture(), run) == 2 * 6 * 24 * 5 + 2 * (6 * 2) * 3 * 24 * 11


def test_routed_experts_are_active_by_the_share_that_is_visited() -> None:
    routed = [weight for weight in mixture().weights() if weight.part == "routed experts"]
    assert sum(weight.elements for weight in routed) == 5 * 3 * 24 * 11
    assert sum(weight.active for weight in routed) == 2 * 3 * 24 * 11


def test_router_bias_shared_expert_and_gate_each_add_their_own() -> None:
    shared = Gated(hidden=24, intermediate=13, activation="silu")
    assert elements(mixture(router=Router(bias=True))) == elements(mixture()) + 5
    assert elements(mixture(shared=shared)) == elements(mixture()) + 3 * 24 * 13
    assert elements(mixture(shared=shared, shared_gate=True)) == elements(mixture(shared=shared)) + 24


def test_a_score_correction_is_a_buffer() -> None:
    added = [weight for weight in mixture(router=Router(correction=True)).weights() if weight.buffer]
    assert [weight.elements for weight in added] == [5]


@pytest.mark.parametrize(
    "wrong", [{"per_token": 0}, {"per_token": 6}, {"shared_gate": True}, {"router": Router(groups=2)}]
)
def test_impossible_mixtures_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        mixture(**wrong)


def expected_experts(experts: int, per_token: int, tokens: int) -> float:
    return float(Draw(experts=experts, per_token=per_token, tokens=tokens).expected)


def test_expected_experts_run_from_per_token_to_all() -> None:
    assert expected_experts(8, 2, 0) == 0
    assert all(expected_experts(e, k, 1) == k for e in range(1, 400) for k in range(1, e + 1, 7))
    assert expected_experts(8, 8, 1) == 8
    assert 7.999 < expected_experts(8, 2, 10**4) <= 8
    growing = [expected_experts(8, 2, tokens) for tokens in range(1, 9)]
    assert growing == sorted(growing)


def test_two_tokens_visit_what_enumeration_says() -> None:
    from itertools import combinations, product

    choices = list(combinations(range(5), 2))
    visits = [len({*a, *b}) for a, b in product(choices, choices)]
    # Both are means of the same small whole numbers; 1e-12 covers the rounding of the power.
    assert expected_experts(5, 2, 2) == pytest.approx(sum(visits) / len(visits), rel=1e-12)


def test_norms_hold_a_weight_and_perhaps_a_bias() -> None:
    assert (elements(LayerNorm(width=24)), elements(LayerNorm(width=24, bias=False))) == (48, 24)
    assert elements(RMSNorm(width=24)) == 24


def test_a_tied_head_counts_once_and_still_computes() -> None:
    own, tied = tiny(), tiny(embedding={**DENSE["embedding"], "tied": True})
    assert llmcmp.params(own).total - llmcmp.params(tied).total == 101 * 24
    assert llmcmp.flops(own, new=3).total == llmcmp.flops(tied, new=3).total


def test_a_bias_beside_a_tied_head_is_its_own() -> None:
    head = LanguageHead(width=24, vocabulary=101, tied=True, bias=True)
    assert [weight.shared for weight in head.weights()] == ["embedding.weight", None]


def test_the_pooler_reads_one_token_a_sequence() -> None:
    assert product_flops(Pooler(hidden=24), Run(batch=3, new=7)) == 2 * 3 * 24 * 24


def test_the_masked_head_adds_dense_norm_and_bias_to_the_tied_table() -> None:
    head = MaskedHead(hidden=24, width=8, vocabulary=101)
    own = [weight for weight in head.weights() if weight.shared is None]
    assert sum(weight.elements for weight in own) == (24 * 8 + 8) + 2 * 8 + 101


def test_adaptive_clusters_cover_the_vocabulary_in_narrowing_widths() -> None:
    embedding = AdaptiveEmbedding(vocabulary=100, width=16, hidden=24, cutoffs=(10, 40), divisor=4)
    assert embedding.clusters() == ((10, 16), (30, 4), (60, 1))
    assert elements(embedding) == 10 * 16 + 30 * 4 + 60 + 24 * (16 + 4 + 1)
    with pytest.raises(ModelError):
        AdaptiveEmbedding(vocabulary=100, width=16, hidden=24, cutoffs=(40, 10), divisor=4)


def test_an_adaptive_head_scores_every_word_and_every_cluster() -> None:
    embedding = AdaptiveEmbedding(vocabulary=100, width=16, hidden=24, cutoffs=(10, 40), divisor=4)
    head = AdaptiveHead(embedding=embedding)
    own = sum(weight.elements for weight in head.weights() if weight.shared is None)
    assert own == 100 + 24 * 16 + (2 * 16 + 2)
    down, tables = 24 * (16 + 4 + 1), 16 * (10 + 2) + 4 * 30 + 60
    assert product_flops(head, Run(new=3)) == 2 * 3 * (down + tables)


def test_a_mixture_costs_its_block_the_same_wherever_it_stands() -> None:
    both = {"dense": DENSE["feed_forward"], "moe": EXPERTS}
    first = tiny(
        feed_forward=both, stack=[{"layers": 2, "blocks": [{"feed_forward": "dense"}, {"feed_forward": "moe"}]}]
    )
    last = tiny(
        feed_forward=both, stack=[{"layers": 2, "blocks": [{"feed_forward": "moe"}, {"feed_forward": "dense"}]}]
    )
    assert llmcmp.params(first).total == llmcmp.params(last).total
    assert llmcmp.flops(first, new=5).components == llmcmp.flops(last, new=5).components


def test_segment_attention_caches_hidden_states_up_to_its_memory() -> None:
    model = tiny(SEGMENT)
    assert [llmcmp.kvcache(model, ctx=ctx).elements for ctx in (3, 7, 50)] == [3 * 24 * 3, 3 * 24 * 7, 3 * 24 * 7]
