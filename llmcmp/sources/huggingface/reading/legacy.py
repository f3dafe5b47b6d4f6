"""Model types whose code lies beside their weights, outside of transformers: their definitions are public all the same.

Facts from the repositories' configuration and modeling files on huggingface.co: THUDM/chatglm3-6b, Qwen/Qwen-7B,
baichuan-inc/Baichuan2-7B and -13B, internlm/internlm-7b, -20b and internlm2-7b, deepseek-ai/deepseek-moe-16b-base,
01-ai/Yi-6B, BAAI/Aquila-7B, moonshotai/Kimi-K2-Instruct. A key that such a file leaves out is missing, unless
`DEFAULTS` says what those files take for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, rms
from llmcmp.sources.huggingface.reading.facts import QKV, QKVO, Table, either, whole
from llmcmp.sources.huggingface.reading.latents import TYPES as LATENTS
from llmcmp.sources.huggingface.reading.llamas import LLAMA
from llmcmp.sources.huggingface.reading.parts import (
    Feed,
    attention,
    deepseek_sparse,
    dense,
    experts,
    rope,
    routed,
    shared_experts,
)

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

UNTIED: dict[str, Any] = {"tie_word_embeddings": False}

DEFAULTS: dict[str, dict[str, Any]] = {
    "chatglm": UNTIED | {"@aliases": {"num_hidden_layers": "num_layers", "vocab_size": "padded_vocab_size"}},
    "qwen": UNTIED | {"no_bias": True, "rotary_pct": 1.0},
    "baichuan": UNTIED | {"hidden_act": "silu"},
    "internlm": UNTIED | {"bias": True, "hidden_act": "silu"},
    "internlm2": UNTIED | {"bias": True, "hidden_act": "silu"},
    "deepseek": UNTIED | {"attention_bias": False, "hidden_act": "silu", "moe_layer_freq": 1},
    "Yi": UNTIED | {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"},
    "aquila": UNTIED | {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"},
}
# Types that are another by a new name, defaults included.
SAME = {"kimi_k2": "deepseek_v3"}


def chatglm_layout(keys: Keys) -> None:
    """ChatGLM2 and 3; the first ChatGLM is another model under the same name."""
    if keys.given("inner_hidden_size") or keys.given("position_encoding_2d"):
        keys.refuse("inner_hidden_size", "the first ChatGLM is not read; the preset chatglm-6b is that model")
    for name, allowed in {
        "rmsnorm": True,
        "post_layer_norm": True,
        "apply_residual_connection_post_layernorm": False,
        "add_bias_linear": False,
    }.items():
        keys.expect(name, allowed, None, why=f"ChatGLM2 and 3 have {allowed} there")
    keys.ignore("hidden_act", "fp32_residual_connection", "bias_dropout_fusion", "original_rope")


def chatglm_kv(keys: Keys) -> int:
    if keys.flag("multi_query_attention", default=False):
        return keys.whole("multi_query_group_num")
    keys.ignore("multi_query_group_num")
    return keys.heads


def chatglm_position(keys: Keys, kind: str) -> Table:
    """Half of a head is rotated; `rope_ratio` multiplies the base."""
    ratio = keys.value("rope_ratio", default=None)
    theta = 10_000.0 * (1 if ratio is None else keys.number("rope_ratio"))
    return {"kind": "rotary", "theta": theta, "fraction": 0.5, "interleaved": True}


def qwen_width(keys: Keys) -> int:
    """The config states both branches of the gated network together."""
    width = keys.whole("intermediate_size")
    if width % 2:
        raise keys.error("must be even: it is the width of two branches", "intermediate_size")
    return width // 2


def qwen_plain(keys: Keys) -> None:
    keys.expect("no_bias", True, why="only queries, keys and values have biases")
    if keys.whole("kv_channels") * keys.heads != keys.hidden:
        keys.refuse("kv_channels", "times the heads must be the width")


def baichuan_position(keys: Keys, kind: str) -> Table:
    """The 7B rotates; the 13B has ALiBi, and no limit of positions in its config."""
    if keys.value("max_position_embeddings", default=None) is None:
        return {"kind": "alibi"}
    return rope()(keys, kind)


INTERNLM_BIAS = either("bias", QKVO, [])
INTERNLM_ROTARY = {"origin": "default", "dynamic": "dynamic"}


def internlm_position(keys: Keys, kind: str) -> Table:
    """The first InternLM's own object for what others call rope_scaling."""
    own = keys.table("rotary")
    name = own.get("type", "dynamic")
    if name not in INTERNLM_ROTARY:
        keys.refuse("rotary", f"type {str(name)[:40]!r} is not known; known: {', '.join(INTERNLM_ROTARY)}")
    named = {"rope_type": INTERNLM_ROTARY[str(name)], "factor": own.get("scaling_factor", 1.0)}
    return rope(otherwise=named | {"rope_theta": own.get("base", 10_000)})(keys, kind)


def deepseek_feed(keys: Keys) -> Feed:
    """DeepSeekMoE, or a dense model where there are no experts."""
    if keys.value("n_routed_experts", default=None) is None:
        keys.ignore("first_k_dense_replace", "num_experts_per_tok", "n_shared_experts", "moe_intermediate_size")
        return dense()(keys)
    return experts(
        count=whole("n_routed_experts"),
        shared=shared_experts("n_shared_experts"),
        sparse=deepseek_sparse,
        router=routed(),
    )(keys)


TYPES: dict[str, Reader] = {
    "chatglm": decoder(
        norm=rms("layernorm_epsilon"),
        mix=attention(
            kv=chatglm_kv, size=whole("kv_channels"), bias=either("add_qkv_bias", QKV, []), position=chatglm_position
        ),
        feed=dense(width=whole("ffn_hidden_size"), acts="silu"),
        tied=False,
        check=chatglm_layout,
    ),
    "qwen": decoder(
        norm=rms("layer_norm_epsilon"),
        mix=attention(bias=QKV, size=whole("kv_channels")),
        feed=dense(width=qwen_width, acts="silu"),
        check=qwen_plain,
    ),
    "baichuan": decoder(mix=attention(kv=whole("num_attention_heads"), position=baichuan_position)),
    "internlm": decoder(mix=attention(bias=INTERNLM_BIAS, position=internlm_position)),
    "internlm2": decoder(mix=attention(bias=INTERNLM_BIAS)),
    "deepseek": decoder(mix=attention(bias=either("attention_bias", QKVO, [])), feed=deepseek_feed),
    "Yi": LLAMA,
    "aquila": LLAMA,
    "kimi_k2": LATENTS["deepseek_v3"],
}
