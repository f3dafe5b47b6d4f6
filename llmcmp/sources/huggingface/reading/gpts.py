"""GPT and what took after it: LayerNorms with biases, plain feed-forwards, learned positions or none of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, layer
from llmcmp.sources.huggingface.reading.facts import (
    FULL,
    QKV,
    QKVO,
    SLIDING,
    Fact,
    Table,
    biased,
    either,
    flag,
    whole,
)
from llmcmp.sources.huggingface.reading.llamas import TOGETHER
from llmcmp.sources.huggingface.reading.parts import attention, dense, fixed, rope

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.sources.huggingface.reading.keys import Keys


def fourfold(*names: str) -> Callable[[Keys], int]:
    """The width of a feed-forward: four times the model's, unless a key says otherwise."""
    return lambda keys: keys.size(*names, otherwise=4 * keys.hidden) if names else 4 * keys.hidden


def learned(*names: str, offset: int = 0) -> Callable[[Keys], Table]:
    """[position] of a learned table; `offset` rows are reserved."""

    def read(keys: Keys) -> Table:
        table: Table = {"kind": "learned", "rows": keys.whole(*names) + offset}
        return table | ({"offset": offset} if offset else {})

    return read


def all_heads(keys: Keys) -> int:
    """As many key and value heads as queries'."""
    return keys.heads


def square(keys: Keys) -> int:
    """The size of a head: its share of the width."""
    hidden, heads = keys.hidden, keys.heads
    if hidden % heads:
        raise keys.error(f"must divide the width {hidden}, not {heads}", "num_attention_heads")
    return hidden // heads


NOWHERE = fixed("none")


def heads(bias: Fact[list[str]] = QKVO, position: Any = NOWHERE, **more: Any) -> Any:
    """Multi-head attention as wide as the model."""
    return attention(kv=more.pop("kv", all_heads), size=square, bias=bias, position=position, **more)


def plain(width: Fact[int], act: str = "activation_function", bias: Fact[bool] = True, **more: Any) -> Any:
    """A plain feed-forward with biases."""
    return dense(kind="plain", width=width, act=act, bias=bias, **more)


def partly(name: str) -> Any:
    """GPT-J's: so many elements of a head are rotated, neighbours together; all where null."""

    def position(keys: Keys, kind: str) -> Table:
        rotated = keys.whole_or(name, otherwise=None)
        share = 1.0 if rotated is None else rotated / square(keys)
        table: Table = {"kind": "rotary", "interleaved": True}
        return table | ({} if share == 1 else {"fraction": share})

    return position


def neo_kinds(keys: Keys) -> list[str]:
    """GPT-Neo's patterns with how often they repeat: [[["global", "local"], 12]]."""
    found: Any = keys.value("attention_types", default=None) or [[["global", "local"], 12]]
    try:
        keys.few(sum(len(pattern) * times for pattern, times in found), "attention_types")
        names = [name for pattern, times in found for _ in range(times) for name in pattern]
    except (TypeError, ValueError):
        raise keys.error("must be a list of patterns with how often they repeat", "attention_types") from None
    listed = keys.value("attention_layers", default=None)
    if len(names) != keys.layers or set(names) - {"global", "local"} or listed not in (None, names):
        raise keys.error(f"must name global or local for each of {keys.layers} layers", "attention_types")
    keys.ignore("window_size")
    return [FULL if name == "global" else SLIDING for name in names]


def falcon_kv(keys: Keys) -> int:
    """One for all heads, or, in the newer blocks, as many as a key says."""
    if keys.flag("new_decoder_architecture"):
        keys.ignore("multi_query")
        return keys.size("num_kv_heads", otherwise=keys.heads)
    keys.ignore("num_kv_heads")
    return 1 if keys.flag("multi_query") else keys.heads


def falcon_block(keys: Keys) -> Table:
    """Parallel through one norm, or two in the newer blocks."""
    norms = keys.whole_or("num_ln_in_parallel_attn", otherwise=2 if keys.flag("new_decoder_architecture") else 1)
    if keys.flag("new_decoder_architecture"):
        keys.ignore("parallel_attn")
        return {"parallel": True} if norms == 2 else TOGETHER
    return TOGETHER if keys.flag("parallel_attn") else {}


def falcon_position(keys: Keys, kind: str) -> Table:
    return {"kind": "alibi"} if keys.flag("alibi") else rope()(keys, kind)


def mpt_attention(keys: Keys, kind: str) -> Table:
    """MPT's attention has a config of its own."""
    own = keys.table("attn_config")
    for name, allowed in {"attn_type": "multihead_attention", "qk_ln": False, "prefix_lm": False}.items():
        if own.get(name, allowed) != allowed:
            raise keys.error(f"{name} {str(own[name])[:40]!r} is not computed, {allowed!r} is", "attn_config")
    position = fixed("alibi" if own.get("alibi", True) else "none")
    if not own.get("alibi", True):
        raise keys.error("MPT without ALiBi has learned positions, which transformers' class has not", "attn_config")
    return heads(bias=mpt_bias, position=position)(keys, kind)


def mpt_bias(keys: Keys) -> list[str]:
    """transformers' class has no bias at all, whatever a config says."""
    keys.expect("no_bias", True, why="biases of MPT are not read")
    return []


def opt_norm(keys: Keys) -> Table:
    before = keys.flag("do_layer_norm_before")
    table: Table = {"kind": "layer", "placement": "pre" if before else "post", "epsilon": 1e-5}
    if not keys.flag("layer_norm_elementwise_affine"):
        table |= {"weight": False, "bias": False}
    if before and keys.flag("_remove_final_layer_norm", default=False):
        table["exit"] = False
    return table


def opt_embedding(keys: Keys) -> Table:
    width = keys.size("word_embed_proj_dim", otherwise=keys.hidden)
    return {} if width == keys.hidden else {"width": width}


def japanese_kinds(keys: Keys) -> list[str]:
    """Only the last layer's attention has a bias."""
    return ["biased" if number == keys.layers - 1 else FULL for number in range(keys.layers)]


def first_gpt(keys: Keys) -> str:
    """Its GELU is the tanh approximation."""
    keys.expect("afn", "gelu", why="GPT's activation is GELU")
    return "gelu-tanh"


def expanded(keys: Keys) -> int:
    return keys.hidden * keys.whole("expansion_ratio")


def phi_norms(keys: Keys) -> str | None:
    return "layer" if keys.flag("qk_layernorm") else None


GPT2 = decoder(
    norm=layer("layer_norm_epsilon"),
    mix=heads(),
    feed=plain(fourfold("n_inner")),
    position=learned("n_positions"),
    ignored=("n_ctx", "add_cross_attention"),
    check=lambda keys: keys.expect("add_cross_attention", False, None, why="cross-attention is not read"),
)

TYPES: dict[str, Reader] = {
    "gpt2": GPT2,
    "gpt-sw3": GPT2,
    "openai-gpt": decoder(
        norm=layer("layer_norm_epsilon", placement="post"),
        mix=heads(),
        feed=dense(
            kind="plain",
            width=fourfold(),
            acts=first_gpt,
            bias=True,
        ),
        position=learned("n_positions"),
        ignored=("n_ctx",),
    ),
    "gpt_bigcode": decoder(
        norm=layer("layer_norm_epsilon"),
        mix=heads(kv=either("multi_query", 1, all_heads)),
        feed=plain(fourfold("n_inner")),
        position=learned("n_positions"),
        ignored=("num_key_value_heads",),  # written, and derived again from multi_query
        check=lambda keys: keys.expect("add_cross_attention", False, None, why="cross-attention is not read"),
    ),
    "gpt_neo": decoder(
        norm=layer("layer_norm_epsilon"),
        mix=heads(bias=["output"], window=whole("window_size"), scale=1.0),
        kinds=neo_kinds,
        feed=plain(fourfold("intermediate_size")),
        position=learned("max_position_embeddings"),
    ),
    "gptj": decoder(
        norm=layer("layer_norm_epsilon"),
        block=TOGETHER,
        mix=heads(bias=[], position=partly("rotary_dim")),
        feed=plain(fourfold("n_inner")),
        head={"bias": True},
    ),
    "codegen": decoder(
        norm=layer("layer_norm_epsilon"),
        block=TOGETHER,
        mix=heads(bias=[], position=partly("rotary_dim")),
        feed=plain(fourfold("n_inner")),
        head={"bias": True},
        ignored=("n_ctx",),
    ),
    "gpt_neox": decoder(
        norm=layer(),
        block=either("use_parallel_residual", {"parallel": True}, {}),
        mix=heads(bias=biased("attention_bias"), position=rope(fraction=0.25)),
        feed=plain(whole("intermediate_size"), "hidden_act"),
        ignored=("is_decoder",),
    ),
    "gpt_neox_japanese": decoder(
        norm=layer(),
        mix={FULL: heads(bias=[], position=rope()), "biased": heads(bias=["output"], position=rope())},
        kinds=japanese_kinds,
        feed=plain(lambda keys: keys.hidden * keys.whole("intermediate_multiple_size"), "hidden_act", False),
        ignored=("is_decoder",),
    ),
    "bloom": decoder(
        norm=layer("layer_norm_epsilon", embedding=True),
        mix=heads(position=fixed("alibi")),
        feed=dense(kind="plain", width=fourfold("n_inner"), acts="gelu-tanh", bias=True),
        ignored=("apply_residual_connection_post_layernorm", "seq_length", "unk_token_id", "offset_alibi"),
    ),
    "falcon": decoder(
        norm=layer("layer_norm_epsilon"),
        block=falcon_block,
        mix=heads(bias=biased("bias"), kv=falcon_kv, position=falcon_position),
        feed=plain(fourfold("ffn_hidden_size"), "activation", flag("bias")),
    ),
    "opt": decoder(
        norm=opt_norm,
        mix=heads(bias=biased("enable_bias")),
        feed=plain(whole("ffn_dim"), bias=flag("enable_bias")),
        embedding=opt_embedding,
        position=learned("max_position_embeddings", offset=2),
    ),
    "mpt": decoder(
        norm=layer("layer_norm_epsilon", bias=False),
        mix=mpt_attention,
        feed=dense(kind="plain", width=expanded, acts="gelu", bias=False),
        ignored=("learned_pos_emb", "embedding_fraction", "norm_type", "logit_scale"),
    ),
    "biogpt": decoder(
        norm=layer(),
        mix=heads(),
        feed=plain(whole("intermediate_size"), "hidden_act"),
        embedding=either("scale_embedding", {"scaled": True}, {}),
        position=learned("max_position_embeddings", offset=2),
    ),
    "ctrl": decoder(
        norm=layer("layer_norm_epsilon"),
        mix=heads(),
        feed=dense(kind="plain", width=whole("dff"), acts="relu", bias=True),
        embedding={"scaled": True},
        position={"kind": "sinusoidal"},
        head={"bias": True},
    ),
    "phi": decoder(
        norm=layer(),
        block=TOGETHER,
        mix=attention(bias=QKVO, position=rope(fraction=0.5), qk_norm=phi_norms),
        feed=plain(whole("intermediate_size"), "hidden_act"),
        head={"bias": True},
    ),
    "persimmon": decoder(
        norm=layer(),
        mix=heads(position=rope(fraction=0.5), qk_norm=phi_norms),
        feed=plain(whole("intermediate_size"), "hidden_act"),
    ),
    "stablelm": decoder(
        norm=layer(),
        block=either("use_parallel_residual", TOGETHER, {}),
        mix=attention(
            bias=biased("use_qkv_bias", QKV),
            position=rope(fraction=0.25),
            qk_norm=either("qk_layernorm", "each", None),
        ),
    ),
    "xglm": decoder(
        norm=layer(""),
        mix=heads(),
        feed=plain(whole("ffn_dim")),
        embedding=either("scale_embedding", {"scaled": True}, {}),
        position={"kind": "sinusoidal"},
        check=lambda keys: keys.expect("add_cross_attention", False, None, why="cross-attention is not read"),
    ),
}
