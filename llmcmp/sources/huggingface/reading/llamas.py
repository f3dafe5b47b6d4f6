"""LLaMA and the dense decoders after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder, layer, rms
from llmcmp.sources.huggingface.reading.facts import (
    CHUNKED,
    FULL,
    QKV,
    QKVO,
    SLIDING,
    Table,
    always,
    biased,
    either,
    every,
    flag,
    listed,
    number,
    optional,
    whole,
)
from llmcmp.sources.huggingface.reading.parts import attention, dense, fixed, rope

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

LLAMA = decoder(mix=attention(bias=biased("attention_bias")), feed=dense(bias=flag("mlp_bias")))


def windowed(keys: Keys) -> list[str]:
    """All layers slide, if there is a window."""
    return [FULL if keys.value("sliding_window", default=None) is None else SLIDING] * keys.layers


def upper_windowed(keys: Keys) -> list[str]:
    """Qwen's: layers from `max_window_layers` on slide, if any does."""
    first = keys.whole_or("max_window_layers", otherwise=0, least=0) or 0
    slides = keys.flag("use_sliding_window", default=False) and keys.given("sliding_window")
    return [SLIDING if slides and number >= first else FULL for number in range(keys.layers)]


def fraction(name: str) -> float:
    """For readability of rows below."""
    return float(name)


def phi_split(keys: Keys) -> Table:
    """Phi's attention and feed-forward stand beside one another."""
    return {"parallel": True, "shared_norm": True}


def gemma_scale(keys: Keys) -> float | None:
    """1 / sqrt(query_pre_attn_scalar), where that is not the size of a head."""
    scalar = keys.value("query_pre_attn_scalar", default=None)
    if scalar is None or scalar == keys.value("head_dim", default=None):
        return None
    return keys.number("query_pre_attn_scalar") ** -0.5


def temper(keys: Keys) -> Table | None:
    """Llama 4's temperature of queries without a position."""
    if not keys.flag("attn_temperature_tuning"):
        return None
    return {"floor": keys.whole("floor_scale"), "scale": keys.number("attn_scale")}


PARALLEL = {"parallel": True, "shared_norm": True}
GEMMA_NORM = {"unit_offset": True}
SCALED = {"scaled": True}

TYPES: dict[str, Reader] = {
    "llama": LLAMA,
    "mistral": decoder(kinds=windowed),
    "ministral": decoder(kinds=listed(windowed)),
    "qwen2": decoder(mix=attention(bias=QKV), kinds=listed(upper_windowed)),
    "qwen3": decoder(
        mix=attention(bias=biased("attention_bias"), qk_norm="head"), kinds=listed(upper_windowed)
    ),
    "gemma": decoder(norm=rms(**GEMMA_NORM), embedding=SCALED, mix=attention(bias=biased("attention_bias"))),
    "gemma2": decoder(
        norm=rms(placement="sandwich", **GEMMA_NORM),
        embedding=SCALED,
        mix=attention(
            bias=biased("attention_bias"), soft_cap=optional("attn_logit_softcapping"), scale=gemma_scale
        ),
        kinds=listed(every(2, FULL, SLIDING)),
        feed=dense(act=("hidden_activation", "hidden_act")),
        head=lambda keys: {"soft_cap": cap} if (cap := optional("final_logit_softcapping")(keys)) else {},
    ),
    "phi3": decoder(kinds=windowed),
    "olmo2": decoder(
        norm=rms(placement="output"), mix=attention(bias=biased("attention_bias"), qk_norm="whole")
    ),
    "olmo3": decoder(
        norm=rms(placement="output"),
        mix=attention(bias=biased("attention_bias"), qk_norm="whole"),
        kinds=listed(every(4, FULL, SLIDING)),
    ),
}
