"""Which transformers class a preset is held to, and its config as a function of the Model's own data.

A config takes sizes from the Model and structure from transformers: which linears have a bias, which layers of a
pattern have a window, where norms stand and what is fused is left to the class, so a preset that has them wrong
disagrees. Only options that separate sizes of one family are read from the Model: OPT-350M's post-norm, GLM-4.5's QK
norm, tied heads, whether there is a window at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

import llmcmp
from llmcmp.sources.names import preset_files

from .anatomy import Anatomy, layers
from .scans import Scanned, delta_scan, mamba2_scan, mamba_scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model

transformers = pytest.importorskip("transformers")

# Special ids that fit the smallest vocabulary. Most models get no padding id: transformers looks for it among the
# tokens, which have no values on the meta device. OPT, BART and RoBERTa count their positions from it.
IDS = {"pad_token_id": None, "bos_token_id": 0, "eos_token_id": 2}
PADDED = IDS | {"pad_token_id": 1}


@dataclass(frozen=True)
class Reference:
    """A transformers model class and config, and what the class takes for granted of the sizes.

    Sizes: `square`: heads x head_dim = hidden. `fourfold`: the feed-forward is 4 x hidden wide. `shared_like_expert`:
    the shared expert is as wide as a routed one; `shared_multiple`: as a whole number of routed ones.
    `one_width`: dense feed-forwards are as wide as a routed expert.
    `least_layers`: a depth at which every kind of layer occurs, and another order would show in their numbers.

    What the class does otherwise than the architecture asks, each corrected exactly where it is compared:
    `caches`: it keeps keys and values; OpenAI's first GPT predates that, and bare encoders have no use for it.
    `caches_all_heads`: it repeats keys and values to all heads before it caches them.
    `runs_all_experts`: it multiplies every token with every expert, those not chosen scaled by zero.
    `scan`: what its torch code computes for one mixer where no kernels are installed (scans.py).
    `device`: "cpu" where which experts are hit decides what runs, which tensors without values cannot tell.
    """

    model: str
    config: Callable[[Anatomy], Any]
    square: bool = False
    fourfold: bool = False
    shared_like_expert: bool = False
    shared_multiple: bool = False
    one_width: bool = False
    least_layers: int = 2
    caches: bool = True
    caches_all_heads: bool = False
    runs_all_experts: bool = False
    scan: Callable[[Any, int, int, bool], Scanned] | None = None
    device: str = "meta"

    def config_of(self, model: Model) -> Any:
        """The transformers config of the same sizes."""
        return self.config(Anatomy(model))


def openai_gpt(a: Anatomy) -> Any:
    return transformers.OpenAIGPTConfig(
        vocab_size=a.vocabulary, n_positions=a.rows, n_embd=a.hidden, n_layer=a.depth, n_head=a.attention.heads, **IDS
    )


def gpt2(a: Anatomy) -> Any:
    return transformers.GPT2Config(
        vocab_size=a.vocabulary,
        n_positions=a.rows,
        n_embd=a.hidden,
        n_layer=a.depth,
        n_head=a.attention.heads,
        n_inner=a.feed_forward.intermediate,
        **IDS,
    )


def opt(a: Anatomy) -> Any:
    return transformers.OPTConfig(
        vocab_size=a.vocabulary,
        hidden_size=a.hidden,
        num_hidden_layers=a.depth,
        ffn_dim=a.feed_forward.intermediate,
        max_position_embeddings=a.rows - 2,  # the table starts with two reserved rows
        num_attention_heads=a.attention.heads,
        do_layer_norm_before=a.placement == "pre",
        word_embed_proj_dim=a.width,
        **PADDED,
    )


def gpt_j(a: Anatomy) -> Any:
    return transformers.GPTJConfig(
        vocab_size=a.vocabulary,
        n_positions=a.limit,
        n_embd=a.hidden,
        n_layer=a.depth,
        n_head=a.attention.heads,
        rotary_dim=a.attention.position.rotated(a.attention.head_dim),
        n_inner=a.feed_forward.intermediate,
        **IDS,
    )


def gpt_neox(a: Anatomy) -> Any:
    return transformers.GPTNeoXConfig(
        vocab_size=a.vocabulary,
        hidden_size=a.hidden,
        num_hidden_layers=a.depth,
        num_attention_heads=a.attention.heads,
        intermediate_size=a.feed_forward.intermediate,
        max_position_embeddings=a.limit,
        rope_parameters=a.rope,
        **IDS,
    )


def bloom(a: Anatomy) -> Any:
    return transformers.BloomConfig(
        vocab_size=a.vocabulary, hidden_size=a.hidden, n_layer=a.depth, n_head=a.attention.heads, **IDS
    )


def mpt(a: Anatomy) -> Any:
    return transformers.MptConfig(
        vocab_size=a.vocabulary,
        d_model=a.hidden,
        n_heads=a.attention.heads,
        n_layers=a.depth,
        max_seq_len=a.limit,
        **IDS,
    )


def falcon(a: Anatomy) -> Any:
    return transformers.FalconConfig(
        vocab_size=a.vocabulary,
        hidden_size=a.hidden,
        num_hidden_layers=a.depth,
        num_attention_heads=a.attention.heads,
        num_kv_heads=a.attention.kv_heads,
        ffn_hidden_size=a.feed_forward.intermediate,
        new_decoder_architecture=a.first_step.shared_norm is None,
        max_position_embeddings=a.limit,
        rope_parameters=a.rope,
        **IDS,
    )


def common(a: Anatomy) -> dict[str, Any]:
    """The keys that decoders since LLaMA share, feed-forwards apart."""
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "num_key_value_heads": a.attention.kv_heads,
        "max_position_embeddings": a.limit,
        "tie_word_embeddings": a.tied,
        **IDS,
    }


def dense(a: Anatomy) -> dict[str, Any]:
    """`common` with rotary positions and one width of dense feed-forwards."""
    return common(a) | {"intermediate_size": a.feed_forward.intermediate, "rope_parameters": a.rope}


def llama(a: Anatomy) -> Any:
    return transformers.LlamaConfig(**dense(a), head_dim=a.attention.head_dim)


def mistral(a: Anatomy) -> Any:
    return transformers.MistralConfig(**dense(a), head_dim=a.attention.head_dim, sliding_window=a.window)


def mixtral(a: Anatomy) -> Any:
    return transformers.MixtralConfig(
        **common(a),
        rope_parameters=a.rope,
        head_dim=a.attention.head_dim,
        intermediate_size=a.moe.expert.intermediate,
        num_local_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
        sliding_window=a.window,
    )


def qwen2(a: Anatomy) -> Any:
    return transformers.Qwen2Config(**dense(a))


def qwen3(a: Anatomy) -> Any:
    return transformers.Qwen3Config(**dense(a), head_dim=a.attention.head_dim)


def qwen2_moe(a: Anatomy) -> Any:
    return transformers.Qwen2MoeConfig(
        **common(a),
        rope_parameters=a.rope,
        moe_intermediate_size=a.moe.expert.intermediate,
        shared_expert_intermediate_size=a.moe.shared.intermediate,
        num_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
    )


def qwen3_moe(a: Anatomy) -> Any:
    return transformers.Qwen3MoeConfig(
        **common(a),
        rope_parameters=a.rope,
        head_dim=a.attention.head_dim,
        moe_intermediate_size=a.moe.expert.intermediate,
        num_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
    )


def deepseek_moe(a: Anatomy) -> dict[str, Any]:
    """Dense layers first, then routed and shared experts: DeepSeek-V2 and V3, GLM-4.5."""
    shared, rest = divmod(a.moe.shared.intermediate, a.moe.expert.intermediate)
    assert rest == 0
    return {
        "intermediate_size": a.dense_intermediate,
        "moe_intermediate_size": a.moe.expert.intermediate,
        "n_routed_experts": a.moe.experts,
        "num_experts_per_tok": a.moe.per_token,
        "n_shared_experts": shared,
        "first_k_dense_replace": a.moe_layers[0],
        "n_group": a.moe.router.groups,
        "topk_group": a.moe.router.groups_per_token,
    }


def latent(a: Anatomy) -> dict[str, Any]:
    """DeepSeek's decoders with latent attention; their kv_heads are the heads."""
    position = a.attention.position
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "num_key_value_heads": a.attention.heads,
        "q_lora_rank": a.attention.query_rank,
        "kv_lora_rank": a.attention.kv_rank,
        "qk_nope_head_dim": a.attention.nope_dim,
        "qk_rope_head_dim": a.attention.rope_dim,
        "v_head_dim": a.attention.value_dim,
        "max_position_embeddings": a.limit,
        "tie_word_embeddings": a.tied,
        "rope_parameters": {"rope_type": "default", "rope_theta": position.theta},
        **IDS,
        **deepseek_moe(a),
    }


def deepseek_v2(a: Anatomy) -> Any:
    limited = a.moe.router.groups > 1
    return transformers.DeepseekV2Config(**latent(a), topk_method="group_limited_greedy" if limited else "greedy")


def deepseek_v3(a: Anatomy) -> Any:
    return transformers.DeepseekV3Config(**latent(a))


def glm(a: Anatomy) -> Any:
    return transformers.GlmConfig(**dense(a), head_dim=a.attention.head_dim)


def glm4(a: Anatomy) -> Any:
    biased = bool(a.attention.bias)  # of queries, keys and values: the 9B has them, the 32B has not
    return transformers.Glm4Config(
        **dense(a), head_dim=a.attention.head_dim, attention_bias=biased, rms_norm_eps=a.epsilon
    )


def mamba2(a: Anatomy) -> Any:
    return transformers.Mamba2Config(
        vocab_size=a.vocabulary,
        hidden_size=a.hidden,
        num_hidden_layers=a.depth,
        num_heads=a.mixer.heads,
        head_dim=a.mixer.head_dim,
        state_size=a.mixer.state_size,
        n_groups=a.mixer.groups,
        conv_kernel=a.mixer.kernel,
        layer_norm_epsilon=a.epsilon,
        tie_word_embeddings=a.tied,
        **IDS,
    )


def jamba(a: Anatomy) -> Any:
    return transformers.JambaConfig(
        **common(a),
        intermediate_size=a.moe.expert.intermediate,
        num_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
        rms_norm_eps=a.epsilon,
        mamba_d_state=a.mixer.state_size,
        mamba_d_conv=a.mixer.kernel,
        mamba_expand=a.mixer.inner // a.hidden,
        mamba_dt_rank=a.mixer.step_rank,
    )


def qwen3_next(a: Anatomy) -> Any:
    return transformers.Qwen3NextConfig(
        **common(a),
        rope_parameters=a.rope,
        head_dim=a.attention.head_dim,
        rms_norm_eps=a.epsilon,
        linear_conv_kernel_dim=a.mixer.kernel,
        linear_key_head_dim=a.mixer.key_dim,
        linear_value_head_dim=a.mixer.value_dim,
        linear_num_key_heads=a.mixer.key_heads,
        linear_num_value_heads=a.mixer.value_heads,
        moe_intermediate_size=a.moe.expert.intermediate,
        shared_expert_intermediate_size=a.moe.shared.intermediate,
        num_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
    )


def glm4_moe(a: Anatomy) -> Any:
    return transformers.Glm4MoeConfig(
        **common(a),
        **deepseek_moe(a),
        head_dim=a.attention.head_dim,
        rope_parameters=a.rope | {"partial_rotary_factor": a.attention.position.fraction},
        attention_bias=bool(a.attention.bias),  # of queries, keys and values; DeepSeekMoE has none
        use_qk_norm=a.attention.qk_norm is not None,  # GLM-4.5, not GLM-4.5-Air
    )


def gemma(a: Anatomy) -> Any:
    return transformers.GemmaConfig(**dense(a), head_dim=a.attention.head_dim)


def gemma2(a: Anatomy) -> Any:
    return transformers.Gemma2Config(**dense(a), head_dim=a.attention.head_dim, sliding_window=a.window)


def gemma3(a: Anatomy) -> Any:
    sizes = common(a) | {"intermediate_size": a.feed_forward.intermediate}
    return transformers.Gemma3TextConfig(**sizes, head_dim=a.attention.head_dim, sliding_window=a.window)


def gpt_oss(a: Anatomy) -> Any:
    return transformers.GptOssConfig(
        **common(a),
        rope_parameters=a.rope,
        head_dim=a.attention.head_dim,
        intermediate_size=a.moe.expert.intermediate,
        num_local_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
        sliding_window=a.window,
    )


def phi(a: Anatomy) -> Any:
    return transformers.PhiConfig(**dense(a))


def phi3(a: Anatomy) -> Any:
    return transformers.Phi3Config(**dense(a), sliding_window=a.window)


def olmo2(a: Anatomy) -> Any:
    return transformers.Olmo2Config(**dense(a))


def llama4(a: Anatomy) -> Any:
    return transformers.Llama4TextConfig(
        **common(a),
        rope_parameters=a.rope,
        head_dim=a.attention.head_dim,
        intermediate_size=a.moe.expert.intermediate,
        intermediate_size_mlp=a.dense_intermediate,
        num_local_experts=a.moe.experts,
        num_experts_per_tok=a.moe.per_token,
        interleave_moe_layer_step=a.moe_layers[0] + 1,
        attention_chunk_size=a.window,
        use_qk_norm=a.attention.qk_norm is not None,  # Scout, not Maverick
    )


def bert_sizes(a: Anatomy) -> dict[str, Any]:
    """The keys of BERT and its descendants."""
    return {
        "vocab_size": a.vocabulary,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.depth,
        "num_attention_heads": a.attention.heads,
        "intermediate_size": a.feed_forward.intermediate,
        "max_position_embeddings": a.rows,
        "type_vocab_size": a.outside["token_types"].types,
        **PADDED,
    }


def bert(a: Anatomy) -> Any:
    return transformers.BertConfig(**bert_sizes(a))


def roberta(a: Anatomy) -> Any:
    return transformers.RobertaConfig(**bert_sizes(a))


def albert(a: Anatomy) -> Any:
    return transformers.AlbertConfig(**bert_sizes(a), embedding_size=a.width)


def bart(a: Anatomy) -> Any:
    encoder = layers(a.encoder)
    return transformers.BartConfig(
        vocab_size=a.vocabulary,
        max_position_embeddings=a.rows - 2,  # the tables start with two reserved rows
        d_model=a.hidden,
        encoder_layers=len(encoder),
        encoder_attention_heads=encoder[0]["attention"].heads,
        encoder_ffn_dim=encoder[0]["feed_forward"].intermediate,
        decoder_layers=a.depth,
        decoder_attention_heads=a.attention.heads,
        decoder_ffn_dim=a.feed_forward.intermediate,
        decoder_start_token_id=2,
        forced_eos_token_id=None,  # a generation setting, which a config may not hold
        **PADDED,
    )


def t5_sizes(a: Anatomy) -> dict[str, Any]:
    """The keys of T5 and Switch."""
    return {
        "vocab_size": a.vocabulary,
        "d_model": a.hidden,
        "d_kv": a.attention.head_dim,
        "d_ff": a.dense_intermediate,
        "num_layers": a.encoder.depth,
        "num_decoder_layers": a.depth,
        "num_heads": a.attention.heads,
        "relative_attention_num_buckets": a.outside["positions"].buckets,
        "relative_attention_max_distance": a.outside["positions"].max_distance,
        "decoder_start_token_id": 0,
        **PADDED,
    }


def t5(a: Anatomy) -> Any:
    gated = a.feed_forward.kind == "gated"
    return transformers.T5Config(**t5_sizes(a), feed_forward_proj="gated-gelu" if gated else "relu")


def switch(a: Anatomy) -> Any:
    sparse = [len([x for x in layers(tower) if x["feed_forward"].kind == "experts"]) for tower in a.model.towers]
    return transformers.SwitchTransformersConfig(
        **t5_sizes(a),
        num_sparse_encoder_layers=sparse[0],
        num_sparse_decoder_layers=sparse[1],
        num_experts=a.moe.experts,
        # Tokens beyond an expert's capacity are dropped; llmcmp counts none dropped (components/experts.py).
        expert_capacity=1_000_000,
        tie_word_embeddings=True,  # False parts the tables of encoder and decoder too, see `own_head`
    )


REFERENCES: dict[str, Reference] = {
    reference.model: reference
    for reference in (
        Reference("OpenAIGPTLMHeadModel", openai_gpt, square=True, fourfold=True, caches=False),
        Reference("GPT2LMHeadModel", gpt2, square=True),
        Reference("OPTForCausalLM", opt, square=True),
        Reference("GPTJForCausalLM", gpt_j, square=True),
        Reference("GPTNeoXForCausalLM", gpt_neox, square=True),
        Reference("BloomForCausalLM", bloom, square=True, fourfold=True),
        Reference("MptForCausalLM", mpt, square=True, fourfold=True),
        Reference("FalconForCausalLM", falcon, square=True, caches_all_heads=True),
        Reference("LlamaForCausalLM", llama),
        Reference("MistralForCausalLM", mistral),
        Reference("MixtralForCausalLM", mixtral),
        Reference("Qwen2ForCausalLM", qwen2, square=True),
        Reference("Qwen2MoeForCausalLM", qwen2_moe, square=True),
        Reference("Qwen3ForCausalLM", qwen3),
        Reference("Qwen3MoeForCausalLM", qwen3_moe),
        Reference("DeepseekV2ForCausalLM", deepseek_v2, shared_multiple=True),
        Reference("DeepseekV3ForCausalLM", deepseek_v3, shared_multiple=True),
        Reference("GlmForCausalLM", glm),
        Reference("Glm4ForCausalLM", glm4),
        Reference("Mamba2ForCausalLM", mamba2, scan=mamba2_scan),
        Reference("JambaForCausalLM", jamba, square=True, one_width=True, least_layers=9, scan=mamba_scan),
        Reference("Qwen3NextForCausalLM", qwen3_next, least_layers=5, scan=delta_scan),
        Reference("Glm4MoeForCausalLM", glm4_moe, shared_multiple=True),
        Reference("GemmaForCausalLM", gemma),
        Reference("Gemma2ForCausalLM", gemma2, least_layers=3),
        Reference("Gemma3ForCausalLM", gemma3, least_layers=7),
        Reference("GptOssForCausalLM", gpt_oss, least_layers=3),
        Reference("PhiForCausalLM", phi, square=True),
        Reference("Phi3ForCausalLM", phi3, square=True),
        Reference("Olmo2ForCausalLM", olmo2, square=True),
        Reference("Llama4ForCausalLM", llama4, shared_like_expert=True, least_layers=5, runs_all_experts=True),
        Reference("BertModel", bert, square=True, caches=False),
        Reference("RobertaModel", roberta, square=True, caches=False),
        Reference("AlbertModel", albert, square=True, caches=False),
        Reference("BartForConditionalGeneration", bart, square=True),
        Reference("T5ForConditionalGeneration", t5),
        Reference("SwitchTransformersForConditionalGeneration", switch, one_width=True, device="cpu"),
    )
}


def own_head(model: Model) -> tuple[int, int] | None:
    """The shape of a head that the released tensors have and the reference has not.

    transformers 5 ties the head of every T5 by force, T5 v1.1's and Flan-T5's too, and untying Switch's would part the
    token tables of its encoder and decoder, which are one.
    """
    head = Anatomy(model).outside.get("head")
    if model.encoder is None or head is None or head.tied:
        return None
    return head.vocabulary, head.width


# Presets whose count names no transformers class, and a class of the same mechanism.
SAME_MECHANISM = {
    "deepseek-moe-16b": "Glm4MoeForCausalLM",  # multi-head attention, dense layers first, shared experts
    "gpt3-*": "GPT2LMHeadModel",  # the paper's banded layers are costed as dense (the preset's note)
    "switch-large-128": "SwitchTransformersForConditionalGeneration",
    "switch-c-2048": "SwitchTransformersForConditionalGeneration",
}

# Presets that no class of transformers 5.23 can express.
NO_REFERENCE = {
    "chatglm-6b": "remote code: DeepNorm, two-axis rotary positions",
    "glm-130b": "never in transformers: DeepNorm",
    "palm-*": "never in transformers: parallel blocks with multi-query attention and gated feed-forwards",
    "switch-xxl-128": "SwitchTransformersExperts has no gated feed-forward",
    "transformer-xl": "left transformers with version 4.36",
}


def reference_name(preset: str) -> str | None:
    """The transformers class that a preset is held to: the one that its file says counted it."""
    published = llmcmp.load(preset).card.published
    said = re.search(r"transformers 5\.23(?:, (\w+))?", published.exact_from or "" if published else "")
    if said is None:
        return next((name for pattern, name in SAME_MECHANISM.items() if fnmatch(preset, pattern)), None)
    # The one count without a class name is that of T5 v1.1. BartModel has no logits; the model with them counts the
    # same parameters, because its head is tied.
    return {None: "T5ForConditionalGeneration", "BartModel": "BartForConditionalGeneration"}.get(said[1], said[1])


def preset_references() -> dict[str, Reference]:
    """Every preset that has a reference."""
    names = {preset: reference_name(preset) for preset in preset_files()}
    return {preset: REFERENCES[name] for preset, name in names.items() if name is not None}


# One preset for each way of building a class, smallest first: what the quick tests run on.
QUICK = (
    "gpt1",
    "gpt2",
    "opt-125m",
    "opt-350m",
    "gpt-j-6b",
    "gpt-neox-20b",
    "bloom-560m",
    "mpt-7b",
    "falcon-7b",
    "falcon-40b",
    "llama2-7b",
    "llama3-8b",
    "llama3.2-1b",
    "mistral-7b",
    "mixtral-8x7b",
    "qwen2-0.5b",
    "qwen2-7b",
    "qwen1.5-moe-a2.7b",
    "qwen3-8b",
    "qwen3-30b-a3b",
    "deepseek-moe-16b",
    "deepseek-v2-lite",
    "deepseek-v2",
    "deepseek-v3",
    "glm-4-9b",
    "glm-4-0414-9b",
    "glm-4-0414-32b",
    "mamba2-130m",
    "jamba-v0.1",
    "qwen3-next-80b-a3b",
    "glm-4.5",
    "glm-4.5-air",
    "gemma-2b",
    "gemma2-2b",
    "gemma3-1b",
    "gpt-oss-20b",
    "phi-2",
    "phi-3-mini",
    "phi-4-mini",
    "olmo2-1b",
    "llama4-scout",
    "llama4-maverick",
    "bert-base",
    "roberta-base",
    "albert-base",
    "bart-base",
    "t5-small",
    "t5-v1.1-small",
    "switch-base-8",
)
