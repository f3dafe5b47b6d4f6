"""LFM's decoders: short convolutions between attentions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, rms
from llmcmp.sources.huggingface.reading.facts import FULL, SLIDING, Table, either, flag, listed, whole
from llmcmp.sources.huggingface.reading.llamas import BIASED
from llmcmp.sources.huggingface.reading.parts import after_dense, attention, dense, experts, rope, routed

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

CONVOLVED = "conv"


def convolved(keys: Keys, kind: str) -> Table:
    """LFM2's gated short convolution."""
    return {
        "section": "mixer",
        "kind": "short-convolution",
        "kernel": keys.whole("conv_L_cache"),
        "bias": keys.flag("conv_bias"),
    }


def lfm2_width(keys: Keys) -> int:
    """The width of a feed-forward: two thirds of what is stated, scaled and rounded up, unless told not to."""
    width = keys.whole("block_ff_dim", default=None) if keys.given("block_ff_dim") else keys.whole("intermediate_size")
    keys.ignore("intermediate_size")
    multiple, factor = keys.whole("block_multiple_of"), keys.value("block_ffn_dim_multiplier", default=None)
    if not keys.flag("block_auto_adjust_ff_dim"):
        return width
    width = int(2 * width / 3)
    if factor is not None:
        width = int(keys.number("block_ffn_dim_multiplier") * width)
    return multiple * -(-width // multiple)


def lfm2_kinds(keys: Keys) -> list[str]:
    chosen = keys.wholes("full_attn_idxs")
    return [FULL if chosen is None or number in chosen else CONVOLVED for number in range(keys.layers)]


def tied_either(keys: Keys) -> bool:
    """LFM2's older name of the key."""
    return keys.flag("tie_embedding") if keys.given("tie_embedding") else keys.flag("tie_word_embeddings")


def lfm3_kinds(keys: Keys) -> list[str]:
    return [FULL if n % 4 == 2 else SLIDING if n % 4 == 0 and n > 0 else CONVOLVED for n in range(keys.layers)]


LFM3_ROPE = {
    SLIDING: {"rope_theta": 10_000.0},
    FULL: {"rope_type": "proportional", "rope_theta": 1_000_000.0, "partial_rotary_factor": 0.5},
}
LFM2_ATTENTION = attention(qk_norm="head")

TYPES: dict[str, Reader] = {
    "lfm2": decoder(
        norm=rms("norm_eps"),
        tied=tied_either,
        mix={FULL: LFM2_ATTENTION, CONVOLVED: convolved},
        kinds=listed(lfm2_kinds),
        feed=dense(width=lfm2_width, acts="silu"),
        ignored=(
            "conv_dim",
            "conv_dim_out",
            "block_dim",
            "block_mlp_init_scale",
            "block_norm_eps",
            "block_out_init_scale",
            "block_use_swiglu",
            "block_use_xavier_init",
            "conv_use_xavier_init",
            "num_heads",
            "full_attn_idxs",
        ),
    ),
    "lfm2_moe": decoder(
        norm=rms("norm_eps"),
        tied=tied_either,
        mix={FULL: LFM2_ATTENTION, CONVOLVED: convolved},
        kinds=listed(lambda keys: keys.refuse("layer_types", "is missing, and the type has no default")),
        feed=experts(
            count=whole("num_experts"),
            sparse=after_dense("num_dense_layers"),
            acts="silu",
            router=routed(scoring="sigmoid", correction=flag("use_expert_bias")),
        ),
    ),
    "lfm3": decoder(
        norm=rms("norm_eps", placement=either("use_sandwich_norm", "sandwich", "pre")),
        mix={
            FULL: attention(
                bias=BIASED,
                qk_norm="head",
                head_gate=either("use_attention_gate", "sigmoid", None),
                position=rope(otherwise=LFM3_ROPE),
            ),
            SLIDING: attention(
                bias=BIASED,
                qk_norm="head",
                head_gate=either("use_attention_gate", "sigmoid", None),
                position=rope(otherwise=LFM3_ROPE),
            ),
            CONVOLVED: convolved,
        },
        kinds=listed(lfm3_kinds),
        feed=dense(acts="silu"),
    ),
}
