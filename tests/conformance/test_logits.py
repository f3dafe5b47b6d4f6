"""The twins are the models: with the same weights they give the logits of transformers, however the tokens are read."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from llmcmp.errors import ModelError

from .carried import BATCH, SOURCE, TOKENS, TOLERANCE, carried, difference, in_passes
from .cases import each_shrunken
from .references import preset_references

torch = pytest.importorskip("torch")

# Held to classes that count the same and compute something else: DeepSeekMoE's routes by sigmoids, which it does not,
# and Baichuan's rotates, where the 13B models have ALiBi.
OTHERWISE = ("deepseek-moe-16b", "baichuan-13b", "baichuan2-13b")
# Recurrent mixers are compared in test_mixer_logits.
each_model = each_shrunken(where=lambda reference: reference.scan is None, but=OTHERWISE)
# OpenAI's first GPT keeps no cache in transformers; its twin does.
each_decoder = each_shrunken(
    where=lambda reference: reference.scan is None and (reference.caches or reference.model == "OpenAIGPTLMHeadModel"),
    but=OTHERWISE,
)


@each_model
def test_a_prefill_gives_the_logits_of_transformers(preset: str, seed: int) -> None:
    case = carried(preset, seed)
    with torch.no_grad():
        ours = case.twin(case.tokens_BS, source_BR=case.source_BR)
    assert difference(ours, case.logits) < TOLERANCE


@each_decoder
@pytest.mark.parametrize("growing", [False, True], ids=["static", "growing"])
def test_decode_steps_give_the_logits_of_transformers(preset: str, seed: int, growing: bool) -> None:
    case = carried(preset, seed)
    assert difference(in_passes(case, [3] + [1] * (TOKENS - 3), growing=growing), case.logits) < TOLERANCE


@each_decoder
@pytest.mark.parametrize("growing", [False, True], ids=["static", "growing"])
def test_a_prefill_in_chunks_gives_the_logits_of_transformers(preset: str, seed: int, growing: bool) -> None:
    case = carried(preset, seed)
    assert difference(in_passes(case, [7, TOKENS - 7], growing=growing), case.logits) < TOLERANCE
    assert difference(in_passes(case, [2, 1, 5, 1, TOKENS - 9], growing=growing), case.logits) < TOLERANCE


@each_decoder
def test_a_packed_twin_gives_the_logits_of_transformers(preset: str, seed: int) -> None:
    case = carried(preset, seed)
    case = replace(case, twin=copy.deepcopy(case.twin).pack())
    assert difference(in_passes(case, [7, 1, 1, TOKENS - 9]), case.logits) < TOLERANCE


@each_shrunken(where=lambda reference: reference.model in ("BertModel", "RobertaModel", "AlbertModel"))
def test_a_bare_encoder_has_the_hidden_states_of_transformers(preset: str, seed: int) -> None:
    case = carried(preset, seed)
    with torch.no_grad():
        tower = case.twin.decoder_tower
        ours = tower.hidden(case.tokens_BS, tower.flow(case.tokens_BS, 0, 0), None)
    assert difference(ours, case.outputs.last_hidden_state) < TOLERANCE


@each_shrunken(where=lambda reference: reference.model.endswith("ConditionalGeneration"))
def test_an_encoder_gives_what_that_of_transformers_does(preset: str, seed: int) -> None:
    case = carried(preset, seed)
    assert case.source_BR is not None
    with torch.no_grad():
        ours = case.twin.encode(case.source_BR)
    assert ours.shape[:2] == (BATCH, SOURCE)
    assert difference(ours, case.outputs.encoder_last_hidden_state) < TOLERANCE


@pytest.mark.parametrize("preset", ["gpt2", "gpt-oss-20b", "deepseek-v3", "switch-base-8"])
def test_every_tensor_that_is_missing_unknown_or_of_another_shape_is_named(preset: str) -> None:
    from llmcmp.nn.carry import carry

    case, cls = carried(preset), preset_references()[preset].model
    tensors = dict(case.reference.state_dict())
    name = next(name for name in tensors if "norm" in name or "ln" in name)
    with pytest.raises(ModelError, match=r"no tensor holds layers|no tensor holds encoder"):
        carry(case.twin, {other: tensor for other, tensor in tensors.items() if other != name}, cls)
    with pytest.raises(ModelError, match=r"extra\.weight of .* has no name among ours"):
        carry(case.twin, tensors | {"extra.weight": tensors[name]}, cls)
    with pytest.raises(ModelError, match=name):
        carry(case.twin, tensors | {name: tensors[name][1:]}, cls)
    carry(case.twin, tensors, cls)


def test_tied_tensors_that_differ_are_refused() -> None:
    from llmcmp.nn.carry import carry

    case = carried("gpt2")
    tensors = dict(case.reference.state_dict())
    tensors["lm_head.weight"] = tensors["lm_head.weight"] + 1
    with pytest.raises(ModelError, match=r"lm_head\.weight and transformer\.wte\.weight differ"):
        carry(case.twin, tensors, "GPT2LMHeadModel")
    carry(case.twin, case.reference.state_dict(), "GPT2LMHeadModel")
