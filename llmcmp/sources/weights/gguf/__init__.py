"""GGUF, the files of llama.cpp: their header, their metadata as a config, their names of tensors.

Own reading of the format's specification (github.com/ggml-org/ggml, docs/gguf.md), because the `gguf` package maps
whole files, trusts their counts and knows neither version 1 nor files of other machines' bytes by range; the tests
hold this reader to that package.
"""
