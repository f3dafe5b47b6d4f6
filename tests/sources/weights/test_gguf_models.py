"""GGUF files of every architecture that is read: the Model is transformers', and every tensor has its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("transformers")

import transformers
from converted import write

import llmcmp
from llmcmp.errors import ConfigError
from llmcmp.frozen import replace
from llmcmp.sources.weights.gguf.architectures import ARCHITECTURES
from llmcmp.sources.weights.gguf.header import read_gguf_files
from llmcmp.sources.weights.gguf.model import gguf_document, inspect_gguf

if TYPE_CHECKING:
    from pathlib import Path

WORDS = 77
SIZES: dict[str, Any] = {
    "vocab_size": WORDS, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": None, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
KEYS: dict[str, Any] = {
    "embedding_length": 24, "feed_forward_length": 40, "block_count": 3, "attention.head_count": 4,
    "attention.head_count_kv": 2, "context_length": 64, "rope.freq_base": 10000.0,
}  # fmt: skip
RMS = KEYS | {"attention.layer_norm_rms_epsilon": 1e-6}
LAYER = KEYS | {"attention.layer_norm_epsilon": 1e-5}
HEAD_DIM = {"attention.key_length": 10, "attention.value_length": 10}
EXPERTS = {"expert_count": 5, "expert_used_count": 2, "expert_feed_forward_length": 20}
MOE = {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
NO_KV = {key: value for key, value in SIZES.items() if key != "num_key_value_heads"}
LATENT = {
    "q_lora_rank": 12, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 6, "v_head_dim": 5,
    "n_routed_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 20, "n_shared_experts": 2,
    "first_k_dense_replace": 1, "num_key_value_heads": 4, "n_group": 1, "topk_group": 1,
}  # fmt: skip
LATENT_KEYS = RMS | EXPERTS | {
    "attention.q_lora_rank": 12, "attention.kv_lora_rank": 8, "rope.dimension_count": 4, "attention.key_length": 10,
    "attention.value_length": 5, "attention.head_count_kv": 4, "expert_shared_count": 2, "leading_dense_block_count": 1,
}  # fmt: skip
SSM = {"embedding_length": 24, "block_count": 3, "attention.layer_norm_rms_epsilon": 1e-5, "context_length": 64,
       "feed_forward_length": 0, "attention.head_count": 0, "ssm.conv_kernel": 4, "ssm.inner_size": 48}  # fmt: skip
STATE = {"vocab_size": WORDS, "hidden_size": 24, "num_hidden_layers": 3, "state_size": 6, "expand": 2,
         "pad_token_id": None, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip

# Architecture: class, config, keys of the metadata.
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "llama": (
        "llama",
        "Llama",
        SIZES | {"head_dim": 10, "attention_bias": True},
        RMS | HEAD_DIM | {"rope.dimension_count": 10},
    ),
    "llama, its parts left out": ("llama", "Llama", SIZES, RMS),
    "mixtral": (
        "llama",
        "Mixtral",
        SIZES | {"num_local_experts": 5, "head_dim": 6},
        RMS | {"expert_count": 5, "expert_used_count": 2},
    ),
    "qwen2": ("qwen2", "Qwen2", SIZES | {"tie_word_embeddings": True}, RMS),
    "qwen2moe": (
        "qwen2moe",
        "Qwen2Moe",
        SIZES | MOE | {"shared_expert_intermediate_size": 28},
        RMS | EXPERTS | {"expert_shared_feed_forward_length": 28},
    ),
    "qwen3": ("qwen3", "Qwen3", SIZES | {"head_dim": 10}, RMS | HEAD_DIM),
    "qwen3moe": ("qwen3moe", "Qwen3Moe", SIZES | MOE | {"head_dim": 10}, RMS | HEAD_DIM | EXPERTS),
    "gemma": ("gemma", "Gemma", SIZES | {"head_dim": 10}, RMS | HEAD_DIM),
    "gemma2": (
        "gemma2",
        "Gemma2",
        SIZES | {"head_dim": 10, "sliding_window": 8, "query_pre_attn_scalar": 10},
        RMS
        | HEAD_DIM
        | {"attention.sliding_window": 8, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    ),
    "gemma3": (
        "gemma3",
        "Gemma3",
        SIZES | {"head_dim": 10, "sliding_window": 8, "num_hidden_layers": 7},
        RMS | HEAD_DIM | {"attention.sliding_window": 8, "block_count": 7},
    ),
    "phi2": (
        "phi2",
        "Phi",
        SIZES | {"num_key_value_heads": 4},
        LAYER | {"attention.head_count_kv": 4, "rope.dimension_count": 3},
    ),
    "phi3": ("phi3", "Phi3", SIZES, RMS | {"attention.sliding_window": 9}),
    "deepseek2, v3": ("deepseek2", "DeepseekV3", SIZES | LATENT, LATENT_KEYS | {"expert_gating_func": 2}),
    "gpt2": (
        "gpt2",
        "GPT2",
        {
            "vocab_size": WORDS,
            "n_embd": 24,
            "n_layer": 3,
            "n_head": 4,
            "n_positions": 64,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        LAYER | {"feed_forward_length": 96},
    ),
    "falcon": (
        "falcon",
        "Falcon",
        NO_KV | {"multi_query": True},
        LAYER | {"attention.head_count_kv": 1, "feed_forward_length": 96},
    ),
    "falcon, newer": (
        "falcon",
        "Falcon",
        NO_KV | {"new_decoder_architecture": True, "num_kv_heads": 2},
        LAYER | {"feed_forward_length": 96},
    ),
    "bloom": (
        "bloom",
        "Bloom",
        {
            "vocab_size": WORDS,
            "hidden_size": 24,
            "n_layer": 3,
            "n_head": 4,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": None,
        },
        LAYER | {"feed_forward_length": 96, "attention.head_count_kv": 4},
    ),
    "gptneox": (
        "gptneox",
        "GPTNeoX",
        NO_KV,
        LAYER | {"attention.head_count_kv": 4, "rope.dimension_count": 1, "use_parallel_residual": True},
    ),
    "gpt-oss": (
        "gpt-oss",
        "GptOss",
        SIZES
        | {
            "head_dim": 10,
            "num_local_experts": 5,
            "num_experts_per_tok": 2,
            "sliding_window": 8,
            "intermediate_size": 20,
        },
        RMS | HEAD_DIM | EXPERTS | {"attention.sliding_window": 8},
    ),
    "glm4": (
        "glm4",
        "Glm4",
        SIZES | {"head_dim": 10, "attention_bias": True},
        RMS | HEAD_DIM | {"rope.dimension_count": 5},
    ),
    "glm4moe": (
        "glm4moe",
        "Glm4Moe",
        SIZES
        | {
            "head_dim": 10,
            "n_routed_experts": 5,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 20,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "use_qk_norm": True,
            "attention_bias": True,
        },
        RMS
        | HEAD_DIM
        | EXPERTS
        | {"expert_shared_count": 1, "leading_dense_block_count": 1, "rope.dimension_count": 5},
    ),
    "mamba": ("mamba", "Mamba", STATE | {"time_step_rank": 3}, SSM | {"ssm.state_size": 6, "ssm.time_step_rank": 3}),
    "mamba2": (
        "mamba2",
        "Mamba2",
        STATE | {"num_heads": 6, "head_dim": 8, "n_groups": 2},
        SSM | {"ssm.state_size": 6, "ssm.time_step_rank": 6, "ssm.group_count": 2},
    ),
    "starcoder2": ("starcoder2", "Starcoder2", SIZES, LAYER),
    "olmo2": ("olmo2", "Olmo2", SIZES, RMS),
    "olmoe": (
        "olmoe",
        "Olmoe",
        SIZES | {"num_experts": 5, "num_experts_per_tok": 2},
        RMS | {"expert_count": 5, "expert_used_count": 2},
    ),
    "command-r": ("command-r", "Cohere", SIZES, LAYER | {"logit_scale": 0.0625}),
    "stablelm": (
        "stablelm",
        "StableLm",
        SIZES | {"use_qkv_bias": True},
        LAYER | {"rope.dimension_count": 1, "use_parallel_residual": False},
    ),
    "seed_oss": ("seed_oss", "SeedOss", SIZES | {"head_dim": 10, "attention_bias": True}, RMS | HEAD_DIM),
}


def made(name: str, folder: Path) -> tuple[Path, Any]:
    arch, cls, config, keys = CASES[name]
    transformers.logging.set_verbosity_error()
    names = [f"{cls}ForCausalLM", f"{cls}LMHeadModel"]
    found = next(getattr(transformers, each) for each in names if hasattr(transformers, each))
    model = found(found.config_class(**config))
    return write(folder / "made.gguf", arch, model, keys, words=WORDS), model


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_the_model_that_it_was_made_of_tensor_by_tensor(name: str, tmp_path: Path) -> None:
    path, reference = made(name, tmp_path)
    found = inspect_gguf(read_gguf_files(path))
    assert found.findings is not None, found.remark
    assert found.findings.differences == ()
    sizes = llmcmp.params(llmcmp.load(path))
    assert sizes.total == sum(
        parameter.numel() for name, parameter in reference.named_parameters() if "correction" not in name
    )
    assert found.contents.bytes == 4 * (sizes.total + sizes.buffers)


def test_a_model_is_stored_in_what_most_of_its_bytes_are(tmp_path: Path) -> None:
    path, _ = made("qwen2", tmp_path)
    plain = read_gguf_files(path)
    largest = max(plain.tensors, key=lambda tensor: tensor.bytes)
    few = tuple(replace(tensor, dtype="Q8_0") if tensor == largest else tensor for tensor in plain.tensors)
    most = tuple(replace(tensor, dtype="Q4_K") if tensor != largest else tensor for tensor in plain.tensors)
    stored = [gguf_document(replace(plain, tensors=tensors)).get("quantised") for tensors in (plain.tensors, few, most)]
    assert stored == [None, None, "Q4_K"]


def test_two_files_that_converters_call_alike_are_compared_by_their_folders(tmp_path: Path) -> None:
    for folder, case in (("one", "qwen2"), ("two", "llama")):
        (tmp_path / folder).mkdir()
        path, _ = made(case, tmp_path / folder)
        path.rename(tmp_path / folder / "model.gguf")
    table = llmcmp.compare([str(tmp_path / folder / "model.gguf") for folder in ("one", "two")])
    assert [row["model"] for row in table.rows] == ["one", "two"]


def test_every_architecture_has_a_case() -> None:
    assert {arch for arch, *_ in CASES.values()} == set(ARCHITECTURES)


def test_a_key_that_says_something_else_than_the_tensors_is_an_error(tmp_path: Path) -> None:
    _, _, config, keys = CASES["qwen2"]
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**config))
    path = write(tmp_path / "wrong.gguf", "qwen2", model, keys | {"feed_forward_length": 48}, words=WORDS)
    with pytest.raises(ConfigError, match=r"blk.0.ffn_gate.weight: the metadata says 48 × 24, the file holds 40 × 24"):
        llmcmp.load(path)
    path = write(tmp_path / "deeper.gguf", "qwen2", model, keys | {"block_count": 4}, words=WORDS)
    with pytest.raises(ConfigError, match=r"differ in 12 places, first layers.3"):
        llmcmp.load(path)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"embedding_length": None}, r"qwen2.embedding_length: is missing"),
        ({"attention.mystery": 3}, r"qwen2.attention.mystery: is not understood"),
        ({"attention.head_count": 0}, r"head_count: must be at least 1"),
        ({"attention.head_count_kv": [2, 2, 4]}, r"differs from layer to layer"),
        ({"block_count": "three"}, r"block_count: must be a whole number"),
    ],
)
def test_a_key_that_is_missing_unknown_or_absurd_is_named(keys: dict[str, Any], why: str, tmp_path: Path) -> None:
    _, _, config, known = CASES["qwen2"]
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**config))
    given = {key: value for key, value in (known | keys).items() if value is not None}
    path = write(tmp_path / "x.gguf", "qwen2", model, given, words=WORDS)
    with pytest.raises(ConfigError, match=why):
        llmcmp.load(path)


def test_an_architecture_that_is_not_known_is_refused_by_its_name(tmp_path: Path) -> None:
    path, _ = made("qwen2", tmp_path)
    path.write_bytes(path.read_bytes().replace(b"qwen2", b"quen9"))
    with pytest.raises(ConfigError, match="'quen9' is not known; known: llama"):
        llmcmp.load(path)
