"""Decoders with attention heads and experts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, layer, rms
from llmcmp.sources.huggingface.reading.facts import (
    CHUNKED,
    FULL,
    QKV,
    SLIDING,
    Table,
    biased,
    either,
    every,
    flag,
    listed,
    whole,
)
from llmcmp.sources.huggingface.reading.llamas import (
    BIASED,
    TOGETHER,
    exaone_position,
    multiplied,
    own_theta,
    qwen_kinds,
    rotated_layers,
    window_pattern,
    windowed,
    with_thetas,
)
from llmcmp.sources.huggingface.reading.parts import (
    CORRECTED,
    NORMALIZED,
    after_dense,
    attention,
    every_step,
    experts,
    first_dense,
    mlp_types,
    rope,
    rotating,
    routed,
    shared_experts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.sources.huggingface.reading.keys import Keys


def glm_moe(**more: Any) -> Reader:
    """GLM-4.5's: GQA, dense layers first, a corrected router."""
    return decoder(
        mix=attention(
            bias=biased("attention_bias", QKV),
            qk_norm=either("use_qk_norm", "head", None),
            position=rope(fraction=0.5),
        ),
        feed=experts(
            count=whole("n_routed_experts"),
            shared=shared_experts("n_shared_experts"),
            sparse=after_dense("first_k_dense_replace"),
            router=routed(**CORRECTED),
        ),
        predicted="num_nextn_predict_layers",
        **more,
    )


def granite_moe(**more: Any) -> Reader:
    """Granite's experts; a shared one where it has a width."""
    return decoder(
        mix=attention(bias=BIASED, scale=multiplied("attention_multiplier"), **more.pop("attention", {})),
        feed=experts(
            count=whole("num_local_experts"),
            width=whole("intermediate_size"),
            shared=lambda keys: keys.whole_or("shared_intermediate_size", otherwise=0, least=0),
            router=NORMALIZED,
        ),
        **more,
    )


def ernie_sparse(keys: Keys) -> list[bool]:
    """From one layer to another, every so many."""
    start, step = keys.whole("moe_layer_start_index", least=0), keys.whole("moe_layer_interval")
    end = keys.whole("moe_layer_end_index", least=-1)
    end = keys.layers - 1 if end == -1 else end
    return [(number + 1) % step == 0 and start <= number <= end for number in range(keys.layers)]


def llama4_sparse(keys: Keys) -> list[bool]:
    found = keys.wholes("moe_layers")
    step = keys.whole("interleave_moe_layer_step")
    chosen = range(step - 1, keys.layers, step) if found is None else found
    return [number in chosen for number in range(keys.layers)]


def llama4_kinds(keys: Keys) -> list[str]:
    """Chunked layers rotate, others do not; either may be said layer by layer."""
    rotates = rotated_layers(keys)
    kinds = listed(lambda keys: [CHUNKED if r else FULL for r in rotates])(keys)
    keys.ignore("attention_chunk_size", "floor_scale", "attn_scale", "attn_temperature_tuning", "use_qk_norm")
    return [kind if r else f"{kind}/none" for kind, r in zip(kinds, rotates, strict=True)]


def llama4_attention(keys: Keys, kind: str) -> Table:
    rotates = not kind.endswith("/none")
    tempered = not rotates and keys.flag("attn_temperature_tuning")
    return attention(
        bias=BIASED,
        window=whole("attention_chunk_size"),
        position=rope(interleaved=True) if rotates else lambda keys, kind: {"kind": "none"},
        qk_norm="l2" if rotates and keys.flag("use_qk_norm") else None,
        temperature={"floor": keys.whole("floor_scale"), "scale": keys.number("attn_scale")} if tempered else None,
    )(keys, kind)


def dbrx_attention(keys: Keys, kind: str) -> Table:
    own = keys.table("attn_config")
    kv = own.get("kv_n_heads", 1)
    if type(kv) is not int or kv < 1:
        raise keys.error(f"kv_n_heads must be a whole number, not {str(kv)[:40]}", "attn_config")
    keys.expect("num_key_value_heads", kv, None, why="it repeats kv_n_heads of attn_config")
    theta = {"rope_theta": own["rope_theta"]} if "rope_theta" in own else None
    return attention(kv=kv, position=rope(otherwise=theta))(keys, kind)


def dbrx_network(name: str, otherwise: int) -> Callable[[Keys], int]:
    def read(keys: Keys) -> int:
        found = keys.table("ffn_config").get(name, otherwise)
        if type(found) is not int or found < 1:
            raise keys.error(f"{name} must be a whole number, not {str(found)[:40]}", "ffn_config")
        return found

    return read


def laguna_kinds(keys: Keys) -> list[str]:
    """Kinds with the number of their heads, which layers may differ in."""
    kinds = listed(lambda keys: [FULL] * keys.layers)(keys)
    heads = keys.wholes("num_attention_heads_per_layer", keys.layers) or [keys.heads] * keys.layers
    return [f"{kind}/{count}" for kind, count in zip(kinds, heads, strict=True)]


def laguna_attention(keys: Keys, kind: str) -> Table:
    base, _, heads = kind.partition("/")
    gating = keys.value("gating")
    if gating not in (True, False, "per-head", "per-element"):
        keys.refuse("gating", f"{str(gating)[:40]!r} is not understood")
    per_head = gating is True or gating == "per-head"
    if not per_head:
        keys.refuse("gating", "only gates of one number a head are computed")
    read = attention(
        heads=int(heads),
        bias=BIASED,
        qk_norm="head",
        head_gate="softplus",
        position=lambda keys, kind: rope(otherwise=LAGUNA_ROPE)(keys, base),
    )
    return read(keys, kind)


def minimax_position(keys: Keys, kind: str) -> Table:
    """So many elements of a head are rotated."""
    rotated = keys.whole_or("rotary_dim", otherwise=None)
    return rope(fraction=None if rotated is None else rotated / keys.whole("head_dim"))(keys, kind)


def minimax_plain(keys: Keys) -> None:
    """What older files of MiniMax-M2 say of themselves, and the class takes for granted."""
    keys.expect("use_qk_norm", True, None, why="MiniMax-M2 norms queries and keys")
    keys.expect("qk_norm_type", "per_layer", None, why="MiniMax-M2 norms whole queries and keys")
    keys.expect("use_routing_bias", True, None, why="MiniMax-M2 corrects the scores of experts")
    keys.expect("shared_intermediate_size", 0, None, why="MiniMax-M2 has no shared expert")
    if keys.value("use_mtp", default=False):
        count = keys.whole("num_mtp_modules", default=1)
        keys.notes.append(f"Its {count} modules for the prediction of further tokens are not counted.")
    keys.ignore("num_mtp_modules")


def cohere_kinds(keys: Keys) -> list[str]:
    """The first dense layers have a pattern of their own, the others one that starts after them."""
    first = keys.whole("first_k_dense_replace", default=0, least=0)
    dense_step, step = keys.whole("prefix_dense_sliding_window_pattern"), keys.whole("sliding_window_pattern")
    before = [SLIDING if (number + 1) % dense_step else FULL for number in range(min(first, keys.layers))]
    return before + [SLIDING if (number + 1) % step else FULL for number in range(keys.layers - len(before))]


def cohere_sparse(keys: Keys) -> list[bool]:
    return [number >= keys.whole("first_k_dense_replace", default=0, least=0) for number in range(keys.layers)]


def step_sparse(keys: Keys) -> list[bool]:
    return [True] * keys.layers


GPT_OSS_ROPE = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}
MIMO_ROPE = {
    FULL: {"rope_theta": 5_000_000.0, "partial_rotary_factor": 0.334},
    SLIDING: {"rope_theta": 10_000.0, "partial_rotary_factor": 0.334},
}
MELLUM_ROPE = {FULL: {"rope_theta": 500_000.0}, SLIDING: {"rope_theta": 10_000.0}}
LAGUNA_ROPE = {
    FULL: {"rope_theta": 500_000.0, "partial_rotary_factor": 0.5},
    SLIDING: {"rope_theta": 10_000.0},
}

TYPES: dict[str, Reader] = {
    "mixtral": decoder(
        kinds=windowed,
        feed=experts(count=whole("num_local_experts"), width=whole("intermediate_size"), router=NORMALIZED),
    ),
    "qwen2_moe": decoder(
        mix=attention(bias=lambda keys: QKV if keys.flag("qkv_bias") else []),
        kinds=qwen_kinds,
        feed=experts(
            shared=whole("shared_expert_intermediate_size"), shared_gate=True, sparse=every_step, router=routed()
        ),
    ),
    "qwen3_moe": decoder(
        mix=attention(bias=BIASED, qk_norm="head"),
        kinds=qwen_kinds,
        feed=experts(sparse=every_step, router=routed()),
    ),
    "qwen3_vl_moe_text": decoder(
        mix=attention(bias=BIASED, qk_norm="head"), feed=experts(sparse=every_step, router=NORMALIZED)
    ),
    "phimoe": decoder(
        norm=layer("rms_norm_eps"),
        mix=attention(bias=BIASED),
        kinds=windowed,
        feed=experts(count=whole("num_local_experts"), width=whole("intermediate_size")),
        head=lambda keys: {"bias": True} if keys.flag("lm_head_bias") else {},
    ),
    "olmoe": decoder(
        mix=attention(bias=BIASED, qk_norm="whole"),
        feed=experts(count=whole("num_experts"), width=whole("intermediate_size"), router=routed()),
    ),
    "flex_olmo": decoder(
        norm=rms(placement="output"),
        mix=attention(bias=BIASED, qk_norm="whole"),
        feed=experts(count=whole("num_experts"), width=whole("intermediate_size"), router=routed()),
    ),
    "glm4_moe": glm_moe(),
    "solar_open": decoder(
        mix=attention(bias=biased("attention_bias", QKV)),
        feed=experts(
            count=whole("n_routed_experts"), shared=shared_experts("n_shared_experts"), router=routed(**CORRECTED)
        ),
    ),
    "dots1": decoder(
        mix=attention(bias=BIASED, qk_norm="head"),
        kinds=qwen_kinds,
        feed=experts(
            count=whole("n_routed_experts"),
            shared=shared_experts("n_shared_experts"),
            sparse=after_dense("first_k_dense_replace"),
            router=routed(**CORRECTED),
        ),
    ),
    "hy_v3": decoder(
        mix=attention(bias=BIASED, qk_norm="head"),
        feed=experts(
            count=whole("num_experts"),
            shared=shared_experts("num_shared_experts"),
            sparse=mlp_types(first_dense),
            router=routed(**CORRECTED),
            bias=flag("mlp_bias"),
            expert_bias=False,
        ),
    ),
    "hunyuan_v1_moe": decoder(
        mix=attention(bias=BIASED, qk_norm="head"),
        feed=experts(
            count=whole("num_experts"),
            per_token=whole("moe_topk"),
            width=whole("intermediate_size"),
            shared=whole("intermediate_size"),
            router=NORMALIZED,
        ),
    ),
    "aria_text": decoder(
        mix=attention(bias=BIASED),
        feed=experts(
            count=whole("moe_num_experts"),
            per_token=whole("moe_topk"),
            width=whole("intermediate_size"),
            shared=shared_experts("moe_num_shared_experts", width="intermediate_size"),
        ),
    ),
    "granitemoe": granite_moe(),
    "granitemoeshared": granite_moe(),
    "granitemoe_swa": granite_moe(
        attention={"sinks": True, "position": own_theta}, kinds=with_thetas(listed(every(4, FULL, SLIDING, 0)))
    ),
    "ernie4_5_moe": decoder(
        mix=attention(bias=biased("use_bias"), position=rope(interleaved=True)),
        feed=experts(
            count=whole("moe_num_experts"),
            per_token=whole("moe_k"),
            shared=shared_experts("moe_num_shared_experts"),
            sparse=ernie_sparse,
            router={"correction": True, "normalize": True},
            bias=flag("use_bias"),
            expert_bias=False,
        ),
        head=lambda keys: {"bias": True} if keys.flag("use_bias") else {},
    ),
    "exaone_moe": decoder(
        mix=attention(qk_norm="head", position=exaone_position),
        kinds=listed(window_pattern(4)),
        feed=experts(
            count=whole("num_experts"),
            shared=shared_experts("num_shared_experts"),
            sparse=mlp_types(after_dense("first_k_dense_replace")),
            router=routed(**CORRECTED),
        ),
    ),
    "gpt_oss": decoder(
        mix=attention(bias=BIASED, sinks=True, position=rope(otherwise=GPT_OSS_ROPE)),
        kinds=listed(every(2, FULL, SLIDING)),
        feed=experts(
            count=whole("num_local_experts"),
            width=whole("intermediate_size"),
            acts="clamped-silu",
            bias=True,
            router={"bias": True, "normalize": True},
        ),
        ignored=("hidden_act", "experts_per_token"),
    ),
    "llama4_text": decoder(
        mix=llama4_attention,
        kinds=llama4_kinds,
        feed=experts(
            count=whole("num_local_experts"),
            width=whole("intermediate_size"),
            shared=whole("intermediate_size"),
            dense_width=whole("intermediate_size_mlp"),
            sparse=llama4_sparse,
            router={"scoring": "sigmoid", "weighted": "input"},
        ),
        ignored=("intermediate_size_mlp", "for_llm_compressor"),
    ),
    "minimax_m2": decoder(
        mix=attention(qk_norm="whole", position=minimax_position),
        check=minimax_plain,
        ignored=("shared_intermediate_size", "mtp_transformer_layers"),
        feed=experts(count=whole("num_local_experts"), width=whole("intermediate_size"), router=CORRECTED | NORMALIZED),
    ),
    "mellum": decoder(
        mix=attention(bias=BIASED, qk_norm="head", position=rope(otherwise=MELLUM_ROPE)),
        kinds=listed(lambda keys: [FULL] * keys.layers),
        feed=experts(count=whole("num_experts"), sparse=mlp_types(step_sparse), router=routed()),
    ),
    "mimo_v2_flash": decoder(
        mix={
            FULL: attention(
                bias=biased("attention_bias", QKV), value_dim=whole("v_head_dim"), position=rope(otherwise=MIMO_ROPE)
            ),
            SLIDING: attention(
                bias=biased("attention_bias", QKV),
                value_dim=whole("v_head_dim"),
                position=rope(otherwise=MIMO_ROPE),
                sinks=True,
                kv=lambda keys: keys.size("swa_num_key_value_heads", otherwise=2 * keys.whole("num_key_value_heads")),
            ),
        },
        kinds=listed(lambda keys: [FULL if n == 0 or not (n + 1) % 6 else SLIDING for n in range(keys.layers)]),
        feed=experts(count=whole("n_routed_experts"), sparse=mlp_types(first_dense), router=routed(**CORRECTED)),
    ),
    "afmoe": decoder(
        norm=rms(placement="sandwich"),
        mix=attention(qk_norm="head", output_gate=True, position=rotating(SLIDING)),
        check=lambda keys: keys.expect("attention_bias", False, why="of its gate and projections only some have one"),
        kinds=listed(lambda keys: every(keys.whole("global_attn_every_n_layers"), FULL, SLIDING)(keys)),
        embedding={"scaled": True},
        feed=experts(
            count=whole("num_experts"),
            shared=shared_experts("num_shared_experts"),
            sparse=after_dense("num_dense_layers"),
            router=CORRECTED | NORMALIZED,
        ),
    ),
    "kolibri1": decoder(
        norm=rms(placement="sandwich"),
        mix=attention(qk_norm="head", position=exaone_position),
        kinds=listed(every(5, FULL, SLIDING)),
        feed=experts(
            count=whole("num_experts"), shared=whole("shared_expert_intermediate_size"), router=CORRECTED | NORMALIZED
        ),
    ),
    "laguna": decoder(
        mix=laguna_attention,
        kinds=laguna_kinds,
        feed=experts(
            count=whole("num_experts"),
            shared=whole("shared_expert_intermediate_size"),
            sparse=mlp_types(first_dense),
            router=CORRECTED | NORMALIZED,
        ),
    ),
    "cohere2_moe": decoder(
        norm=layer(bias=False),
        block=TOGETHER,
        mix=attention(bias=BIASED, position=rotating(SLIDING, interleaved=True)),
        kinds=listed(cohere_kinds),
        feed=experts(
            count=whole("num_experts"),
            width=whole("intermediate_size"),
            shared=shared_experts("num_shared_experts", width="intermediate_size"),
            sparse=mlp_types(cohere_sparse),
            dense_width=lambda keys: keys.size(
                "prefix_dense_intermediate_size", otherwise=keys.whole("intermediate_size")
            ),
            router=routed(scoring="sigmoid"),
        ),
        check=lambda keys: keys.expect("rms_norm_eps", None, why="LayerNorms are read, RMS norms are not"),
        ignored=(
            "shared_expert_combination_strategy",
            "prefix_dense_intermediate_size",
            "sliding_window_pattern",
            "prefix_dense_sliding_window_pattern",
            "first_k_dense_replace",
        ),
    ),
    "dbrx": decoder(
        norm=layer("", bias=False),
        mix=dbrx_attention,
        feed=experts(
            count=dbrx_network("moe_num_experts", 4),
            per_token=dbrx_network("moe_top_k", 1),
            width=dbrx_network("ffn_hidden_size", 3584),
            acts="silu",
            router=NORMALIZED,
        ),
    ),
}
