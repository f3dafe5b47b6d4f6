"""llama.cpp's architectures: the model type that each was converted from, and where each key of its config stands.

Where a file of one name may be of two kinds, `needs` tells them apart. Keys that begin with "_" are read and dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.errors import ConfigError
from llmcmp.frozen import frozen
from llmcmp.sources.weights.gguf.facts import (
    ACTIVATED,
    ALIKE,
    BIASES,
    CAPPED,
    DEEPSEEK,
    EXPERTS,
    GEMMA,
    GPT,
    HEAD_DIM,
    HEADS,
    LOCAL,
    MAMBA,
    NO_WINDOW,
    ROPE,
    ROUTED,
    SCALAR,
    SIZES,
    WIDTH,
    WINDOW,
    Facts,
    absent,
    kv_heads,
    layer_norm,
    mamba2_head,
    number,
    one_kv_head,
    optional,
    shared_width,
    shows,
    whole,
    yes,
)

if TYPE_CHECKING:
    from llmcmp.sources.weights.gguf.metadata import Metadata

Config = dict[str, Any]


@frozen(eq=False)
class Architecture:
    """How one architecture is read. `needs`: a key or tensor that tells it from others of the same name."""

    model_type: str
    facts: tuple[Facts, ...]
    needs: str = ""

    def fits(self, metadata: Metadata) -> bool:
        """Whether a file is of this kind."""
        return not self.needs or metadata.has(self.needs) or metadata.holds(self.needs)

    def config(self, metadata: Metadata) -> Config:
        """The config of a file. Raises ConfigError for a key that is missing or that nobody reads."""
        found: Config = {"model_type": self.model_type}
        for facts in self.facts:
            for key, fact in facts.items():
                found[key] = fact(metadata) if callable(fact) else fact
        metadata.finish()
        return found


ARCHITECTURES: dict[str, tuple[Architecture, ...]] = {
    "llama": (
        Architecture(model_type="mixtral", needs="expert_count", facts=(*ALIKE, HEAD_DIM, NO_WINDOW, LOCAL)),
        Architecture(model_type="llama", facts=(*ALIKE, HEAD_DIM, BIASES)),
    ),
    "qwen2": (Architecture(model_type="qwen2", facts=(*ALIKE, NO_WINDOW)),),
    "qwen2moe": (
        Architecture(
            model_type="qwen2_moe",
            facts=(
                *ALIKE,
                NO_WINDOW,
                EXPERTS,
                {"qkv_bias": shows("blk.*.attn_q.bias"), "shared_expert_intermediate_size": shared_width},
            ),
        ),
    ),
    "qwen3": (Architecture(model_type="qwen3", facts=(*ALIKE, HEAD_DIM, NO_WINDOW, {"attention_bias": False})),),
    "qwen3moe": (
        Architecture(model_type="qwen3_moe", facts=(*ALIKE, HEAD_DIM, NO_WINDOW, EXPERTS, {"attention_bias": False})),
    ),
    "gemma": (Architecture(model_type="gemma", facts=GEMMA),),
    "gemma2": (Architecture(model_type="gemma2", facts=(*GEMMA, WINDOW, CAPPED, SCALAR)),),
    "gemma3": (Architecture(model_type="gemma3_text", facts=(*GEMMA, WINDOW, SCALAR)),),
    "phi2": (
        Architecture(
            model_type="phi",
            facts=(SIZES, HEADS, ROPE, WIDTH, layer_norm("layer_norm_eps"), {"qk_layernorm": False}, ACTIVATED),
        ),
    ),
    "phi3": (Architecture(model_type="phi3", facts=(*ALIKE, WINDOW)),),
    "deepseek2": (
        Architecture(model_type="deepseek_v3", needs="blk.*.exp_probs_b.bias", facts=DEEPSEEK),
        Architecture(model_type="deepseek_v2", facts=DEEPSEEK),
    ),
    "gpt2": (
        Architecture(
            model_type="gpt2",
            facts=(
                *GPT,
                layer_norm("layer_norm_epsilon"),
                {"n_inner": whole("feed_forward_length"), "activation_function": "gelu_new"},
            ),
        ),
    ),
    "falcon": (
        Architecture(
            model_type="falcon",
            needs="blk.*.attn_norm_2.weight",
            facts=(
                *GPT,
                layer_norm("layer_norm_epsilon"),
                ROPE,
                {
                    "new_decoder_architecture": True,
                    "num_kv_heads": kv_heads,
                    "ffn_hidden_size": whole("feed_forward_length"),
                    "bias": shows("blk.*.attn_qkv.bias"),
                    "alibi": False,
                },
            ),
        ),
        Architecture(
            model_type="falcon",
            facts=(
                *GPT,
                layer_norm("layer_norm_epsilon"),
                ROPE,
                {
                    "new_decoder_architecture": False,
                    "multi_query": one_kv_head,
                    "parallel_attn": True,
                    "ffn_hidden_size": whole("feed_forward_length"),
                    "bias": shows("blk.*.attn_qkv.bias"),
                    "alibi": False,
                },
            ),
        ),
    ),
    "bloom": (
        Architecture(
            model_type="bloom",
            facts=(
                {key: fact for key, fact in SIZES.items() if key != "max_position_embeddings"},
                {"num_attention_heads": whole("attention.head_count"), "n_inner": whole("feed_forward_length")},
                layer_norm("layer_norm_epsilon"),
                {"_kv": kv_heads},
            ),
        ),
    ),
    "gptneox": (
        Architecture(
            model_type="gpt_neox",
            facts=(
                *GPT,
                WIDTH,
                ROPE,
                layer_norm("layer_norm_eps"),
                {
                    "use_parallel_residual": yes("use_parallel_residual", True),
                    "attention_bias": shows("blk.*.attn_qkv.bias"),
                },
            ),
        ),
    ),
    "gpt-oss": (
        Architecture(
            model_type="gpt_oss",
            facts=(
                *ALIKE,
                HEAD_DIM,
                WINDOW,
                LOCAL,
                {
                    "attention_bias": True,
                    "layer_types": None,
                    "intermediate_size": whole("expert_feed_forward_length"),
                    "_dense": whole("feed_forward_length", 0),
                },
            ),
        ),
    ),
    "glm4": (
        Architecture(model_type="glm4", facts=(*ALIKE, HEAD_DIM, {"attention_bias": shows("blk.*.attn_q.bias")})),
    ),
    "glm4moe": (
        Architecture(
            model_type="glm4_moe",
            facts=(
                *ALIKE,
                HEAD_DIM,
                {
                    "attention_bias": shows("blk.*.attn_q.bias"),
                    "use_qk_norm": shows("blk.*.attn_q_norm.weight"),
                    "n_routed_experts": whole("expert_count"),
                    "n_shared_experts": whole("expert_shared_count", 0),
                    "moe_intermediate_size": whole("expert_feed_forward_length"),
                    "first_k_dense_replace": whole("leading_dense_block_count", 0),
                    "num_nextn_predict_layers": whole("nextn_predict_layers", 0),
                    "n_group": 1,
                    "topk_group": 1,
                    "norm_topk_prob": True,
                    "routed_scaling_factor": number("expert_weights_scale", 1.0),
                    **ROUTED,
                },
            ),
        ),
    ),
    "mamba": (
        Architecture(
            model_type="falcon_mamba",
            needs="ssm.dt_b_c_rms",
            facts=(*MAMBA, {"time_step_rank": whole("ssm.time_step_rank"), "_norms": optional("ssm.dt_b_c_rms")}),
        ),
        Architecture(
            model_type="mamba",
            facts=(*MAMBA, {"time_step_rank": whole("ssm.time_step_rank"), "_norms": optional("ssm.dt_b_c_rms")}),
        ),
    ),
    "mamba2": (
        Architecture(
            model_type="mamba2",
            facts=(
                *MAMBA,
                {
                    "num_heads": whole("ssm.time_step_rank"),
                    "head_dim": mamba2_head,
                    "n_groups": whole("ssm.group_count"),
                },
            ),
        ),
    ),
    "starcoder2": (
        Architecture(
            model_type="starcoder2",
            facts=(
                SIZES,
                HEADS,
                ROPE,
                WIDTH,
                layer_norm("norm_epsilon"),
                NO_WINDOW,
                {"use_bias": shows("blk.*.attn_q.bias")},
            ),
        ),
    ),
    "olmo2": (Architecture(model_type="olmo2", facts=(*ALIKE, {"attention_bias": False})),),
    "olmoe": (
        Architecture(
            model_type="olmoe",
            facts=(*ALIKE, {"attention_bias": False, "num_experts": whole("expert_count"), **ROUTED}),
        ),
    ),
    "command-r": (
        Architecture(
            model_type="cohere",
            facts=(
                SIZES,
                HEADS,
                ROPE,
                WIDTH,
                layer_norm("layer_norm_eps"),
                {"attention_bias": False, "use_qk_norm": shows("blk.*.attn_q_norm.weight")},
            ),
        ),
    ),
    "stablelm": (
        Architecture(
            model_type="stablelm",
            facts=(
                SIZES,
                HEADS,
                ROPE,
                WIDTH,
                layer_norm("layer_norm_eps"),
                {
                    "use_qkv_bias": shows("blk.*.attn_q.bias"),
                    "qk_layernorm": shows("blk.*.attn_q_norm.weight"),
                    "use_parallel_residual": absent("blk.*.ffn_norm.weight"),
                    "_parallel": optional("use_parallel_residual"),
                },
            ),
        ),
    ),
    "seed_oss": (
        Architecture(
            model_type="seed_oss",
            facts=(
                *ALIKE,
                HEAD_DIM,
                {
                    "attention_bias": shows("blk.*.attn_q.bias"),
                    "attention_out_bias": shows("blk.*.attn_output.bias"),
                    "mlp_bias": False,
                },
            ),
        ),
    ),
}


def config_of(metadata: Metadata) -> Config:
    """The config that a file's metadata stands for. Raises ConfigError for an architecture that is not known."""
    known = ARCHITECTURES.get(metadata.arch)
    if known is None:
        raise ConfigError(
            f"{metadata.file}: general.architecture: {metadata.arch[:60]!r} is not known; known: "
            f"{', '.join(ARCHITECTURES)}"
        )
    found = next(each for each in known if each.fits(metadata)).config(metadata)
    return {key: value for key, value in found.items() if not key.startswith("_")}
