"""Every model type that can be read, and how: a reader with what sets the type apart, its facts from the config class
and the model class of transformers 5.23 (github.com/huggingface/transformers, src/transformers/models/<type>)."""

from __future__ import annotations

from llmcmp.sources.huggingface.reading import encoders, gpts, llamas, mixtures, recurrent, seq2seq
from llmcmp.sources.huggingface.reading.decoders import Reader

TYPES: dict[str, Reader] = llamas.TYPES | gpts.TYPES | mixtures.TYPES | encoders.TYPES | seq2seq.TYPES | recurrent.TYPES

# What a type has that no component has yet.
REFUSED: dict[str, str] = {}
