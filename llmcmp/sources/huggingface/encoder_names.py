"""The tensors of encoders and of encoder-decoders: theirs on the left, ours on the right."""

from __future__ import annotations

from llmcmp.sources.huggingface.decoder_names import FAIRSEQ_LAYER
from llmcmp.sources.huggingface.targets import Names, Zero, under

BERT_EMBEDDINGS: Names = {
    "embeddings.word_embeddings": "embedding",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "embedding_norm",
}

BERT = (
    BERT_EMBEDDINGS
    | under(
        "encoder.layer.*.",
        "layers.*.",
        {
            "attention.self.query": "attention.query",
            "attention.self.key": "attention.key",
            "attention.self.value": "attention.value",
            "attention.output.dense": "attention.output",
            "attention.output.LayerNorm": "attention_output_norm",
            "intermediate.dense": "feed_forward.up",
            "output.dense": "feed_forward.down",
            "output.LayerNorm": "feed_forward_output_norm",
        },
    )
    | {"pooler.dense": "pooler.dense"}
)

ALBERT = (
    BERT_EMBEDDINGS
    | {"encoder.embedding_hidden_mapping_in": "embedding_projection", "pooler": "pooler.dense"}
    | under(
        "encoder.albert_layer_groups.*.albert_layers.0.",
        "layers.*.",
        {
            "attention.query": "attention.query",
            "attention.key": "attention.key",
            "attention.value": "attention.value",
            "attention.dense": "attention.output",
            "attention.LayerNorm": "attention_output_norm",
            "ffn": "feed_forward.up",
            "ffn_output": "feed_forward.down",
            "full_layer_layer_norm": "feed_forward_output_norm",
        },
    )
)

FAIRSEQ_CROSS: Names = {
    "encoder_attn.q_proj": "cross_attention.query",
    "encoder_attn.k_proj": "cross_attention.key",
    "encoder_attn.v_proj": "cross_attention.value",
    "encoder_attn.out_proj": "cross_attention.output",
    "encoder_attn_layer_norm": "cross_attention_output_norm",
}


def _bart(side: str) -> Names:
    outside: Names = {
        "embed_tokens": "embedding",
        "embed_positions": "positions",
        "layernorm_embedding": "embedding_norm",
    }
    layer = under("layers.*.", "layers.*.", FAIRSEQ_LAYER | FAIRSEQ_CROSS)
    return under(f"model.{side}.", f"{side}.", outside | layer)


BART: Names = {
    "model.shared": "encoder.embedding",
    **_bart("encoder"),
    **_bart("decoder"),
    "lm_head": "decoder.head",
    "final_logits_bias": Zero(),
}


def _attention(theirs: str, ours: str) -> Names:
    return {
        f"{theirs}.{letter}": f"{ours}.{name}"
        for letter, name in {"q": "query", "k": "key", "v": "value", "o": "output"}.items()
    }


# T5 calls its dense networks by what they are, Switch "mlp", with experts or without.
T5_NETWORKS: Names = {
    "DenseReluDense.wi": "feed_forward.up",
    "DenseReluDense.wi_0": "feed_forward.gate",
    "DenseReluDense.wi_1": "feed_forward.up",
    "DenseReluDense.wo": "feed_forward.down",
    "mlp.wi": "feed_forward.up",
    "mlp.wo": "feed_forward.down",
    "mlp.router.classifier": "feed_forward.router",
    "mlp.experts.expert_#.wi": "feed_forward.experts.up",
    "mlp.experts.expert_#.wo": "feed_forward.experts.down",
    "layer_norm": "feed_forward_norm",
}


def _t5(side: str, network: int) -> Names:
    """A side of T5; `network` is the place of the feed-forward among a block's layers."""
    block = under("layer.0.", "", _attention("SelfAttention", "attention") | {"layer_norm": "attention_norm"})
    if network == 2:
        cross = _attention("EncDecAttention", "cross_attention") | {"layer_norm": "cross_attention_norm"}
        block |= under("layer.1.", "", cross)
    block |= under(f"layer.{network}.", "", T5_NETWORKS)
    outside: Names = {
        "embed_tokens": "embedding",
        "block.*.layer.0.SelfAttention.relative_attention_bias": "positions",
        "final_layer_norm": "norm",
    }
    return under(f"{side}.", f"{side}.", outside | under("block.*.", "layers.*.", block))


T5: Names = {"shared": "encoder.embedding", **_t5("encoder", 1), **_t5("decoder", 2), "lm_head": "decoder.head"}
