"""Who uses a mechanism: read off the components, known facts hold, and no preset or component goes unexplained."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import llmcmp.components
from llmcmp.components.base import Component
from llmcmp.components.convolution import Convolution
from llmcmp.components.embeddings import TokenEmbedding, TokenTypes
from llmcmp.components.feed_forward import Activation
from llmcmp.components.heads import Pooler
from llmcmp.components.linear import Linear
from llmcmp.components.positions import Alibi, NoPosition, Rotary, Scaling
from llmcmp.learn.explanation import explain, users
from llmcmp.learn.term import terms
from llmcmp.learn.users import USERS, Uses, records
from llmcmp.model import Block, Model, Placement
from llmcmp.sources.presets import every_model, load

DISCLOSED = [model for model in every_model() if model.disclosed]
GROUP = {term.name: term.group for term in terms()}
# No preset has these: short convolutions come with imported configs, sinusoids are added to no embedding here, and
# dynamic NTK is an engine's choice, not a shape.
UNUSED = {"sinusoidal", "rope-ntk", "short-convolution"}


def test_every_predicate_belongs_to_a_term() -> None:
    assert USERS.keys() <= GROUP.keys()


@pytest.mark.parametrize("name", USERS)
def test_every_mechanism_of_an_architecture_has_users_and_others(name: str) -> None:
    found = users(name)
    assert found is not None
    count = sum(len(names) for names in found.values())
    assert count < len(DISCLOSED)
    assert (count > 0) == (name not in UNUSED)


FACTS = {
    "gqa": (
        "mixtral-8x7b llama3-8b llama2-70b mistral-7b chatglm3-6b",
        "llama2-7b gpt2 falcon-7b deepseek-v3 mamba2-2.7b",
    ),
    "mqa": ("falcon-7b palm-540b gemma-2b", "chatglm2-6b llama3-8b"),
    "mha": ("gpt2 llama2-7b bert-base t5-base", "llama3-8b deepseek-v3"),
    "mla": ("deepseek-v2 deepseek-v3 kimi-k2", "deepseek-llm-7b"),
    "sliding-window": ("mistral-7b gemma3-4b gpt-oss-20b", "mixtral-8x7b mistral-7b-v0.3 llama4-scout"),
    "local-global": ("gemma2-9b gemma3-27b llama4-scout gpt-oss-20b", "mistral-7b"),
    "chunked-attention": ("llama4-scout", "mistral-7b"),
    "soft-cap": ("gemma2-9b", "gemma3-12b"),
    "attention-sinks": ("gpt-oss-120b", "mistral-7b"),
    "output-gate": ("qwen3-next-80b-a3b", "qwen3-8b"),
    "cross-attention": ("t5-base bart-base", "gpt2 bert-base"),
    "learned-positions": ("gpt2 bert-base opt-6.7b bart-base", "llama3-8b t5-base bloom-560m"),
    "rope": ("llama2-7b gpt-neox-20b deepseek-v3", "gpt2 mpt-7b baichuan-13b"),
    "partial-rope": ("gpt-neox-20b chatglm3-6b gpt-j-6b", "llama3-8b"),
    "rope-linear": ("gemma3-4b deepseek-coder-6.7b", "gemma3-1b llama3.1-8b"),
    "yarn": ("deepseek-v3 gpt-oss-20b", "llama3.1-8b"),
    "rope-llama3": ("llama3.1-8b llama3.2-1b", "llama3-8b"),
    "longrope": ("phi-3.5-mini", "phi-3-mini"),
    "alibi": ("bloom-176b mpt-7b baichuan2-13b", "baichuan2-7b falcon-7b"),
    "t5-relative": ("t5-base ul2-20b switch-base-8", "bart-base"),
    "rope-2d": ("chatglm-6b", "chatglm2-6b glm-130b"),
    "nope": ("jamba-v0.1 llama4-scout", "gpt2 t5-base bloom-560m mamba2-2.7b"),
    "transformer-xl": ("transformer-xl", "gpt2"),
    "mamba": ("jamba-v0.1", "mamba2-2.7b"),
    "mamba-2": ("mamba2-2.7b", "jamba-v0.1"),
    "gated-delta-net": ("qwen3-next-80b-a3b", "qwen3-30b-a3b"),
    "hybrid": ("jamba-v0.1 qwen3-next-80b-a3b", "mamba2-2.7b llama3-8b"),
    "relu": ("t5-base opt-6.7b", "t5-v1.1-base gpt2"),
    "gelu": ("gpt2 bert-base chatglm-6b falcon-7b", "gemma2-9b"),
    "swiglu": ("llama2-7b palm-540b mixtral-8x7b gpt-oss-20b ul2-20b", "gpt2 gemma2-9b"),
    "geglu": ("gemma2-9b t5-v1.1-base glm-130b", "llama2-7b gpt2"),
    "moe": ("mixtral-8x7b deepseek-v3 switch-base-8", "llama3-70b"),
    "switch": ("switch-base-8 llama4-scout", "mixtral-8x7b"),
    "top-k": ("mixtral-8x7b", "switch-base-8"),
    "shared-experts": ("deepseek-v3 qwen2-57b-a14b llama4-scout", "mixtral-8x7b qwen3-30b-a3b"),
    "fine-grained-experts": ("deepseek-moe-16b qwen3-30b-a3b", "mixtral-8x7b switch-base-8"),
    "loss-free-balancing": ("deepseek-v3 glm-4.5", "deepseek-v2 mixtral-8x7b"),
    "group-limited-routing": ("deepseek-v2 deepseek-v3", "deepseek-moe-16b"),
    "layernorm": ("gpt2 bert-base", "t5-base llama3-8b"),
    "rmsnorm": ("t5-base llama3-8b", "gpt2"),
    "pre-norm": ("gpt2 llama3-8b", "gpt1 bert-base"),
    "post-norm": ("gpt1 bert-base opt-350m", "gpt2 opt-1.3b"),
    "output-norm": ("olmo2-7b", "llama3-8b"),
    "sandwich-norm": ("gemma2-9b", "gemma-7b"),
    "deepnorm": ("glm-130b chatglm-6b", "chatglm2-6b"),
    "qk-norm": ("qwen3-8b olmo2-7b gemma3-4b glm-4.5", "qwen2.5-7b glm-4.5-air gemma2-9b"),
    "decoder-only": ("gpt2 mamba2-2.7b chatglm2-6b", "bert-base t5-base chatglm-6b"),
    "encoder-only": ("bert-base albert-base", "gpt2 t5-base"),
    "encoder-decoder": ("t5-base bart-base", "gpt2 glm-130b"),
    "prefix-decoder": ("glm-130b chatglm-6b", "chatglm2-6b gpt2"),
    "parallel-block": ("gpt-j-6b palm-540b falcon-7b", "llama3-8b"),
    "tied-embeddings": ("gpt2 t5-base qwen2.5-1.5b transformer-xl", "llama3-8b t5-v1.1-base bert-base"),
    "layer-sharing": ("albert-base", "bert-base"),
    "adaptive-embedding": ("transformer-xl", "gpt2"),
    "mtp": ("deepseek-v3 glm-4.5", "deepseek-v2 bert-base"),
    "mlm": ("bert-base roberta-base", "gpt2 t5-base"),
    "linear-attention": ("mamba2-2.7b qwen3-next-80b-a3b", "llama3-8b jamba-v0.1"),
}


@pytest.mark.parametrize("name", [name for name in USERS if name not in UNUSED])
def test_known_memberships_hold(name: str) -> None:
    members, others = (text.split() for text in FACTS[name])
    found = users(name)
    assert found is not None
    listed = {model for names in found.values() for model in names}
    assert set(members) <= listed
    assert not set(others) & listed and all(load(model) for model in others)


ONE_OF: list[tuple[str, tuple[str, ...]]] = [
    ("class", ("decoder-only", "encoder-only", "encoder-decoder", "prefix-decoder")),
    ("placement", ("pre-norm", "post-norm", "output-norm", "sandwich-norm", "deepnorm")),
    ("norm", ("layernorm", "rmsnorm")),
]


@pytest.mark.parametrize(("question", "names"), ONE_OF)
@pytest.mark.parametrize("model", DISCLOSED, ids=lambda model: model.name)
def test_every_preset_has_one_answer(model: Model, question: str, names: tuple[str, ...]) -> None:
    assert sum(USERS[name](model) for name in names) == 1


SOME_OF: list[tuple[str, tuple[str, ...]]] = [
    ("mixer", ("mha", "mqa", "gqa", "mla", "mamba", "mamba-2", "gated-delta-net", "short-convolution")),
    ("position", ("learned-positions", "rope", "alibi", "t5-relative", "transformer-xl", "nope", "mamba", "mamba-2")),
    ("feed-forward", ("relu", "gelu", "swiglu", "geglu", "mamba-2")),
]


@pytest.mark.parametrize(("question", "names"), SOME_OF)
@pytest.mark.parametrize("model", DISCLOSED, ids=lambda model: model.name)
def test_every_preset_is_explained(model: Model, question: str, names: tuple[str, ...]) -> None:
    assert any(USERS[name](model) for name in names)


# What every model is made of, or what stands within a mechanism that is explained.
PARTS: tuple[type[Any], ...] = (Linear, TokenEmbedding, TokenTypes, Pooler, Convolution)


def _concrete(kind: type[Any]) -> set[type[Any]]:
    return {kind} if not kind.__subclasses__() else {c for sub in kind.__subclasses__() for c in _concrete(sub)}


def test_every_component_has_a_term() -> None:
    for path in Path(llmcmp.components.__file__).parent.glob("*.py"):
        import_module(f"llmcmp.components.{path.stem}")
    classes = {cls for cls in _concrete(Component) if cls.__module__.startswith("llmcmp.components.")}
    asked = {kind for uses in USERS.values() if isinstance(uses, Uses) for kind in uses.kinds}
    assert len(classes) > 20
    assert {cls.__name__ for cls in classes - asked - set(PARTS)} == set()
    assert {Rotary, Alibi, NoPosition, Scaling} <= asked


@pytest.mark.parametrize("placement", get_args(Placement))
def test_every_placement_of_norms_has_a_term(placement: Placement) -> None:
    some = DISCLOSED[0].towers[0].stacks[0].blocks[0]
    block = Block(steps=some.steps, placement=placement)
    asked = [uses for uses in USERS.values() if isinstance(uses, Uses) and uses.kinds == (Block,)]
    assert sum(uses.test(block) for uses in asked) == 1


@pytest.mark.parametrize("kind", get_args(get_type_hints(Scaling)["kind"]))
def test_every_scaling_of_rotary_positions_has_a_term(kind: Any) -> None:
    asked = [uses for uses in USERS.values() if isinstance(uses, Uses) and uses.kinds == (Scaling,)]
    assert sum(uses.test(Scaling(kind=kind)) for uses in asked) == 1


@pytest.mark.parametrize("activation", get_args(Activation))
def test_an_activation_that_presets_have_belongs_to_a_term(activation: str) -> None:
    having = [
        model
        for model in DISCLOSED
        if any(getattr(record, "activation", None) == activation for record in records(model))
    ]
    assert all(any(USERS[name](m) for name in ("relu", "gelu", "swiglu", "geglu")) for m in having)


def test_whole_families_are_named_in_one_word() -> None:
    assert "mistral/*" in explain("gqa").used_by()
    assert "gemma/* but gemma-2b, gemma-7b" in explain("sliding-window").used_by()
    assert explain("rope-ntk").used_by().startswith("None of the ")
    assert "does not show it" in explain("dpo").used_by()
