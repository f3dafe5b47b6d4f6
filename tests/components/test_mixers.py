"""State-space and linear mixers: shapes by hand, scans against a recurrence that is run and counted step by step."""

from __future__ import annotations

from typing import Any

import pytest
from tiny import DENSE, HYBRID, KINDS, MIXERS, mixing, tiny

import llmcmp
from llmcmp.components.base import Component
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.errors import ModelError, PresetError
from llmcmp.model import walk
from llmcmp.ops import Convolve, Elementwise, Plan, Run, Scan

PLAN = Plan(latent="expanded")


def mixer(kind: str, **changes: Any) -> Any:
    cls: Any = {"mamba": Mamba, "mamba-2": Mamba2, "delta": GatedDeltaNet}[kind]
    return cls(hidden=24, **{key: value for key, value in (MIXERS[kind] | changes).items() if key != "kind"})


def shapes(component: Component) -> dict[str, tuple[int, ...]]:
    return {weight.name: tuple(size for _, size in weight.axes) for weight in component.weights()}


def ops(component: Component, run: Run, kind: type[Any]) -> list[Any]:
    return [op for op in component.ops(run, PLAN) if isinstance(op, kind)]


def test_mamba_holds_the_shapes_of_the_paper() -> None:
    assert shapes(mixer("mamba")) == {
        "value.weight": (30, 24),
        "gate.weight": (30, 24),
        "conv.weight": (30, 1, 4),
        "conv.bias": (30,),
        "step_down.weight": (3, 30),
        "key.weight": (5, 30),
        "query.weight": (5, 30),
        "step_up.weight": (30, 3),
        "step_up.bias": (30,),
        "step_norm.weight": (3,),
        "key_norm.weight": (5,),
        "query_norm.weight": (5,),
        "decay_log": (30, 5),
        "skip": (30,),
        "output.weight": (24, 30),
    }


def test_mamba2_holds_the_shapes_of_the_paper() -> None:
    assert shapes(mixer("mamba-2")) == {
        "gate.weight": (30, 24),
        "value.weight": (30, 24),
        "key.weight": (14, 24),
        "query.weight": (14, 24),
        "step.weight": (6, 24),
        "value_conv.weight": (30, 1, 3),
        "value_conv.bias": (30,),
        "key_conv.weight": (14, 1, 3),
        "key_conv.bias": (14,),
        "query_conv.weight": (14, 1, 3),
        "query_conv.bias": (14,),
        "step_bias": (6,),
        "decay_log": (6,),
        "skip": (6,),
        "norm.weight": (30,),
        "output.weight": (24, 30),
    }


def test_a_gated_delta_net_holds_the_shapes_of_qwen3_next() -> None:
    assert shapes(mixer("delta")) == {
        "query.weight": (10, 24),
        "key.weight": (10, 24),
        "value.weight": (42, 24),
        "gate.weight": (42, 24),
        "beta.weight": (6, 24),
        "decay.weight": (6, 24),
        "query_conv.weight": (10, 1, 4),
        "key_conv.weight": (10, 1, 4),
        "value_conv.weight": (42, 1, 4),
        "decay_bias": (6,),
        "decay_log": (6,),
        "norm.weight": (7,),
        "output.weight": (24, 42),
    }


@pytest.mark.parametrize(
    ("kind", "changes", "extra"),
    [
        ("mamba", {"norms": False}, -(3 + 5 + 5)),
        ("mamba", {"bias": True}, 2 * 30 + 24),
        ("mamba", {"conv_bias": False}, -30),
        ("mamba-2", {"bias": True}, 2 * 30 + 2 * 14 + 6 + 24),
        ("mamba-2", {"conv_bias": False}, -(30 + 2 * 14)),
    ],
)
def test_each_option_of_a_mixer_adds_its_own_weights(kind: str, changes: dict[str, Any], extra: int) -> None:
    plain, changed = (
        sum(weight.elements for weight in each.weights()) for each in (mixer(kind), mixer(kind, **changes))
    )
    assert changed == plain + extra


class Counting(float):
    """A number that counts the multiply-adds it takes part in."""

    done = 0

    def add_product(self, a: float, b: float) -> Counting:
        Counting.done += 1
        return Counting(self + a * b)


def run_recurrence(heads: int, keys: int, values: int, tokens: int, *, recalls: bool) -> int:
    """Multiply-adds of the recurrence, token by token, element by element; scalings are not counted."""
    Counting.done = 0
    states = [[[Counting(0.0)] * values for _ in range(keys)] for _ in range(heads)]
    for token in range(tokens):
        for number, state in enumerate(states):
            state = [[Counting(0.9 * element) for element in row] for row in state]
            key = [0.1 * (k + token) for k in range(keys)]
            value = [0.2 * (v - token) for v in range(values)]
            if recalls:
                held = [Counting(0.0)] * values
                for k in range(keys):
                    held = [held[v].add_product(key[k], state[k][v]) for v in range(values)]
                value = [0.5 * (value[v] - held[v]) for v in range(values)]
            states[number] = [[state[k][v].add_product(key[k], value[v]) for v in range(values)] for k in range(keys)]
            read = [Counting(0.0)] * values
            for k in range(keys):
                read = [read[v].add_product(key[k], states[number][k][v]) for v in range(values)]
    return Counting.done


@pytest.mark.parametrize(
    ("kind", "heads", "keys", "values"), [("mamba", 30, 5, 1), ("mamba-2", 6, 7, 5), ("delta", 6, 5, 7)]
)
@pytest.mark.parametrize("new", [1, 2, 5])
def test_a_scan_costs_the_multiply_adds_of_the_recurrence(
    kind: str, heads: int, keys: int, values: int, new: int
) -> None:
    (scan,) = ops(mixer(kind), Run(batch=3, new=new, past=4), Scan)
    assert scan.flops == 3 * 2 * run_recurrence(heads, keys, values, new, recalls=kind == "delta")


def test_a_convolution_costs_a_kernel_for_each_channel_and_token() -> None:
    sums = [sum(op.flops for op in ops(mixer(kind), Run(batch=2, new=5), Convolve)) for kind in MIXERS]
    assert sums == [2 * 10 * 4 * 30, 2 * 10 * 3 * (30 + 14 + 14), 2 * 10 * 4 * (10 + 10 + 42)]


@pytest.mark.parametrize("kind", MIXERS)
def test_scaling_the_state_is_elementwise(kind: str) -> None:
    component = mixer(kind)
    decays = [op for op in ops(component, Run(new=3), Elementwise) if op.name == "decay"]
    assert [op.elements for op in decays] == [3 * component.recurrence.width]


@pytest.mark.parametrize("kind", [*MIXERS, "hybrid"])
def test_a_scan_costs_a_token_the_same_wherever_it_stands(kind: str) -> None:
    model = tiny(KINDS[kind])
    for part in ("scan", "convolution", "linear mixer"):
        costs = {llmcmp.flops(model, new=1, past=past).components[part] for past in (0, 1, 7, 10**6)}
        (cost,) = costs
        assert llmcmp.flops(model, 3, new=11, past=5).components[part] == 33 * cost


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("mamba", {"kernel": 1}),
        ("mamba-2", {"kernel": 1}),
        ("mamba-2", {"groups": 4}),
        ("delta", {"value_heads": 3}),
        ("delta", {"kernel": 1}),
    ],
)
def test_impossible_mixers_are_refused(kind: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        mixer(kind, **wrong)


def test_an_output_gate_is_one_more_projection_of_the_queries_width() -> None:
    gated = tiny(attention={**DENSE["attention"], "output_gate": True, "bias": ["query"]})
    plain = tiny(attention={**DENSE["attention"], "bias": ["query"]})
    assert llmcmp.params(gated).total - llmcmp.params(plain).total == 3 * (24 * 30 + 30)
    assert llmcmp.flops(gated, new=7).total - llmcmp.flops(plain, new=7).total == 3 * 2 * 7 * 24 * 30


def test_a_hybrid_costs_what_its_layers_cost_apart() -> None:
    # Layers 0 and 3 are delta nets, 1 and 4 Mamba, 2 is attention.
    layers = llmcmp.params(tiny(HYBRID)).layers
    assert (layers[0], layers[1]) == (layers[3], layers[4])
    both = {kind: llmcmp.params(tiny(mixing(kind))).layers[0] for kind in ("mamba", "delta")}
    assert (layers[0], layers[1]) == (both["delta"], both["mamba"])
    gated = tiny(attention={**DENSE["attention"], "output_gate": True})
    assert layers[2] == llmcmp.params(gated).layers[0]


def test_a_block_of_a_mixer_may_do_without_a_feed_forward() -> None:
    (layers,) = tiny(mixing("mamba-2")).tower.layers()
    assert [name for name, _ in layers.block.parts()] == ["mixer_norm", "mixer"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"stack": [{"layers": 2}]}, "must name an attention or a mixer"),
        ({"stack": [{"layers": 2, "blocks": [{"mixer": "full"}]}]}, "must name one of delta, mamba"),
        ({"stack": [{"layers": 2, "blocks": [{"attention": "full"}]}]}, r"\[mixer.delta\] is used by no block"),
        ({"mixer": {"delta": {"kind": "lstm"}}}, r"\[mixer.delta\] kind: must be one of mamba, mamba-2, gated-delta"),
        ({"architecture": "prefix-decoder"}, r"\[mixer.delta\] .*needs a causal decoder"),
    ],
)
def test_a_preset_that_mixes_them_up_is_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(PresetError, match=message):
        tiny(HYBRID, **tables)


def test_a_mixer_beside_an_attention_shares_its_input_and_its_norm() -> None:
    document = HYBRID | {
        "stack": [{"layers": 2, "blocks": [{"attention": "full", "mixer": "delta"}, {"mixer": "mamba"}]}]
    }
    both, alone = tiny(document).tower.layers()
    assert [name for name, _ in both.block.parts()] == [
        "norm",
        "mixer",
        "attention",
        "feed_forward_norm",
        "feed_forward",
    ]
    assert next(name for name, _ in alone.block.parts()) == "mixer_norm"


def test_a_gated_short_convolution_holds_three_streams_and_no_state_but_its_tail() -> None:
    part = next(use.component for use in walk(tiny(mixing("short"))) if use.path.endswith(".mixer"))
    assert shapes(part) == {
        "gate_before.weight": (24, 24),
        "gate_after.weight": (24, 24),
        "value.weight": (24, 24),
        "conv.weight": (24, 1, 3),
        "output.weight": (24, 24),
    }
    assert [(state.name, state.elements(99, 0)) for state in part.state()] == [("convolution tail", 2 * 24)]
    (convolved,) = ops(part, Run(batch=2, new=5, past=1), Convolve)
    assert (convolved.flops, convolved.cached, convolved.stored) == (2 * 3 * 24 * 10, 2 * 1 * 24, 2 * 2 * 24)
