"""The reader of decoders: one attention or mixer a layer, a feed-forward, norms around them, a head.

Its arguments are what sets one model type apart from another; `types` holds a row of them for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from llmcmp.sources.huggingface.reading.document import Drawing, Layer
from llmcmp.sources.huggingface.reading.facts import FULL, Fact, Table, always, flag, of
from llmcmp.sources.huggingface.reading.parts import attention, dense

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys
    from llmcmp.sources.huggingface.reading.parts import Feed, Feeding, Mixing

ATTENTION = (
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "attention_bias",
    "rope_parameters",
    "rope_theta",
    "partial_rotary_factor",
)

Reader: TypeAlias = "Callable[[Keys], Drawing]"


def rms(eps: str = "rms_norm_eps", placement: Fact[str] = "pre", **more: Any) -> Callable[[Keys], Table]:
    """[norm] of kind "rms"."""
    return norm("rms", eps, placement, **more)


def layer(eps: str = "layer_norm_eps", placement: Fact[str] = "pre", **more: Any) -> Callable[[Keys], Table]:
    """[norm] of kind "layer"."""
    return norm("layer", eps, placement, **more)


def norm(kind: str, eps: str, placement: Fact[str], **more: Any) -> Callable[[Keys], Table]:
    """[norm], its epsilon from a key; `more` as in presets, left out where it is the default there."""

    def read(keys: Keys) -> Table:
        table = {"kind": kind, "placement": of(keys, placement)}
        if eps:
            table["epsilon"] = keys.number(eps)
        found = {name: of(keys, fact) for name, fact in more.items()}
        return table | {name: value for name, value in found.items() if value is not (name in ("bias", "weight"))}

    return read


# What most types have.
HEADS, DENSE, RMS = attention(), dense(), rms()
EVERYWHERE, TIED = always(FULL), flag("tie_word_embeddings")


def decoder(
    *,
    mix: Mixing | dict[str, Mixing] = HEADS,
    kinds: Fact[list[str]] = EVERYWHERE,
    feed: Feeding = DENSE,
    norm: Callable[[Keys], Table] = RMS,
    block: Fact[Table] | None = None,
    tied: Fact[bool] = TIED,
    embedding: Fact[Table] | None = None,
    head: Fact[Table] | None = None,
    position: Fact[Table] | None = None,
    ignored: tuple[str, ...] = (),
    check: Callable[[Keys], None] | None = None,
    architecture: str = "decoder-only",
    predicted: str = "",
    beside: Mixing | None = None,
) -> Reader:
    """A reader. `mix` is by kind of layer where the kinds differ in more than their window.

    `beside`: a mixer that stands beside the attention of every layer (Falcon-H1). `predicted`: the key that says how
    many modules for multi-token prediction there are.
    """

    # One reader for all kinds, or one for each.
    any_kind: Mixing | None = None if isinstance(mix, dict) else mix
    by_kind: dict[str, Mixing] = mix if any_kind is None else {}  # type: ignore[assignment]

    def read(keys: Keys) -> Drawing:
        keys.ignore(*ignored)
        if check is not None:
            check(keys)
        names: list[str] = of(keys, kinds)
        tables: dict[tuple[str, str], Table] = {}
        if FULL in by_kind and FULL not in names:
            keys.ignore(*ATTENTION)  # no layer has it
        for kind in dict.fromkeys(names):
            if kind:
                tables |= _mixing(keys, by_kind.get(kind) or any_kind, kind, list(by_kind))
        if beside is not None:
            tables |= _mixing(keys, beside, "mixer", [])
        fed = feed(keys)
        tables |= {("feed_forward", name): table for name, table in fed.tables.items()}
        return Drawing(
            embedding=_embedding(keys) | (of(keys, embedding) or {}),
            norm=norm(keys),
            kinds=tables,
            layers=_layers(names, fed, tables, beside=beside is not None),
            block=of(keys, block) or {},
            head=of(keys, head) or {},
            position=of(keys, position),
            architecture=architecture,
            prediction=_prediction(keys, predicted),
        )

    def _embedding(keys: Keys) -> Table:
        return {"vocabulary": keys.whole("vocab_size"), "hidden": keys.hidden, "tied": of(keys, tied)}

    return read


def _prediction(keys: Keys, name: str) -> Table | None:
    """[multi_token_prediction], where a key says that there is a module: one is listed apart, more are only noted."""
    count = keys.whole_or(name, otherwise=0, least=0) if name else 0
    if count and count > 1:
        keys.notes.append(f"Its {count} modules for the prediction of further tokens are not counted.")
    return {} if count == 1 else None


def _mixing(keys: Keys, mix: Mixing | None, kind: str, known: list[str]) -> dict[tuple[str, str], Table]:
    """The table of one kind of layer, in its section."""
    if mix is None:
        raise keys.error(f"layers of kind {kind[:40]!r} are not known; known: {', '.join(known)}", "layer_types")
    table = mix(keys, kind)
    return {(table.pop("section", "attention"), kind): table}


def _layers(names: list[str], fed: Feed, tables: dict[tuple[str, str], Table], *, beside: bool) -> tuple[Layer, ...]:
    placements = {name: table.pop("placement") for (_, name), table in tables.items() if "placement" in table}
    section = {name: of for of, name in tables if of in ("attention", "mixer")}
    made: dict[tuple[str, str], Layer] = {}
    for pair in zip(names, fed.names, strict=True):
        if pair not in made:
            kind, network = pair
            parts = [(section[kind], kind)] if kind else []
            parts += [("mixer", "mixer")] if beside else []
            parts += [("feed_forward", network)] if network else []
            made[pair] = Layer(parts=tuple(parts), placement=placements.get(kind))
    return tuple(made[pair] for pair in zip(names, fed.names, strict=True))
