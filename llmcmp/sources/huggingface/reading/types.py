"""Every model type that can be read, and how: a reader with what sets the type apart, its facts from the config class
and the model class of transformers 5.23 (github.com/huggingface/transformers, src/transformers/models/<type>)."""

from __future__ import annotations

from llmcmp.sources.huggingface.reading import (
    convolutions,
    encoders,
    gpts,
    latents,
    legacy,
    llamas,
    mixtures,
    recurrent,
    seq2seq,
)
from llmcmp.sources.huggingface.reading.decoders import Reader

TYPES: dict[str, Reader] = (
    llamas.TYPES
    | gpts.TYPES
    | mixtures.TYPES
    | latents.TYPES
    | encoders.TYPES
    | seq2seq.TYPES
    | recurrent.TYPES
    | convolutions.TYPES
    | legacy.TYPES
)

# What a type has that no component has yet.
REFUSED: dict[str, str] = {
    "axk1": "no component has a norm after its experts alone",
    "axk2": "no component has norms with a network in them, or an index of keys (sparse attention)",
    "bailing_hybrid": "no component is Kimi delta attention",
    "beam": "no reader is written yet",
    "big_bird": "no component is block-sparse attention",
    "bigbird_pegasus": "no component is block-sparse attention",
    "bitnet": "no component has norms within attention and feed-forward",
    "blt": "no component reads bytes in patches",
    "cohere_compass_text": "no reader is written yet",
    "cpmant": "no component has prompts and their relative positions",
    "deepseek_v4": "no component has hyper-connections or compressed keys",
    "diffllama": "no component is differential attention",
    "doge": "no component is dynamic mask attention",
    "dots3_note_text": "no reader is written yet",
    "flint": "no reader is written yet",
    "gemma3n_text": "no component has per-layer embeddings, or keys and values that layers share",
    "gemma4_text": "no component has per-layer embeddings, or keys and values that layers share",
    "gemma4_unified_text": "no component has per-layer embeddings, or keys and values that layers share",
    "git": "its head is not tied as any reader knows it",
    "hrm_text": "no component repeats layers in cycles",
    "hy_v4": "no reader is written yet",
    "inkling_text": "no reader is written yet",
    "inkling2_text": "no reader is written yet",
    "jetmoe": "no component has experts as attention's projections",
    "kimi_linear": "no component is Kimi delta attention",
    "longcat_flash": "no component has two attentions a layer, or experts that compute nothing",
    "minimax": "no component is lightning attention",
    "minimax_m3_vl_text": "no component has an index that chooses keys block by block",
    "mllama_text_model": "no component is gated cross-attention to an image",
    "modernbert-decoder": "no component has a head with a dense layer and no bias in it",
    "moshi": "its embedding has one row more than its head",
    "musicgen_decoder": "no component sums several codebooks",
    "musicgen_melody_decoder": "no component sums several codebooks",
    "phi4_multimodal": "its adapters are not read",
    "prophetnet": "no component predicts several tokens at once",
    "qwen4_exp_text": "no component has n-gram embeddings or hyper-connections",
    "recurrent_gemma": "no component is RG-LRU",
    "reformer": "no component is hashed attention",
    "roc_bert": "no component has embeddings of sound and shape",
    "rwkv": "no component is RWKV",
    "xlm": "no reader is written yet",
    "xlnet": "no component is two-stream attention",
    "xlstm": "no component is xLSTM",
    "xmod": "no component has adapters a language",
    "zamba": "no component has a shared block beside its layers",
    "zamba2": "no component has a shared block beside its layers",
    "zaya": "no component is compressed convolutional attention",
}
