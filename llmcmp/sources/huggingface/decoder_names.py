"""The tensors of decoders: theirs on the left, ours on the right.

A table may name what a class does not always have: biases, norms, experts.
"""

from __future__ import annotations

from llmcmp.sources.huggingface.targets import Fused, Names, OneOf, under

QKV = ("attention.query", "attention.key", "attention.value")
GATE_UP = ("feed_forward.gate", "feed_forward.up")
EXPERT_GATE_UP = ("feed_forward.experts.gate.weight", "feed_forward.experts.up.weight")
LAYERS = "layers.*."


def gpt(root: str, outside: Names, layer: Names, head: str = "lm_head") -> Names:
    """A decoder whose modules stand under `root`, each layer under root and "h.*." or what `layer` says."""
    return under(f"{root}.", "", outside) | under(f"{root}.", LAYERS, layer) | {head: "head"}


CONV1D: Names = {
    "h.*.attn.c_attn": Fused(names=QKV, inputs_first=True),
    "h.*.attn.c_proj": Fused(names=("attention.output",), inputs_first=True),
    "h.*.mlp.c_fc": Fused(names=("feed_forward.up",), inputs_first=True),
    "h.*.mlp.c_proj": Fused(names=("feed_forward.down",), inputs_first=True),
}

OPENAI_GPT = gpt(
    "transformer",
    {"tokens_embed": "embedding", "positions_embed": "positions"},
    CONV1D | {"h.*.ln_1": "attention_output_norm", "h.*.ln_2": "feed_forward_output_norm"},
)

GPT2 = gpt(
    "transformer",
    {"wte": "embedding", "wpe": "positions", "ln_f": "norm"},
    CONV1D | {"h.*.ln_1": "attention_norm", "h.*.ln_2": "feed_forward_norm"},
)

GPT_J = gpt(
    "transformer",
    {"wte": "embedding", "ln_f": "norm"},
    {
        "h.*.ln_1": "norm",
        "h.*.attn.q_proj": "attention.query",
        "h.*.attn.k_proj": "attention.key",
        "h.*.attn.v_proj": "attention.value",
        "h.*.attn.out_proj": "attention.output",
        "h.*.mlp.fc_in": "feed_forward.up",
        "h.*.mlp.fc_out": "feed_forward.down",
    },
)

MEGATRON: Names = {"mlp.dense_h_to_4h": "feed_forward.up", "mlp.dense_4h_to_h": "feed_forward.down"}
SELF_ATTENTION: Names = {
    "self_attention.query_key_value": Fused(names=QKV, turns="kv_heads"),
    "self_attention.dense": "attention.output",
}

GPT_NEOX = gpt(
    "gpt_neox",
    {"embed_in": "embedding", "final_layer_norm": "norm"},
    under("layers.*.", "", MEGATRON)
    | {
        "layers.*.input_layernorm": "attention_norm",
        "layers.*.post_attention_layernorm": "feed_forward_norm",
        "layers.*.attention.query_key_value": Fused(names=QKV, turns="kv_heads"),
        "layers.*.attention.dense": "attention.output",
    },
)

BLOOM = gpt(
    "transformer",
    {"word_embeddings": "embedding", "word_embeddings_layernorm": "embedding_norm", "ln_f": "norm"},
    under("h.*.", "", MEGATRON | SELF_ATTENTION)
    | {"h.*.input_layernorm": "attention_norm", "h.*.post_attention_layernorm": "feed_forward_norm"},
)

FALCON = gpt(
    "transformer",
    {"word_embeddings": "embedding", "ln_f": "norm"},
    under("h.*.", "", MEGATRON | SELF_ATTENTION)
    | {"h.*.input_layernorm": "norm", "h.*.ln_attn": "attention_norm", "h.*.ln_mlp": "feed_forward_norm"},
)

MPT = gpt(
    "transformer",
    {"wte": "embedding", "norm_f": "norm"},
    {
        "blocks.*.norm_1": "attention_norm",
        "blocks.*.norm_2": "feed_forward_norm",
        "blocks.*.attn.Wqkv": Fused(names=QKV),
        "blocks.*.attn.out_proj": "attention.output",
        "blocks.*.ffn.up_proj": "feed_forward.up",
        "blocks.*.ffn.down_proj": "feed_forward.down",
    },
)

# A layer of OPT; of BART too, encoder and decoder.
FAIRSEQ_LAYER: Names = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.out_proj": "attention.output",
    "self_attn_layer_norm": OneOf(names=("attention_norm", "attention_output_norm")),
    "fc1": "feed_forward.up",
    "fc2": "feed_forward.down",
    "final_layer_norm": OneOf(names=("feed_forward_norm", "feed_forward_output_norm")),
}

OPT = gpt(
    "model.decoder",
    {
        "embed_tokens": "embedding",
        "embed_positions": "positions",
        "project_in": "embedding_projection",
        "project_out": "head_projection",
        "final_layer_norm": "norm",
    },
    under("layers.*.", "", FAIRSEQ_LAYER),
)

# LLaMA's names, which most decoders since have kept.
ROTATED: Names = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output",
    "self_attn.q_norm": "attention.query_norm",
    "self_attn.k_norm": "attention.key_norm",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "feed_forward_norm",
    "mlp.gate_proj": "feed_forward.gate",
    "mlp.up_proj": "feed_forward.up",
    "mlp.down_proj": "feed_forward.down",
}

# Norms after both sub-layers, with norms before them or without.
SANDWICH: Names = {
    "post_attention_layernorm": "attention_output_norm",
    "pre_feedforward_layernorm": "feed_forward_norm",
    "post_feedforward_layernorm": "feed_forward_output_norm",
}

EXPERTS: Names = {
    "mlp.gate": "feed_forward.router",
    "mlp.gate.e_score_correction_bias": "feed_forward.router.correction",
    "mlp.experts.gate_up_proj": Fused(names=EXPERT_GATE_UP),
    "mlp.experts.down_proj": "feed_forward.experts.down.weight",
    **{
        f"mlp.{shared}.{theirs}_proj": f"feed_forward.shared.{theirs}"
        for shared in ("shared_expert", "shared_experts")
        for theirs in ("gate", "up", "down")
    },
    "mlp.shared_expert_gate": "feed_forward.shared_gate",
}

LATENT: Names = {
    "self_attn.q_a_proj": "attention.query_down",
    "self_attn.q_a_layernorm": "attention.query_norm",
    "self_attn.q_b_proj": "attention.query_up",
    "self_attn.kv_a_proj_with_mqa": Fused(names=("attention.kv_down", "attention.key_rope")),
    "self_attn.kv_a_layernorm": "attention.kv_norm",
    "self_attn.kv_b_proj": Fused(names=("attention.key_up", "attention.value_up"), turns="heads"),
}

GPT_OSS: Names = {
    "self_attn.sinks": "attention.sinks",
    "mlp.router": "feed_forward.router",
    "mlp.experts.gate_up_proj": Fused(names=EXPERT_GATE_UP, turns="rows", inputs_first=True),
    "mlp.experts.gate_up_proj_bias": Fused(
        names=("feed_forward.experts.gate.bias", "feed_forward.experts.up.bias"), turns="rows"
    ),
    "mlp.experts.down_proj": Fused(names=("feed_forward.experts.down.weight",), inputs_first=True),
    "mlp.experts.down_proj_bias": "feed_forward.experts.down.bias",
}

LLAMA4: Names = {
    "feed_forward.gate_proj": "feed_forward.gate",
    "feed_forward.up_proj": "feed_forward.up",
    "feed_forward.down_proj": "feed_forward.down",
    "feed_forward.router": "feed_forward.router",
    "feed_forward.experts.gate_up_proj": Fused(names=EXPERT_GATE_UP, inputs_first=True),
    "feed_forward.experts.down_proj": Fused(names=("feed_forward.experts.down.weight",), inputs_first=True),
    "feed_forward.shared_expert.gate_proj": "feed_forward.shared.gate",
    "feed_forward.shared_expert.up_proj": "feed_forward.shared.up",
    "feed_forward.shared_expert.down_proj": "feed_forward.shared.down",
}

PHI: Names = {
    "input_layernorm": "norm",  # of both branches
    "self_attn.dense": "attention.output",
    "mlp.fc1": "feed_forward.up",
    "mlp.fc2": "feed_forward.down",
}

PHI3: Names = {"self_attn.qkv_proj": Fused(names=QKV), "mlp.gate_up_proj": Fused(names=GATE_UP)}

GLM4: Names = {
    "mlp.gate_up_proj": Fused(names=GATE_UP),
    "post_self_attn_layernorm": "attention_output_norm",
    "post_mlp_layernorm": "feed_forward_output_norm",
}


def llama(*layer: Names) -> Names:
    """LLaMA's names, with those of a layer changed or added."""
    names = dict(ROTATED)
    for more in layer:
        names |= more
    outside: Names = {"embed_tokens": "embedding", "norm": "norm", "final_layernorm": "norm"}
    return gpt("model", outside, under("layers.*.", "", names))
