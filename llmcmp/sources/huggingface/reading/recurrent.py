"""Decoders with recurrent mixers, alone, between attentions or beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, rms
from llmcmp.sources.huggingface.reading.facts import (
    FULL,
    LINEAR,
    Table,
    always,
    flag,
    listed,
    whole,
)
from llmcmp.sources.huggingface.reading.llamas import BIASED, multiplied
from llmcmp.sources.huggingface.reading.parts import (
    CORRECTED,
    NORMALIZED,
    Feed,
    attention,
    dense,
    every_step,
    experts,
    fixed,
    network,
    rope,
    routed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.sources.huggingface.reading.facts import Fact
    from llmcmp.sources.huggingface.reading.keys import Keys
    from llmcmp.sources.huggingface.reading.parts import Feeding, Mixing

ALONE = "mixer"
Names: TypeAlias = tuple[str, ...]  # of one key, the newest first


def nothing(keys: Keys) -> Feed:
    """Layers that are a mixer and nothing else."""
    return Feed(names=[""] * keys.layers, tables={})


def step_rank(keys: Keys, name: str) -> int:
    """The rank of Mamba's steps: a sixteenth of the width, rounded up, unless a key says it."""
    return -(-keys.hidden // 16) if keys.value(name) == "auto" else keys.whole(name)


def mamba(keys: Keys, kind: str) -> Table:
    """Mamba by the keys of its own model type."""
    keys.ignore("intermediate_size")  # written, and derived again
    table: Table = {
        "section": "mixer",
        "kind": "mamba",
        "inner": int(keys.number("expand") * keys.hidden),
        "state_size": keys.whole("state_size"),
        "step_rank": step_rank(keys, "time_step_rank"),
        "kernel": keys.whole("conv_kernel"),
        "bias": keys.flag("use_bias"),
        "conv_bias": keys.flag("use_conv_bias"),
    }
    keys.expect("hidden_act", "silu", why="Mamba's activation is SiLU")
    return table


def falcon_mamba(keys: Keys, kind: str) -> Table:
    keys.ignore("mixer_rms_eps")
    return mamba(keys, kind) | {"norms": True, "norm_weights": False}


def jamba_mixer(keys: Keys, kind: str) -> Table:
    return {
        "section": "mixer",
        "kind": "mamba",
        "inner": keys.whole("mamba_expand") * keys.hidden,
        "state_size": keys.whole("mamba_d_state"),
        "step_rank": step_rank(keys, "mamba_dt_rank"),
        "kernel": keys.whole("mamba_d_conv"),
        "norms": True,
        "bias": keys.flag("mamba_proj_bias"),
        "conv_bias": keys.flag("mamba_conv_bias"),
    }


def jamba_kinds(keys: Keys) -> list[str]:
    keys.ignore("layer_types", "layers_block_type")
    period, offset = keys.whole("attn_layer_period"), keys.whole("attn_layer_offset", least=0)
    return [FULL if number % period == offset else LINEAR for number in range(keys.layers)]


def jamba_sparse(keys: Keys) -> list[bool]:
    keys.ignore("layers_num_experts")
    period, offset = keys.whole("expert_layer_period"), keys.whole("expert_layer_offset", least=0)
    several = keys.whole("num_experts") > 1
    return [several and number % period == offset for number in range(keys.layers)]


def mamba2(
    *,
    heads: Names = ("mamba_n_heads",),
    size: Callable[[Keys], int],
    groups: Names = ("mamba_n_groups",),
    state: Names = ("mamba_d_state",),
    kernel: Names = ("mamba_d_conv",),
    bias: Names = ("mamba_proj_bias",),
    conv_bias: Names = ("mamba_conv_bias",),
    norm: Callable[[Keys], Table] | None = None,
) -> Mixing:
    """Mamba-2 by the keys that a type has for it, each with its other names."""

    def read(keys: Keys, kind: str) -> Table:
        table: Table = {
            "section": "mixer",
            "kind": "mamba-2",
            "heads": keys.whole(*heads),
            "head_dim": size(keys),
            "groups": keys.whole(*groups),
            "state_size": keys.whole(*state),
            "kernel": keys.whole(*kernel),
            "bias": keys.flag(*bias),
            "conv_bias": keys.flag(*conv_bias),
        }
        return table | (norm(keys) if norm else {})

    return read


def auto_size(keys: Keys) -> int:
    """The size of a head of Mamba-2, or what makes all of them `mamba_expand` times the model's width."""
    if keys.value("mamba_d_head") == "auto":
        return keys.whole("mamba_expand") * keys.hidden // keys.whole("mamba_n_heads")
    keys.ignore("mamba_expand")
    return keys.whole("mamba_d_head")


def plain_size(keys: Keys) -> int:
    """Mamba-2's own type: heads make up `expand` times the width."""
    inner = int(keys.number("expand") * keys.hidden)
    size = keys.whole("head_dim")
    if size * keys.whole("num_heads") != inner:
        raise keys.error(f"times num_heads must be {inner}, expand times hidden_size", "head_dim")
    keys.ignore("time_step_rank")
    return size


def ssm_size(keys: Keys) -> int:
    """Falcon-H1's, of a width of its own."""
    inner = keys.size("mamba_d_ssm", otherwise=keys.whole("mamba_expand") * keys.hidden)
    heads = keys.whole("mamba_n_heads")
    size = inner // heads if keys.value("mamba_d_head") == "auto" else keys.whole("mamba_d_head")
    if size * heads != inner:
        raise keys.error(f"times the {heads} heads must be mamba_d_ssm, {inner}", "mamba_d_head")
    keys.ignore("mamba_expand")
    return size


def falcon_h1_norm(keys: Keys) -> Table:
    if not keys.flag("mamba_rms_norm"):
        keys.ignore("mamba_norm_before_gate")
        return {"norm": False}
    return {"norm_first": keys.flag("mamba_norm_before_gate")}


def bamba_kinds(keys: Keys) -> list[str]:
    chosen = keys.wholes("attn_layer_indices") or []
    keys.ignore("layers_block_type", "layer_types")
    return [FULL if number in chosen else LINEAR for number in range(keys.layers)]


def granite_position(keys: Keys, kind: str) -> Table:
    """Rotary only where the config says so."""
    if keys.value("position_embedding_type", default=None) == "rope":
        return rope()(keys, kind)
    keys.ignore("rope_parameters", "rope_theta", "rope_scaling")
    return {"kind": "none"}


def granite_feed(keys: Keys) -> Feed:
    """Experts with a shared network beside them; without experts, that network alone."""
    if keys.whole("num_local_experts", least=0):
        return experts(
            count=whole("num_local_experts"),
            width=whole("intermediate_size"),
            shared=whole("shared_intermediate_size"),
            router=NORMALIZED,
        )(keys)
    keys.ignore("intermediate_size", "num_experts_per_tok")
    return dense(width=whole("shared_intermediate_size"))(keys)


def delta(keys: Keys, kind: str) -> Table:
    """The gated delta net by Qwen3-Next's keys."""
    return {
        "section": "mixer",
        "kind": "gated-delta-net",
        "key_heads": keys.whole("linear_num_key_heads"),
        "value_heads": keys.whole("linear_num_value_heads"),
        "key_dim": keys.whole("linear_key_head_dim"),
        "value_dim": keys.whole("linear_value_head_dim"),
        "kernel": keys.whole("linear_conv_kernel_dim"),
    }


def olmo_delta(keys: Keys, kind: str) -> Table:
    """OLMo's, whose sizes follow the model's where they are not stated."""
    heads = keys.size("linear_num_key_heads", otherwise=keys.heads)
    key = keys.size("linear_key_head_dim", otherwise=int(0.75 * keys.hidden / heads))
    return {
        "section": "mixer",
        "kind": "gated-delta-net",
        "key_heads": heads,
        "value_heads": keys.size("linear_num_value_heads", otherwise=keys.heads),
        "key_dim": key,
        "value_dim": keys.size("linear_value_head_dim", otherwise=2 * key),
        "kernel": keys.whole("linear_conv_kernel_dim"),
    }


def olmo_kinds(keys: Keys) -> list[str]:
    kinds = [FULL if number % 4 == 3 else LINEAR for number in range(keys.layers)]
    return kinds if FULL in kinds else [*kinds[:-1], FULL]


def interval_kinds(keys: Keys) -> list[str]:
    """Every fourth layer has attention, or as many as a key says."""
    step = keys.whole("full_attention_interval", default=4)
    return [LINEAR if (number + 1) % step else FULL for number in range(keys.layers)]


def qwen_gate(keys: Keys) -> None:
    keys.expect("attn_output_gate", True, None, why="attention without an output gate is not Qwen's")
    if keys.whole_or("mtp_num_hidden_layers", otherwise=0, least=0):
        keys.notes.append("Its module for the prediction of further tokens is not counted.")


def qwen_next(feed: Feeding) -> Reader:
    """Qwen3-Next's attention with an output gate between gated delta nets."""
    return decoder(
        norm=rms(unit_offset=True),
        mix={
            FULL: attention(bias=BIASED, qk_norm="head", output_gate=True, position=rope(fraction=0.25)),
            LINEAR: delta,
        },
        kinds=listed(interval_kinds),
        feed=feed,
        ignored=("full_attention_interval", "mlp_only_layers"),
        check=qwen_gate,
    )


def shared_gate(sparse: Fact[list[bool]] | None = None) -> Feeding:
    """Qwen's experts with a gated shared one."""
    return experts(
        count=whole("num_experts"),
        shared=whole("shared_expert_intermediate_size"),
        shared_gate=True,
        sparse=sparse,
        router=routed(),
    )


NEMOTRON = {"M": LINEAR, "*": FULL, "-": "mlp", "E": "moe"}


def nemotron_layers(keys: Keys) -> list[str]:
    """One mixer a layer: Mamba-2, attention, a feed-forward or experts."""
    pattern = keys.value("hybrid_override_pattern", default=None)
    found = keys.texts("layers_block_type") or keys.texts("layer_types")
    if pattern is not None:
        if not isinstance(pattern, str) or not pattern or set(pattern) - NEMOTRON.keys():
            raise keys.error(
                f"must be letters of {''.join(NEMOTRON)}, not {str(pattern)[:40]!r}", "hybrid_override_pattern"
            )
        found = found or [NEMOTRON[letter] for letter in pattern]
    keys.ignore("num_hidden_layers", "mtp_layers_block_type", "mtp_hybrid_override_pattern", "expand", "mamba_expand")
    kinds = found or [LINEAR, "moe", FULL, "mlp"]
    keys.few(len(kinds), "layers_block_type")
    renamed = {"mamba": LINEAR, "attention": FULL}
    kinds = [renamed.get(kind, kind) for kind in kinds]
    if set(kinds) - set(NEMOTRON.values()):
        raise keys.error(f"may hold {', '.join(NEMOTRON.values())}, not {sorted(set(kinds))}", "layers_block_type")
    return kinds


def nemotron_feed(keys: Keys) -> Feed:
    kinds = nemotron_layers(keys)
    options = {"kind": "plain", "act": "mlp_hidden_act", "bias": flag("mlp_bias")}
    keys.ignore("intermediate_size", "n_routed_experts", "moe_intermediate_size", "moe_shared_expert_intermediate_size")
    keys.ignore("num_experts_per_tok", "n_shared_experts", "moe_shared_expert_overlap", "moe_latent_size")
    tables: dict[str, Table] = {"mlp": network(keys, width=whole("intermediate_size"), **options)}  # type: ignore[arg-type]
    if "moe" in kinds:
        keys.expect("moe_latent_size", None, why="experts in a latent space are not computed")
        tables["moe"] = {
            "kind": "experts",
            "experts": keys.whole("n_routed_experts"),
            "per_token": keys.whole("num_experts_per_tok"),
            "expert": network(keys, width=whole("moe_intermediate_size"), **options | {"bias": False}),  # type: ignore[arg-type]
            "shared": network(keys, width=whole("moe_shared_expert_intermediate_size"), **options),  # type: ignore[arg-type]
            "router": routed(**CORRECTED)(keys),
        }
    return Feed(names=[kind if kind in tables else "" for kind in kinds], tables=tables)


def nemotron_plain(keys: Keys) -> None:
    """Refuse what the class does not do."""
    keys.expect("attention_bias", False, why="the class has no such biases")
    keys.expect("tie_word_embeddings", False, why="the class ties nothing")


def nemotron_mixers(keys: Keys) -> list[str]:
    return [kind if kind in (LINEAR, FULL) else "" for kind in nemotron_layers(keys)]


NEMOTRON_MAMBA = mamba2(
    heads=("mamba_num_heads",),
    size=whole("mamba_head_dim"),
    groups=("mamba_n_groups", "n_groups"),
    state=("ssm_state_size",),
    kernel=("mamba_d_conv", "conv_kernel"),
    bias=("use_bias",),
    conv_bias=("mamba_conv_bias", "use_conv_bias"),
)

TYPES: dict[str, Reader] = {
    "mamba": decoder(norm=rms("layer_norm_epsilon"), mix=mamba, kinds=always(ALONE), feed=nothing),
    "falcon_mamba": decoder(norm=rms("layer_norm_epsilon"), mix=falcon_mamba, kinds=always(ALONE), feed=nothing),
    "mamba2": decoder(
        norm=rms("layer_norm_epsilon"),
        mix=mamba2(
            heads=("num_heads",),
            size=plain_size,
            groups=("n_groups",),
            state=("state_size",),
            kernel=("conv_kernel",),
            bias=("use_bias",),
            conv_bias=("use_conv_bias",),
        ),
        kinds=always(ALONE),
        feed=nothing,
        check=lambda keys: keys.expect("hidden_act", "silu", why="Mamba-2's activation is SiLU"),
    ),
    "jamba": decoder(
        mix={FULL: attention(position=fixed("none")), LINEAR: jamba_mixer},
        kinds=jamba_kinds,
        feed=experts(count=whole("num_experts"), width=whole("intermediate_size"), sparse=jamba_sparse),
        ignored=("num_experts_per_tok",),
    ),
    "bamba": decoder(
        mix={FULL: attention(bias=BIASED, position=rope(fraction=0.5)), LINEAR: mamba2(size=auto_size)},
        kinds=bamba_kinds,
        feed=dense(bias=flag("mlp_bias")),
    ),
    "granitemoehybrid": decoder(
        mix={
            FULL: attention(bias=BIASED, position=granite_position, scale=multiplied("attention_multiplier")),
            LINEAR: mamba2(size=auto_size),
        },
        kinds=listed(always(LINEAR)),
        feed=granite_feed,
        ignored=("position_embedding_type", "attention_multiplier", "layers_block_type"),
    ),
    "qwen3_next": qwen_next(shared_gate(every_step)),
    "qwen3_5_text": qwen_next(dense()),
    "qwen3_5_moe_text": qwen_next(shared_gate()),
    "olmo_hybrid": decoder(
        mix={
            FULL: attention(bias=BIASED, qk_norm="whole", placement="output"),
            LINEAR: olmo_delta,
        },
        kinds=listed(olmo_kinds),
    ),
    "falcon_h1": decoder(
        mix=attention(bias=BIASED),
        beside=mamba2(size=ssm_size, norm=falcon_h1_norm),
        feed=dense(bias=flag("mlp_bias")),
        check=lambda keys: keys.expect("projectors_bias", False, why="biases of some projections are not read"),
    ),
    "nemotron_h": decoder(
        norm=rms("layer_norm_epsilon"),
        mix={
            FULL: attention(position=fixed("none"), size=whole("head_dim", "attention_head_dim")),
            LINEAR: NEMOTRON_MAMBA,
        },
        check=nemotron_plain,
        kinds=nemotron_mixers,
        feed=nemotron_feed,
        ignored=(
            "sliding_window",
            "mamba_hidden_act",
            "rope_theta",
            "partial_rotary_factor",
            "rms_norm_eps",
            "time_step_rank",
        ),
    ),
}
