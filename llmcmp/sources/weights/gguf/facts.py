"""What rows of architectures.py are written in: a key of a config, and where GGUF's metadata says it.

A fact that metadata leaves out and tensors show (a head of its own, biases) is read from the names of the tensors;
every size comes from the metadata, so that the tensors can be held to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from llmcmp.sources.weights.gguf.metadata import Metadata

Config = dict[str, Any]
Fact: TypeAlias = "Callable[[Metadata], Any]"
Facts: TypeAlias = "Mapping[str, Any]"  # a key of the config to a Fact, or to its value


def whole(key: str, default: int | None = None) -> Fact:
    """What a key says, a whole number."""
    return lambda metadata: metadata.whole(key, default)


def number(key: str, default: float | None = None) -> Fact:
    """What a key says, a number."""
    return lambda metadata: metadata.number(key, default)


def shows(tensor: str) -> Fact:
    """Whether there is such a tensor."""
    return lambda metadata: metadata.holds(tensor)


def optional(key: str) -> Fact:
    """What a key says, or nothing."""
    return lambda metadata: metadata.value(key, None)


def words(metadata: Metadata) -> int:
    """Words of the vocabulary."""
    return metadata.words()


def headless(metadata: Metadata) -> bool:
    """Whether the table of the vocabulary is the head too."""
    return not metadata.holds("output.weight")


def yes(key: str, default: bool) -> Fact:
    """What a key says, true or false."""

    def read(metadata: Metadata) -> bool:
        return bool(metadata.value(key, default))

    return read


def absent(tensor: str) -> Fact:
    """Whether there is no such tensor."""

    def read(metadata: Metadata) -> bool:
        return not metadata.holds(tensor)

    return read


def one_kv_head(metadata: Metadata) -> bool:
    """Whether all queries share one head of keys and values."""
    return kv_heads(metadata) == 1


def as_many(metadata: Metadata) -> int:
    """Heads of latent attention: newer files say that keys have one, the latent itself."""
    kv_heads(metadata)
    return metadata.whole("attention.head_count")


def no_heads(metadata: Metadata) -> list[int]:
    """What every file says, and is nothing where no layer has attention or a feed-forward."""
    return [metadata.whole(key, 0) for key in NOWHERE]


def layers(metadata: Metadata) -> int:
    """Layers, without modules for further tokens, which llama.cpp counts among them."""
    return metadata.whole("block_count") - metadata.whole("nextn_predict_layers", 0)


def kv_heads(metadata: Metadata) -> int:
    return metadata.whole("attention.head_count_kv", metadata.whole("attention.head_count"))


def head_dim(metadata: Metadata) -> int:
    """A head's share of the width, unless stated; keys and values have to agree."""
    heads = metadata.whole("attention.head_count")
    if not heads:
        raise metadata.error("attention.head_count", "must be at least 1")
    size = metadata.whole("attention.key_length", metadata.whole("embedding_length") // heads)
    if metadata.whole("attention.value_length", size) != size:
        raise metadata.error("attention.value_length", f"must be that of keys, {size}")
    return size


def rotation(metadata: Metadata) -> Config:
    """How queries and keys are rotated; bases and stretchings change no count."""
    found: Config = {"rope_type": "default", "rope_theta": metadata.number("rope.freq_base", 10000.0)}
    kind = metadata.values.get(f"{metadata.arch}.rope.scaling.type")
    if kind in ("linear", "yarn"):
        found |= {"rope_type": kind, "factor": metadata.number("rope.scaling.factor", 1.0)}
        original = metadata.whole("rope.scaling.original_context_length", 0)
        found |= {"original_max_position_embeddings": original} if original else {}
    rotated = metadata.whole("rope.dimension_count", 0)
    size = head_dim(metadata)
    return found | ({"partial_rotary_factor": rotated / size} if 0 < rotated < size else {})


def latent_rotation(metadata: Metadata) -> Config:
    """Of latent attention, whose heads have a part that rotates."""
    return {"rope_type": "default", "rope_theta": metadata.number("rope.freq_base", 10000.0)}


def unrotated(metadata: Metadata) -> int:
    """Elements of a head that are not rotated. Newer files state the heads of the cached latent beside the model's."""
    whole = metadata.whole("attention.key_length", 0)
    return metadata.whole("attention.key_length_mla", whole) - metadata.whole("rope.dimension_count")


def value_dim(metadata: Metadata) -> int:
    return metadata.whole("attention.value_length_mla", metadata.whole("attention.value_length", 0))


def query_rank(metadata: Metadata) -> int | None:
    return metadata.whole("attention.q_lora_rank", 0) or None


def shared_width(metadata: Metadata) -> int:
    """Width of the shared expert: stated, or that of so many routed ones."""
    count = metadata.whole("expert_shared_count", 1)
    return metadata.whole("expert_shared_feed_forward_length", count * metadata.whole("expert_feed_forward_length"))


def expansion(metadata: Metadata) -> float:
    inner, hidden = metadata.whole("ssm.inner_size"), metadata.whole("embedding_length")
    if not hidden or inner % hidden:
        raise metadata.error("ssm.inner_size", f"must be a multiple of the width {hidden}")
    return inner // hidden


def mamba2_head(metadata: Metadata) -> int:
    heads = metadata.whole("ssm.time_step_rank")
    if not heads or metadata.whole("ssm.inner_size") % heads:
        raise metadata.error("ssm.time_step_rank", "must divide ssm.inner_size")
    return metadata.whole("ssm.inner_size") // heads


NOWHERE = ("feed_forward_length", "attention.head_count", "attention.head_count_kv")
SIZES: Facts = {
    "vocab_size": words,
    "hidden_size": whole("embedding_length"),
    "num_hidden_layers": layers,
    "max_position_embeddings": whole("context_length"),
    "tie_word_embeddings": headless,
}
HEADS: Facts = {"num_attention_heads": whole("attention.head_count"), "num_key_value_heads": kv_heads}
HEAD_DIM: Facts = {"head_dim": head_dim}
ROPE: Facts = {"rope_parameters": rotation}
WIDTH: Facts = {"intermediate_size": whole("feed_forward_length")}
RMS: Facts = {"rms_norm_eps": number("attention.layer_norm_rms_epsilon")}
BIASES: Facts = {"attention_bias": shows("blk.*.attn_q.bias"), "mlp_bias": shows("blk.*.ffn_down.bias")}
NO_WINDOW: Facts = {"sliding_window": None}
WINDOW: Facts = {"sliding_window": optional("attention.sliding_window")}
ROUTED: Facts = {"num_experts_per_tok": whole("expert_used_count")}
LOCAL: Facts = {"num_local_experts": whole("expert_count"), **ROUTED}
EXPERTS: Facts = {
    "num_experts": whole("expert_count"),
    "moe_intermediate_size": whole("expert_feed_forward_length"),
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
    **ROUTED,
}
ALIKE = (SIZES, HEADS, ROPE, WIDTH, RMS)  # LLaMA's sizes
CAPPED: Facts = {
    "attn_logit_softcapping": optional("attn_logit_softcapping"),
    "final_logit_softcapping": optional("final_logit_softcapping"),
}
GEMMA: tuple[Facts, ...] = (*ALIKE, HEAD_DIM, {"attention_bias": False})
SCALAR: Facts = {"query_pre_attn_scalar": head_dim}  # no key says it, and it changes values only


def layer_norm(key: str) -> Facts:
    """The epsilon of LayerNorms."""
    return {key: number("attention.layer_norm_epsilon")}


# Groups of experts are left out: they change which experts are chosen, not how many.
DEEPSEEK: tuple[Facts, ...] = (
    SIZES,
    WIDTH,
    RMS,
    {
        "num_attention_heads": whole("attention.head_count"),
        "num_key_value_heads": as_many,
        "q_lora_rank": query_rank,
        "kv_lora_rank": whole("attention.kv_lora_rank"),
        "qk_rope_head_dim": whole("rope.dimension_count"),
        "qk_nope_head_dim": unrotated,
        "v_head_dim": value_dim,
        "rope_parameters": latent_rotation,
        "attention_bias": False,
        "n_routed_experts": whole("expert_count"),
        "n_shared_experts": whole("expert_shared_count", 0),
        "moe_intermediate_size": whole("expert_feed_forward_length"),
        "first_k_dense_replace": whole("leading_dense_block_count", 0),
        "num_nextn_predict_layers": 0,
        "n_group": 1,
        "topk_group": 1,
        "norm_topk_prob": yes("expert_weights_norm", False),
        "routed_scaling_factor": number("expert_weights_scale", 1.0),
        **ROUTED,
    },
)
MAMBA: tuple[Facts, ...] = (
    {
        "vocab_size": words,
        "hidden_size": whole("embedding_length"),
        "num_hidden_layers": whole("block_count"),
        "tie_word_embeddings": headless,
        "layer_norm_epsilon": number("attention.layer_norm_rms_epsilon"),
        "conv_kernel": whole("ssm.conv_kernel"),
        "state_size": whole("ssm.state_size"),
        "expand": expansion,
        "use_bias": shows("blk.*.ssm_in.bias"),
        "use_conv_bias": shows("blk.*.ssm_conv1d.bias"),
        # Written as none, because every architecture has them.
        "_none": no_heads,
    },
)
GPT: tuple[Facts, ...] = (SIZES, {"num_attention_heads": whole("attention.head_count"), "_kv": kv_heads})
ACTIVATED = {"hidden_act": "gelu_new"}
