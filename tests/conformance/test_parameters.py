"""Parameters are those of the transformers model of the same sizes: in total, by layer, tensor by tensor."""

from __future__ import annotations

import re
from math import prod

import llmcmp
from llmcmp.sources.huggingface.anatomy import Anatomy

from .cases import each_preset, each_shrunken, pair
from .fusings import RULES, unfused, weight_shapes
from .oracle import parameter_shapes, reference_model
from .references import own_head, preset_references


@each_preset()
def test_a_preset_has_the_parameters_of_its_reference(preset: str) -> None:
    model = llmcmp.load(preset)
    shapes = parameter_shapes(reference_model(preset_references()[preset], model, device="meta"))
    assert llmcmp.params(model).total == sum(map(prod, shapes.values())) + prod(own_head(model) or (0,))


@each_shrunken()
def test_parameters_are_those_of_the_reference_at_any_size(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    shapes = parameter_shapes(reference)
    assert llmcmp.params(model).total == sum(map(prod, shapes.values())) + prod(own_head(model) or (0,))


@each_shrunken()
def test_weights_have_the_shapes_of_the_reference_tensors(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    rules = RULES.get(preset_references()[preset].model, ())
    expected = unfused(parameter_shapes(reference), rules, Anatomy(model))
    if head := own_head(model):
        expected[head] += 1
    assert weight_shapes(model) == expected


@each_shrunken()
def test_each_layer_has_the_parameters_of_the_reference_layer(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    layers = [0] * sum(tower.depth for tower in model.towers)
    for name, shape in parameter_shapes(reference).items():
        number = re.search(r"(?:^|[._])(?:layers?|h|blocks?)\.(\d+)\.", name)
        # T5's first layer holds the relative bias of all; llmcmp lists it outside of the layers, among positions.
        if number and "relative_attention_bias" not in name:
            decoder = "decoder." in name and model.encoder is not None
            layers[int(number[1]) + (model.towers[0].depth if decoder else 0)] += prod(shape)
    assert llmcmp.params(model).layers == tuple(layers)


@each_shrunken()
def test_active_parameters_leave_out_the_routed_experts_not_visited(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    routed = sum(prod(shape) for name, shape in parameter_shapes(reference).items() if ".experts." in name)
    anatomy = Anatomy(model)
    experts, per_token = (anatomy.moe.experts, anatomy.moe.per_token) if anatomy.moe_layers else (1, 1)
    assert bool(routed) == bool(anatomy.moe_layers)
    params = llmcmp.params(model)
    assert params.total - params.active == routed // experts * (experts - per_token)


@each_shrunken()
def test_buffers_are_the_score_corrections_of_the_reference(preset: str, seed: int) -> None:
    model, reference = pair(preset, seed)
    corrections = [buffer for name, buffer in reference.named_buffers() if name.endswith("e_score_correction_bias")]
    # DeepSeekMoE is held to GLM-4.5's class, whose router has a correction that DeepSeek's got with V3 only.
    expected = 0 if preset == "deepseek-moe-16b" else sum(buffer.numel() for buffer in corrections)
    assert llmcmp.params(model).buffers == expected
