"""Decoders with experts."""

from __future__ import annotations

from llmcmp.sources.huggingface.reading.decoders import Reader, decoder
from llmcmp.sources.huggingface.reading.facts import QKV, biased, flag, listed, whole
from llmcmp.sources.huggingface.reading.llamas import upper_windowed, windowed
from llmcmp.sources.huggingface.reading.parts import attention, every_step, experts, routed

TYPES: dict[str, Reader] = {
    "mixtral": decoder(
        kinds=windowed,
        feed=experts(width=whole("intermediate_size"), router={"normalize": True}),
    ),
    "qwen2_moe": decoder(
        mix=attention(bias=QKV),
        kinds=listed(upper_windowed),
        feed=experts(
            shared=whole("shared_expert_intermediate_size"), shared_gate=True, sparse=every_step, router=routed()
        ),
    ),
    "qwen3_moe": decoder(
        mix=attention(bias=biased("attention_bias"), qk_norm="head"),
        kinds=listed(upper_windowed),
        feed=experts(sparse=every_step, router=routed()),
    ),
}
