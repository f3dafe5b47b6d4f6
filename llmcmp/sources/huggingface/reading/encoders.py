"""BERT and the encoders after it, bare with a pooler or with their masked-LM head, and used as decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.frozen import replace
from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, layer
from llmcmp.sources.huggingface.reading.facts import FULL, QKVO, Table, always, of, whole
from llmcmp.sources.huggingface.reading.gpts import heads, plain
from llmcmp.sources.huggingface.reading.parts import rope

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.document import Drawing
    from llmcmp.sources.huggingface.reading.keys import Keys

# Classes whose head is the masked-LM head, or, for a few types, a plain one.
WITH_HEAD = ("ForMaskedLM", "ForCausalLM", "LMHeadModel", "GenerationDecoder")


def encoder(
    *,
    norm: Any = None,
    head: Any = None,
    embedding: Any = None,
    token_types: str | None = "type_vocab_size",
    offset: bool = False,
    pooler: bool = True,
    position: Any = None,
    mix: Any = None,
    tied: bool = True,
    **more: Any,
) -> Reader:
    """A reader of encoders. `offset`: the first tokens of the position table are reserved (RoBERTa).

    A class with a language-model head has it in the place of the pooler, which `pooler` may deny.
    """

    def read(keys: Keys) -> Drawing:
        keys.expect(
            "add_cross_attention", False, None, why="an encoder made a decoder with cross-attention is not read"
        )
        if tied:
            keys.expect("tie_word_embeddings", True, None, why="its head then has biases of two kinds")
        decodes = keys.flag("is_decoder", default=False)
        drawing = decoder(
            norm=norm or layer(placement="post", embedding=True),
            mix=mix or heads(bias=QKVO),
            kinds=always(FULL),
            feed=plain(whole("intermediate_size"), "hidden_act"),
            tied=tied,
            embedding=lambda keys: _types(keys, token_types) | (of(keys, embedding) or {}),
            head=lambda keys: _head(keys, head, pooler=pooler, decodes=decodes),
            position=position or (lambda keys: _positions(keys, offset=offset)),
            **more,
        )(keys)
        return replace(drawing, architecture="decoder-only" if decodes else "encoder-only")

    return read


def _types(keys: Keys, name: str | None) -> Table:
    count = keys.whole(name, least=0) if name else 0
    return {"token_types": count} if count else {}


def _positions(keys: Keys, *, offset: bool) -> Table:
    keys.expect("position_embedding_type", "absolute", None, why="other positions than absolute ones are not read")
    table: Table = {"kind": "learned", "rows": keys.whole("max_position_embeddings")}
    return table | ({"offset": 2} if offset else {})


def _head(keys: Keys, head: Any, *, pooler: bool, decodes: bool) -> Table:
    with_head = keys.class_name.endswith(WITH_HEAD) or not keys.class_name or decodes
    if with_head:
        return of(keys, head) or {"kind": "masked"}
    if not pooler or not keys.class_name.endswith("Model"):
        keys.refuse("architectures", f"the tensors of {keys.class_name[:60]} are not known")
    return {"kind": "pooler"}


def narrow(*names: str) -> Any:
    """[embedding] of a width of its own, projected with a bias."""

    def read(keys: Keys) -> Table:
        width = keys.size(*names, otherwise=keys.hidden)
        return {} if width == keys.hidden else {"width": width, "projection_bias": True}

    return read


def without_tasks(keys: Keys) -> None:
    keys.expect("use_task_id", False, why="task types are not read")


def still_values(keys: Keys) -> None:
    keys.expect("rotary_value", False, why="values that rotate are not read")


def no_table(keys: Keys) -> None:
    """Rotated, up to a limit."""
    keys.ignore("max_position_embeddings")


def rembert(keys: Keys) -> Drawing:
    """A narrow embedding, and a head with a width and a matrix of its own."""
    keys.expect("tie_word_embeddings", False, why="its head has a width of its own")
    drawing = encoder(embedding=narrow("input_embedding_size"), tied=False)(keys)
    width = keys.size("output_embedding_size", otherwise=1664)
    return replace(drawing, head=drawing.head | {"width": width} if drawing.head["kind"] == "masked" else drawing.head)


BERT = encoder()
ROBERTA = encoder(offset=True)
PRE_NORM = layer(placement="pre")

TYPES: dict[str, Reader] = {
    "bert": BERT,
    "ernie": encoder(
        ignored=("task_type_vocab_size",),
        check=without_tasks,
    ),
    "roberta": ROBERTA,
    "camembert": ROBERTA,
    "xlm-roberta": ROBERTA,
    "data2vec-text": ROBERTA,
    "roberta-prelayernorm": encoder(offset=True, norm=layer(placement="pre", embedding=True)),
    "xlm-roberta-xl": encoder(offset=True, norm=PRE_NORM),
    "megatron-bert": encoder(norm=PRE_NORM),
    "electra": encoder(embedding=narrow("embedding_size"), pooler=False),
    "roformer": encoder(
        embedding=narrow("embedding_size"),
        mix=heads(bias=QKVO, position=rope(interleaved=True)),
        position=no_table,
        check=still_values,
    ),
    "rembert": rembert,
    "bert-generation": encoder(token_types=None, head={"kind": "language", "bias": True}, pooler=False),
}
