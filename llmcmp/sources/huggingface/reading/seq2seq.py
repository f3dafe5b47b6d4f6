"""Encoder-decoders of fairseq's and T5's lines, and their decoders used alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.document import Drawing, Layer
from llmcmp.sources.huggingface.reading.facts import QKVO, Fact, Table, activation, of

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.decoders import Reader
    from llmcmp.sources.huggingface.reading.keys import Keys

KEYLESS = ["query", "value", "output"]  # Whisper's keys have no bias


def fairseq(
    *,
    placement: str = "post",
    embedding_norm: bool = True,
    exit_norm: bool = False,
    learned: bool = True,
    reserved: int = 2,
    bias: Fact[list[str]] = QKVO,  # pyright: ignore[reportArgumentType]
    rows: tuple[str, ...] = ("max_position_embeddings",),
    head: Fact[Table] | None = None,
    check: Any = None,
) -> Reader:
    """BART's and its relatives'. The causal class is the decoder alone, whose cross-attention is held and never run."""

    def read(keys: Keys) -> Drawing:
        if check is not None:
            check(keys)
        alone = keys.class_name.endswith("ForCausalLM")
        keys.ignore("is_decoder", "num_hidden_layers", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim")
        width = keys.whole("d_model")
        kinds, layers = _side(keys, "decoder", width, of(keys, bias), idle=alone)
        if not alone:
            more, before = _side(keys, "encoder", width, of(keys, bias), idle=None)
            kinds, layers = more | kinds, before + layers
        norm: Table = {"kind": "layer", "placement": placement, "exit": exit_norm}
        return Drawing(
            embedding=_embedding(keys, width),
            norm=norm | ({"embedding": True} if embedding_norm else {}),
            kinds=kinds,
            layers=layers,
            block={},
            head=of(keys, head) or {},
            position=_positions(keys, rows, reserved) if learned else {"kind": "sinusoidal"},
            architecture="decoder-only" if alone else "encoder-decoder",
        )

    return read


def _embedding(keys: Keys, width: int) -> Table:
    keys.expect("tie_word_embeddings", True, None, why="a head of its own is not read")
    table: Table = {"vocabulary": keys.whole("vocab_size"), "hidden": width, "tied": True}
    return table | ({"scaled": True} if keys.flag("scale_embedding", default=False) else {})


def _positions(keys: Keys, rows: tuple[str, ...], reserved: int) -> Table:
    table: Table = {"kind": "learned", "rows": keys.whole(*rows) + reserved}
    return table | ({"offset": reserved} if reserved else {})


def _side(
    keys: Keys, side: str, width: int, bias: list[str], *, idle: bool | None
) -> tuple[dict[tuple[str, str], Table], tuple[Layer, ...]]:
    """The kinds and layers of one side; `idle` is None where there is no cross-attention."""
    heads = keys.whole(f"{side}_attention_heads")
    if width % heads:
        raise keys.error(f"must divide the width {width}, not {heads}", f"{side}_attention_heads")
    sizes: Table = {"heads": heads, "kv_heads": heads, "head_dim": width // heads, "bias": bias}
    network: Table = {
        "kind": "plain",
        "activation": activation(keys, "activation_function"),
        "intermediate": keys.whole(f"{side}_ffn_dim"),
        "bias": True,
    }
    kinds = {
        ("attention", side): {"kind": "multi-head", **sizes},
        ("feed_forward", side): network,
    }
    parts = [("attention", side), ("feed_forward", side)]
    if idle is not None:
        kinds["cross_attention", side] = sizes | ({"idle": True} if idle else {})
        parts.append(("cross_attention", side))
    layer = Layer(parts=tuple(parts), side=None if idle else side)
    return kinds, (layer,) * keys.depth(f"{side}_layers")


def plain_embedding(keys: Keys) -> None:
    """Refuse what BART's relatives add by a flag."""
    keys.expect("use_prompt", False, None, why="prompts are not read")
    keys.ignore("prompt_length", "prompt_mid_dim")


def shared_vocabulary(keys: Keys) -> None:
    keys.expect("share_encoder_decoder_embeddings", True, None, why="two vocabularies are not read")
    found, own = keys.value("decoder_vocab_size", default=None), keys.whole("vocab_size")
    if found not in (None, own):
        keys.refuse("decoder_vocab_size", "two vocabularies are not read")


def audio_alone(keys: Keys) -> None:
    """Whisper's encoder reads sound: only its decoder is a language model."""
    if not keys.class_name.endswith("ForCausalLM"):
        keys.refuse("architectures", "Whisper's encoder reads sound, which no component does; only its decoder is read")
    keys.ignore("num_mel_bins", "max_source_positions", "median_filter_width", "use_weighted_layer_sum")
    for name in list(keys.config):
        if name.startswith(("mask_", "apply_spec")):
            keys.ignore(name)


def trocr(keys: Keys) -> None:
    keys.expect("use_learned_position_embeddings", True, why="sinusoids are not read")
    keys.expect("layernorm_embedding", True, why="a decoder without a norm after its embedding is not read")
    found = keys.value("cross_attention_hidden_size", default=None)
    if found not in (None, keys.whole("d_model")):
        keys.refuse("cross_attention_hidden_size", "a source of another width is not read")


TYPES: dict[str, Reader] = {
    "bart": fairseq(),
    "mvp": fairseq(check=plain_embedding),
    "plbart": fairseq(),
    "mbart": fairseq(placement="pre", exit_norm=True),
    "blenderbot": fairseq(placement="pre", exit_norm=True, embedding_norm=False, reserved=0),
    "blenderbot-small": fairseq(reserved=0),
    "pegasus": fairseq(placement="pre", exit_norm=True, embedding_norm=False, learned=False),
    "marian": fairseq(embedding_norm=False, learned=False, check=shared_vocabulary),
    "whisper": fairseq(
        placement="pre",
        exit_norm=True,
        embedding_norm=False,
        reserved=0,
        bias=KEYLESS,
        rows=("max_target_positions",),
        check=audio_alone,
    ),
    "trocr": fairseq(check=trocr),
}
