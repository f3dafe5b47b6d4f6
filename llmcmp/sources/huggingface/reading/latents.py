"""Decoders with latent attention, DeepSeek's sparse one among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder
from llmcmp.sources.huggingface.reading.facts import Table, always, biased, flag, listed, whole
from llmcmp.sources.huggingface.reading.parts import (
    CORRECTED,
    deepseek_sparse,
    dense,
    experts,
    first_dense,
    latent,
    mlp_types,
    rope,
    routed,
    shared_experts,
)

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys


def deepseek(**more: Any) -> Reader:
    """Latent attention and DeepSeekMoE."""
    return decoder(
        mix=latent(
            position=rope(interleaved=True),
            bias=biased("attention_bias", ["query_down", "kv_down", "output"]),
            indexer=more.pop("indexer", None),
        ),
        feed=experts(
            count=whole("n_routed_experts"),
            shared=shared_experts("n_shared_experts"),
            sparse=more.pop("sparse", deepseek_sparse),
            router=more.pop("router", routed(**CORRECTED, group_score="best-two")),
        ),
        predicted="num_nextn_predict_layers",
        **more,
    )


INDEXED = "indexed_attention"


def indexer(keys: Keys) -> Table:
    """What chooses the keys of DeepSeek's sparse attention."""
    return {
        "heads": keys.whole("index_n_heads"),
        "head_dim": keys.whole("index_head_dim"),
        "top_k": keys.whole("index_topk"),
    }


def indexed_everywhere(keys: Keys) -> None:
    """Refuse layers that take over the choice of an earlier one."""
    kinds = keys.texts("indexer_types", keys.layers)
    if kinds is not None and set(kinds) != {"full"}:
        keys.refuse("indexer_types", "layers without an index of their own are not read")


TYPES: dict[str, Reader] = {
    "deepseek_v2": deepseek(router=routed(), sparse=deepseek_sparse),
    "deepseek_v3": deepseek(),
    "deepseek_v32": deepseek(sparse=mlp_types(deepseek_sparse), kinds=listed(always(INDEXED)), indexer=indexer),
    "glm_moe_dsa": deepseek(
        sparse=mlp_types(deepseek_sparse), kinds=listed(always(INDEXED)), indexer=indexer, check=indexed_everywhere
    ),
    "glm4_moe_lite": deepseek(sparse=mlp_types(first_dense)),
    "youtu": decoder(
        mix=latent(position=rope(interleaved=True), bias=biased("attention_bias", ["query_down", "kv_down", "output"]))
    ),
    "minicpm3": decoder(
        mix=latent(
            position=rope(),
            bias=biased("attention_bias", ["query_down", "kv_down", "output"]),
            value_dim=lambda keys: keys.size("v_head_dim", otherwise=keys.hidden // keys.heads),
        ),
        feed=dense(bias=flag("mlp_bias")),
    ),
}
