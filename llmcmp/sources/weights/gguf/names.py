"""The tensors of GGUF: llama.cpp's names on the left, ours on the right (gguf-py/gguf/constants.py, TENSOR_NAMES).

They are the same for every architecture but for a few, which stand in tables of their own.
"""

from __future__ import annotations

from llmcmp.sources.huggingface.decoder_names import GATE_UP, QKV
from llmcmp.sources.huggingface.targets import Fused, Names, OneOf, Reshaped, under
from llmcmp.sources.weights.against import Dictionary

OUTSIDE: Names = {
    "token_embd": "embedding",
    "token_embd_norm": "embedding_norm",
    "position_embd": "positions",
    "output_norm": "norm",
    "output": "head",
}

_ATTENTION: Names = {
    "attn_norm": OneOf(names=("attention_norm", "mixer_norm", "norm")),
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_qkv": Fused(names=QKV),
    "attn_output": "attention.output",
    "attn_q_norm": "attention.query_norm",
    "attn_k_norm": "attention.key_norm",
    "attn_sinks.weight": "attention.sinks",
    "post_attention_norm": "attention_output_norm",
}

_LATENT: Names = {
    "attn_q_a": "attention.query_down",
    "attn_q_a_norm": "attention.query_norm",
    "attn_q_b": "attention.query_up",
    "attn_kv_a_mqa": Fused(names=("attention.kv_down", "attention.key_rope")),
    "attn_kv_a_norm": "attention.kv_norm",
    "attn_kv_b": Fused(names=("attention.key_up", "attention.value_up")),
    # Newer files hold the two apart, by heads, that of keys the other way round.
    "attn_k_b": Reshaped(name="attention.key_up"),
    "attn_v_b": Reshaped(name="attention.value_up"),
}

_FEED_FORWARD: Names = {
    "ffn_norm": "feed_forward_norm",
    "ffn_gate": "feed_forward.gate",
    "ffn_up": "feed_forward.up",
    "ffn_down": "feed_forward.down",
    "post_ffw_norm": "feed_forward_output_norm",
    "ffn_gate_inp": "feed_forward.router",
    "exp_probs_b.bias": "feed_forward.router.correction",
    "ffn_gate_exps": "feed_forward.experts.gate",
    "ffn_up_exps": "feed_forward.experts.up",
    "ffn_down_exps": "feed_forward.experts.down",
    "ffn_gate_inp_shexp": "feed_forward.shared_gate",
    "ffn_gate_shexp": "feed_forward.shared.gate",
    "ffn_up_shexp": "feed_forward.shared.up",
    "ffn_down_shexp": "feed_forward.shared.down",
}

_MAMBA: Names = {
    "ssm_in": Fused(names=("mixer.value", "mixer.gate")),
    "ssm_conv1d": "mixer.conv",
    "ssm_x": Fused(names=("mixer.step_down", "mixer.key", "mixer.query")),
    "ssm_dt": "mixer.step_up",
    "ssm_a": "mixer.decay_log",
    "ssm_d": "mixer.skip",
    "ssm_out": "mixer.output",
}

_MAMBA2: Names = {
    "ssm_in": Fused(names=("mixer.gate", "mixer.value", "mixer.key", "mixer.query", "mixer.step")),
    "ssm_conv1d": Fused(names=("mixer.value_conv", "mixer.key_conv", "mixer.query_conv")),
    "ssm_dt.bias": "mixer.step_bias",
    "ssm_norm.weight": Reshaped(name="mixer.norm.weight"),
}

_FUSED_UP: Names = {"ffn_up": Fused(names=GATE_UP)}


def _names(*layer: Names) -> Names:
    """The common names, with those of a layer changed or added."""
    names = _ATTENTION | _FEED_FORWARD | _LATENT | _MAMBA
    for more in layer:
        names = names | more
    return OUTSIDE | under("blk.*.", "layers.*.", names)


COMMON = _names()

OWN: dict[str, Names] = {
    "mamba2": _names(_MAMBA2),
    "phi3": _names(_FUSED_UP),
    "glm4": _names(_FUSED_UP),
    "falcon": _names({"attn_norm": OneOf(names=("feed_forward_norm", "norm")), "attn_norm_2": "attention_norm"}),
    # What stands after attention in these files is the norm before the feed-forward.
    "gpt-oss": _names({"post_attention_norm": "feed_forward_norm"}),
    "glm4moe": _names({"post_attention_norm": "feed_forward_norm"}),
    "seed_oss": _names({"post_attention_norm": "feed_forward_norm"}),
}

# Tables of frequencies, computed when the file was made.
COMPUTED = r"(blk\.\d+\.)?(rope_freqs|rope_factors_long|rope_factors_short|attn_rot_embd)\.weight"
BESIDE = r"(v|mm|a)\..*"


def dictionary_of(arch: str) -> Dictionary:
    """How an architecture calls its tensors."""
    return Dictionary(names=OWN.get(arch, COMMON), computed=COMPUTED, beside=BESIDE)
