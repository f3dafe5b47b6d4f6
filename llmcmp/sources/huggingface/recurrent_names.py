"""The tensors of decoders with recurrent mixers: theirs on the left, ours on the right."""

from __future__ import annotations

from llmcmp.sources.huggingface.decoder_names import EXPERT_GATE_UP, gpt
from llmcmp.sources.huggingface.targets import Fused, Names, OneOf, under

MAMBA2 = gpt(
    "backbone",
    {"embeddings": "embedding", "norm_f": "norm"},
    under(
        "layers.*.",
        "",
        {
            "norm": "mixer_norm",
            "mixer.in_proj": Fused(names=("mixer.gate", "mixer.value", "mixer.key", "mixer.query", "mixer.step")),
            "mixer.conv1d": Fused(names=("mixer.value_conv", "mixer.key_conv", "mixer.query_conv")),
            "mixer.dt_bias": "mixer.step_bias",
            "mixer.A_log": "mixer.decay_log",
            "mixer.D": "mixer.skip",
            "mixer.norm": "mixer.norm",
            "mixer.out_proj": "mixer.output",
        },
    ),
)

# A layer has a mixer or attention; its first norm stands before either.
JAMBA: Names = {
    "input_layernorm": OneOf(names=("mixer_norm", "attention_norm")),
    "pre_ff_layernorm": "feed_forward_norm",
    "mamba.in_proj": Fused(names=("mixer.value", "mixer.gate")),
    "mamba.conv1d": "mixer.conv",
    "mamba.x_proj": Fused(names=("mixer.step_down", "mixer.key", "mixer.query")),
    "mamba.dt_proj": "mixer.step_up",
    "mamba.dt_layernorm": "mixer.step_norm",
    "mamba.b_layernorm": "mixer.key_norm",
    "mamba.c_layernorm": "mixer.query_norm",
    "mamba.A_log": "mixer.decay_log",
    "mamba.D": "mixer.skip",
    "mamba.out_proj": "mixer.output",
    "feed_forward.gate_proj": "feed_forward.gate",
    "feed_forward.up_proj": "feed_forward.up",
    "feed_forward.down_proj": "feed_forward.down",
    "feed_forward.router": "feed_forward.router",
    "feed_forward.experts.gate_up_proj": Fused(names=EXPERT_GATE_UP),
    "feed_forward.experts.down_proj": "feed_forward.experts.down.weight",
}

QWEN3_NEXT: Names = {
    "input_layernorm": OneOf(names=("mixer_norm", "attention_norm")),
    "self_attn.q_proj": Fused(names=("attention.query", "attention.gate"), turns="heads"),
    "linear_attn.in_proj_qkvz": Fused(
        names=("mixer.query", "mixer.key", "mixer.value", "mixer.gate"), turns="key_heads"
    ),
    "linear_attn.in_proj_ba": Fused(names=("mixer.beta", "mixer.decay"), turns="key_heads"),
    "linear_attn.conv1d": Fused(names=("mixer.query_conv", "mixer.key_conv", "mixer.value_conv")),
    "linear_attn.dt_bias": "mixer.decay_bias",
    "linear_attn.A_log": "mixer.decay_log",
    "linear_attn.norm": "mixer.norm",
    "linear_attn.out_proj": "mixer.output",
}
