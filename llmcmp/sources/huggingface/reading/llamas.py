"""LLaMA and the dense decoders after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, layer, rms
from llmcmp.sources.huggingface.reading.facts import (
    FULL,
    QKV,
    SLIDING,
    Table,
    biased,
    either,
    every,
    flag,
    listed,
    optional,
)
from llmcmp.sources.huggingface.reading.parts import Position, attention, dense, rope, rotating

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.sources.huggingface.reading.keys import Keys

BIASED = biased("attention_bias")
LLAMA = decoder(mix=attention(bias=BIASED), feed=dense(bias=flag("mlp_bias")))

# Parallel branches through one norm: GPT-J, Phi, Cohere.
TOGETHER = {"parallel": True, "shared_norm": True}
SCALED = {"scaled": True}
GEMMA_NETWORK = dense(act=("hidden_activation", "hidden_act"))


def windowed(keys: Keys) -> list[str]:
    """All layers slide, if there is a window."""
    return [FULL if keys.value("sliding_window", default=None) is None else SLIDING] * keys.layers


def upper_windowed(keys: Keys) -> list[str]:
    """Qwen's: layers from `max_window_layers` on slide, if any does."""
    keys.ignore("sliding_window")
    first = keys.whole_or("max_window_layers", otherwise=0, least=0) or 0
    slides = keys.flag("use_sliding_window", default=False) and keys.value("sliding_window") is not None
    return [SLIDING if slides and number >= first else FULL for number in range(keys.layers)]


def qwen_kinds(keys: Keys) -> list[str]:
    """As the config lists them, else as `max_window_layers` says."""
    keys.ignore("use_sliding_window", "max_window_layers")
    return listed(upper_windowed)(keys)


def window_pattern(period: int) -> Callable[[Keys], list[str]]:
    """Every `period`-th layer sees everything, or as many as an older key says; 0 or no window: all of them."""

    def kinds(keys: Keys) -> list[str]:
        step = keys.value("sliding_window_pattern", default=period)
        if keys.value("sliding_window", default=None) is None:
            return [FULL] * keys.layers
        if isinstance(step, str):  # EXAONE 4 writes the pattern out: "LLLG"
            letters = {"L": SLIDING, "G": FULL}
            if not step or set(step) - letters.keys():
                raise keys.error(f"must be a number, or letters L and G, not {step[:40]!r}", "sliding_window_pattern")
            last = keys.layers - 1
            return [FULL if n == last else letters[step[n % len(step)]] for n in range(keys.layers)]
        step = keys.whole("sliding_window_pattern", default=period)
        return [SLIDING if (number + 1) % step else FULL for number in range(keys.layers)]

    return kinds


def soft_capped(keys: Keys) -> Table:
    """[head] whose logits are capped."""
    cap = optional("final_logit_softcapping")(keys)
    return {} if cap is None else {"soft_cap": cap}


def gemma_scale(keys: Keys) -> float | None:
    """1 / sqrt(query_pre_attn_scalar), where that is not the size of a head."""
    scalar = keys.value("query_pre_attn_scalar", default=None)
    if scalar is None or scalar == keys.value("head_dim", default=None):
        return None
    return keys.number("query_pre_attn_scalar") ** -0.5


def gemma(placement: str = "pre", kinds: Callable[[Keys], list[str]] | None = None, **mix: Any) -> Reader:
    """Gemma's: a norm that stores its weight less one, a scaled embedding."""
    position: Position = rope()
    if "position" in mix:
        position = mix.pop("position")  # pyright: ignore[reportAssignmentType]
    return decoder(
        norm=rms(placement=placement, unit_offset=True),
        embedding=SCALED,
        mix=attention(bias=BIASED, position=position, soft_cap=optional("attn_logit_softcapping"), **mix),
        kinds=kinds or (lambda keys: [FULL] * keys.layers),
        feed=GEMMA_NETWORK,
        head=soft_capped,
    )


def multiplied(name: str) -> Callable[[Keys], float | None]:
    """A scale of the scores that a key may state."""
    return optional(name)


def unrotated(keys: Keys) -> list[str]:
    """SmolLM3's: every fourth layer has no position; a kind that says so beside its window."""
    kinds = listed(windowed_unrotated)(keys)
    return [kind if rotates else f"{kind}/none" for kind, rotates in zip(kinds, rotated_layers(keys), strict=True)]


def rotated_layers(keys: Keys) -> list[bool]:
    """Which layers rotate."""
    interval = keys.whole_or("no_rope_layer_interval", otherwise=4)
    found = keys.wholes("no_rope_layers", keys.layers) if keys.value("no_rope_layers", default=None) else None
    if found:
        return [bool(rotates) for rotates in found]
    return [(number + 1) % (interval or 4) != 0 for number in range(keys.layers)]


def windowed_unrotated(keys: Keys) -> list[str]:
    slides = keys.flag("use_sliding_window", default=False) and keys.value("sliding_window") is not None
    return [SLIDING if slides and not rotates else FULL for rotates in rotated_layers(keys)]


def named_position(keys: Keys, kind: str) -> Table:
    """None where the kind of layer says so."""
    return {"kind": "none"} if kind.endswith("/none") else rope()(keys, kind.partition("/")[0])


def with_thetas(kinds: Callable[[Keys], list[str]]) -> Callable[[Keys], list[str]]:
    """Kinds with the base of their rotation, where the config gives every layer one (0 or null: it does not rotate)."""

    def read(keys: Keys) -> list[str]:
        thetas = keys.numbers("layer_rope_theta", keys.layers)
        if thetas is None:
            return kinds(keys)
        usual = rope()(keys, FULL)["theta"]
        return [kind if theta == usual else f"{kind}/{theta}" for kind, theta in zip(kinds(keys), thetas, strict=True)]

    return read


def own_theta(keys: Keys, kind: str) -> Table:
    """The position of a layer whose kind names its base."""
    base, _, theta = kind.partition("/")
    if not theta:
        return rope()(keys, base)
    return {"kind": "none"} if float(theta) == 0 else rope()(keys, base) | {"theta": float(theta)}


def squared(keys: Keys) -> None:
    """Refuse heads that do not make up the width where the class's last map takes that for granted."""
    if keys.heads * keys.size("head_dim", otherwise=keys.hidden // keys.heads) != keys.hidden:
        keys.refuse("head_dim", f"times the {keys.heads} heads must be the width, {keys.hidden}")


def olmo(kinds: Callable[[Keys], list[str]] | None = None) -> Reader:
    """OLMo 2 and 3: norms after the sub-layers, and of whole queries and keys."""
    return decoder(
        norm=rms(placement="output"),
        mix=attention(bias=BIASED, qk_norm="whole"),
        kinds=kinds or (lambda keys: [FULL] * keys.layers),
    )


CWM_ROPE = {
    "rope_theta": 1_000_000.0,
    "factor": 16.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}

APERTUS_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 12_000_000.0,
    "factor": 8.0,
    "original_max_position_embeddings": 8192,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
}
MINISTRAL_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 1_000_000.0,
    "factor": 16.0,
    "original_max_position_embeddings": 16384,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
}

TYPES: dict[str, Reader] = {
    "llama": LLAMA,
    "internlm3": LLAMA,
    "iquestcoder": LLAMA,
    "mistral": decoder(kinds=windowed),
    "ministral": decoder(kinds=listed(windowed)),
    "ministral3": decoder(mix=attention(position=rope(otherwise=MINISTRAL_ROPE)), kinds=windowed),
    "qwen2": decoder(mix=attention(bias=QKV), kinds=qwen_kinds),
    "qwen3": decoder(mix=attention(bias=BIASED, qk_norm="head"), kinds=qwen_kinds),
    "qwen2_vl_text": decoder(mix=attention(bias=QKV), kinds=qwen_kinds),
    "qwen2_5_vl_text": decoder(mix=attention(bias=QKV), kinds=qwen_kinds),
    "qwen3_vl_text": decoder(mix=attention(bias=BIASED, qk_norm="head")),
    "gemma": gemma(),
    "gemma2": gemma("sandwich", listed(every(2, FULL, SLIDING)), scale=gemma_scale),
    "gemma3_text": gemma(
        "sandwich",
        listed(window_pattern(6)),
        scale=gemma_scale,
        qk_norm="head",
        position=rope(thetas={FULL: ("rope_theta", 1_000_000.0), SLIDING: ("rope_local_base_freq", 10_000.0)}),
    ),
    "vaultgemma": gemma("pre", listed(every(2, FULL, SLIDING)), scale=gemma_scale),
    "phi3": decoder(kinds=windowed),
    "olmo": decoder(norm=layer("", bias=False, weight=False), mix=attention(bias=BIASED)),
    "olmo2": olmo(),
    "olmo3": olmo(listed(every(4, FULL, SLIDING))),
    "glm": decoder(mix=attention(bias=biased("attention_bias", QKV), position=rope(fraction=0.5, interleaved=True))),
    "glm4": decoder(
        norm=rms(placement="sandwich"),
        mix=attention(bias=biased("attention_bias", QKV), position=rope(fraction=0.5, interleaved=True)),
    ),
    "arcee": decoder(mix=attention(bias=BIASED), feed=dense(kind="plain", bias=flag("mlp_bias"))),
    "apertus": decoder(
        mix=attention(bias=BIASED, qk_norm="head", position=rope(otherwise=APERTUS_ROPE)),
        feed=dense(kind="plain", acts="xielu"),
    ),
    "granite": decoder(
        mix=attention(bias=BIASED, scale=multiplied("attention_multiplier")), feed=dense(bias=flag("mlp_bias"))
    ),
    "granite_swa": decoder(
        mix=attention(bias=BIASED, sinks=True, scale=multiplied("attention_multiplier"), position=own_theta),
        kinds=with_thetas(listed(every(4, FULL, SLIDING, 0))),
        feed=dense(bias=flag("mlp_bias")),
    ),
    "cohere": decoder(
        norm=layer(bias=False),
        block=TOGETHER,
        mix=attention(bias=BIASED, qk_norm=either("use_qk_norm", "each", None), position=rope(interleaved=True)),
    ),
    "cohere2": decoder(
        norm=layer(bias=False),
        block=TOGETHER,
        mix=attention(bias=BIASED, position=rotating(SLIDING, interleaved=True)),
        kinds=listed(window_pattern(4)),
    ),
    "cwm": decoder(
        mix=attention(position=rope(otherwise=CWM_ROPE)),
        kinds=listed(every(4, FULL, SLIDING, 0)),
        feed=dense(bias=flag("mlp_bias")),
    ),
    "ernie4_5": decoder(
        mix=attention(bias=biased("use_bias"), position=rope(interleaved=True)), feed=dense(bias=flag("use_bias"))
    ),
    "exaone4": decoder(
        norm=rms(placement="output"),
        mix=attention(qk_norm="head", position=lambda keys, kind: exaone_position(keys, kind)),
        kinds=listed(window_pattern(4)),
    ),
    "helium": decoder(
        check=squared,
        mix=attention(bias=biased("attention_bias", QKV), position=rope(interleaved=True)),
        feed=dense(bias=flag("mlp_bias")),
    ),
    "hunyuan_v1_dense": decoder(mix=attention(bias=BIASED, qk_norm="head")),
    "hyperclovax": decoder(
        norm=rms(placement=either("use_post_norm", "sandwich", "pre")),
        mix=attention(bias=BIASED, scale=multiplied("attention_multiplier")),
        feed=dense(bias=flag("mlp_bias")),
    ),
    "jais2": decoder(norm=layer(), mix=attention(bias=BIASED), feed=dense(kind="plain", bias=flag("mlp_bias"))),
    "nanochat": decoder(
        norm=rms(weight=False, embedding=True),
        mix=attention(bias=BIASED, qk_norm="l2"),
        feed=dense(kind="plain"),
        head=soft_capped,
    ),
    "nemotron": decoder(
        norm=layer("norm_eps"),
        mix=attention(bias=BIASED, position=rope(fraction=0.5)),
        feed=dense(kind="plain", bias=flag("mlp_bias")),
    ),
    "seed_oss": decoder(
        mix=attention(
            bias=lambda keys: [
                *(QKV if keys.flag("attention_bias") else []),
                *(["output"] if keys.flag("attention_out_bias") else []),
            ]
        ),
        feed=dense(bias=flag("mlp_bias")),
    ),
    "smollm3": decoder(
        mix=attention(bias=BIASED, position=named_position), kinds=unrotated, feed=dense(bias=flag("mlp_bias"))
    ),
    "starcoder2": decoder(
        norm=layer("norm_epsilon"),
        mix=attention(bias=biased("use_bias")),
        kinds=windowed,
        feed=dense(kind="plain", bias=flag("use_bias")),
    ),
}


def exaone_position(keys: Keys, kind: str) -> Table:
    """Where some layers slide, only those rotate."""
    if kind == FULL and keys.value("sliding_window", default=None) is not None:
        return {"kind": "none"}
    return rope()(keys, kind)
