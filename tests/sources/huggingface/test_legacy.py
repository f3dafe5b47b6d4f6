"""Configs whose code lies beside the weights: what is read of them is the preset, which was counted from the tensors.

The sizes are those of the repositories' config.json files; transformers has no class to hold them to. Types without a
preset are held to the sum of their matrices.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import llmcmp
from llmcmp.components.attention import Attention
from llmcmp.components.positions import Rotary
from llmcmp.errors import ConfigError
from llmcmp.model import walk
from llmcmp.sources.huggingface.reading import legacy

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS: dict[str, dict[str, Any]] = {
    "chatglm3-6b": {
        "model_type": "chatglm",
        "architectures": ["ChatGLMModel"],
        "num_layers": 28,
        "hidden_size": 4096,
        "ffn_hidden_size": 13696,
        "kv_channels": 128,
        "num_attention_heads": 32,
        "multi_query_attention": True,
        "multi_query_group_num": 2,
        "padded_vocab_size": 65024,
        "vocab_size": 65024,
        "seq_length": 8192,
        "layernorm_epsilon": 1e-05,
        "rmsnorm": True,
        "post_layer_norm": True,
        "add_bias_linear": False,
        "add_qkv_bias": True,
        "apply_residual_connection_post_layernorm": False,
        "original_rope": True,
        "bias_dropout_fusion": True,
        "attention_softmax_in_fp32": True,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "use_cache": True,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
    "baichuan2-7b": {
        "model_type": "baichuan",
        "architectures": ["BaichuanForCausalLM"],
        "hidden_act": "silu",
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "max_position_embeddings": 4096,
        "model_max_length": 4096,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "rms_norm_eps": 1e-06,
        "tie_word_embeddings": False,
        "vocab_size": 125696,
        "z_loss_weight": 0,
    },
    "baichuan-13b": {
        "model_type": "baichuan",
        "architectures": ["BaichuanForCausalLM"],
        "hidden_act": "silu",
        "hidden_size": 5120,
        "intermediate_size": 13696,
        "model_max_length": 4096,
        "num_attention_heads": 40,
        "num_hidden_layers": 40,
        "rms_norm_eps": 1e-06,
        "tie_word_embeddings": False,
        "vocab_size": 64000,
        "_from_model_config": True,
    },
    "qwen-7b": {
        "model_type": "qwen",
        "architectures": ["QWenLMHeadModel"],
        "attn_dropout_prob": 0.0,
        "bf16": False,
        "emb_dropout_prob": 0.0,
        "fp16": False,
        "fp32": False,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "initializer_range": 0.02,
        "kv_channels": 128,
        "layer_norm_epsilon": 1e-06,
        "max_position_embeddings": 32768,
        "no_bias": True,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "rotary_emb_base": 10000,
        "rotary_pct": 1.0,
        "scale_attn_weights": True,
        "seq_length": 8192,
        "tie_word_embeddings": False,
        "use_dynamic_ntk": True,
        "use_flash_attn": "auto",
        "use_logn_attn": True,
        "vocab_size": 151936,
        "onnx_safe": None,
        "use_cache": True,
    },
    "deepseek-moe-16b": {
        "model_type": "deepseek",
        "architectures": ["DeepseekForCausalLM"],
        "attention_bias": False,
        "first_k_dense_replace": 1,
        "hidden_act": "silu",
        "hidden_size": 2048,
        "intermediate_size": 10944,
        "max_position_embeddings": 4096,
        "moe_intermediate_size": 1408,
        "moe_layer_freq": 1,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "norm_topk_prob": False,
        "num_attention_heads": 16,
        "num_experts_per_tok": 6,
        "num_hidden_layers": 28,
        "num_key_value_heads": 16,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 10000,
        "scoring_func": "softmax",
        "aux_loss_alpha": 0.001,
        "seq_aux": True,
        "pretraining_tp": 1,
        "tie_word_embeddings": False,
        "vocab_size": 102400,
    },
    "yi-6b": {
        "model_type": "Yi",
        "architectures": ["YiForCausalLM"],
        "hidden_act": "silu",
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "max_position_embeddings": 4096,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 4,
        "rms_norm_eps": 1e-05,
        "rope_theta": 5000000.0,
        "tie_word_embeddings": False,
        "vocab_size": 64000,
    },
    "yi-34b": {
        "model_type": "Yi",
        "architectures": ["YiForCausalLM"],
        "hidden_act": "silu",
        "hidden_size": 7168,
        "intermediate_size": 20480,
        "max_position_embeddings": 4096,
        "num_attention_heads": 56,
        "num_hidden_layers": 60,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05,
        "rope_theta": 5000000.0,
        "tie_word_embeddings": False,
        "vocab_size": 64000,
    },
    "kimi-k2": {
        "model_type": "kimi_k2",
        "architectures": ["DeepseekV3ForCausalLM"],
        "attention_bias": False,
        "first_k_dense_replace": 1,
        "hidden_act": "silu",
        "hidden_size": 7168,
        "intermediate_size": 18432,
        "kv_lora_rank": 512,
        "max_position_embeddings": 131072,
        "moe_intermediate_size": 2048,
        "moe_layer_freq": 1,
        "n_group": 1,
        "n_routed_experts": 384,
        "n_shared_experts": 1,
        "norm_topk_prob": True,
        "num_attention_heads": 64,
        "num_experts_per_tok": 8,
        "num_hidden_layers": 61,
        "num_key_value_heads": 64,
        "num_nextn_predict_layers": 0,
        "q_lora_rank": 1536,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "rms_norm_eps": 1e-06,
        "rope_theta": 50000.0,
        "routed_scaling_factor": 2.827,
        "scoring_func": "sigmoid",
        "tie_word_embeddings": False,
        "topk_group": 1,
        "topk_method": "noaux_tc",
        "v_head_dim": 128,
        "vocab_size": 163840,
    },
}
INTERNLM2: dict[str, Any] = {
    "model_type": "internlm2",
    "architectures": ["InternLM2ForCausalLM"],
    "bias": False,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 32768,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {"type": "dynamic", "factor": 2.0},
    "rope_theta": 1000000,
    "tie_word_embeddings": False,
    "vocab_size": 92544,
}
# internlm/internlm-7b and -20b: keys without values that they share with Llama are left out.
INTERNLM: dict[str, Any] = {
    "model_type": "internlm",
    "architectures": ["InternLMForCausalLM"],
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "rms_norm_eps": 1e-06,
    "rotary": {"base": 10000, "type": "dynamic"},
    "tie_word_embeddings": False,
    "vocab_size": 103168,
}
INTERNLM_20B = INTERNLM | {
    "bias": False,
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "max_position_embeddings": 4096,
    "num_attention_heads": 40,
    "num_hidden_layers": 60,
    "num_key_value_heads": 40,
}
AQUILA: dict[str, Any] = {  # BAAI/Aquila-7B
    "model_type": "aquila",
    "architectures": ["AquilaModel"],
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "vocab_size": 100008,
}


def _read(folder: Path, config: dict[str, Any]) -> llmcmp.Model:
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return llmcmp.load(folder)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_legacy_config_has_the_parameters_and_the_cache_of_its_preset(tmp_path: Path, name: str) -> None:
    read, preset = _read(tmp_path, CONFIGS[name]), llmcmp.load(name)
    assert preset.card.published is not None
    assert llmcmp.params(read).total == llmcmp.params(preset).total == preset.card.published.exact
    assert llmcmp.params(read).active == llmcmp.params(preset).active
    assert llmcmp.kvcache(read, ctx=777).bytes == llmcmp.kvcache(preset, ctx=777).bytes
    assert llmcmp.flops(read, new=5, past=9).total == llmcmp.flops(preset, new=5, past=9).total


def test_internlm2_has_a_bias_only_where_it_says_so(tmp_path: Path) -> None:
    plain = llmcmp.params(_read(tmp_path, INTERNLM2)).total
    biased = llmcmp.params(_read(tmp_path, INTERNLM2 | {"bias": True})).total
    assert plain == 2 * 92544 * 4096 + 32 * (4096 * (2 * 4096 + 2 * 1024) + 3 * 4096 * 14336 + 2 * 4096) + 4096
    assert biased - plain == 32 * (2 * 4096 + 2 * 1024)


def test_internlm_has_biases_on_all_four_projections_unless_it_says_otherwise(tmp_path: Path) -> None:
    projections = 4 * 4096 * 4096 + 4 * 4096
    small = 2 * 103168 * 4096 + 32 * (projections + 3 * 4096 * 11008 + 2 * 4096) + 4096
    assert llmcmp.params(_read(tmp_path, INTERNLM)).total == small
    large = 2 * 103168 * 5120 + 60 * (4 * 5120 * 5120 + 3 * 5120 * 13824 + 2 * 5120) + 5120
    assert llmcmp.params(_read(tmp_path, INTERNLM_20B)).total == large


def test_aquila_is_llama_without_biases_with_grouped_heads_where_it_says_so(tmp_path: Path) -> None:
    rest = 2 * 100008 * 4096 + 32 * (3 * 4096 * 11008 + 2 * 4096) + 4096
    assert llmcmp.params(_read(tmp_path, AQUILA)).total == rest + 32 * 4 * 4096 * 4096
    grouped = _read(tmp_path, AQUILA | {"num_key_value_heads": 8})
    assert llmcmp.params(grouped).total == rest + 32 * (2 * 4096 * 4096 + 2 * 1024 * 4096)


def test_every_legacy_type_is_held_to_something() -> None:
    held = (*CONFIGS.values(), INTERNLM, INTERNLM2, AQUILA)
    assert {config["model_type"] for config in held} == legacy.TYPES.keys()


def test_internlm_names_its_rotation_in_an_object_of_its_own(tmp_path: Path) -> None:
    def position(**own: Any) -> Any:
        uses = walk(_read(tmp_path, INTERNLM | {"rotary": own}))
        return next(use.component.position for use in uses if isinstance(use.component, Attention))

    assert position(base=1000, type="origin") == Rotary(theta=1000.0)
    assert position(base=1000, type="dynamic").scaling.kind == "ntk"
    with pytest.raises(ConfigError, match=r"rotary.*'other'"):
        position(type="other")
