"""The metadata of a GGUF file, each key read by name and remembered: what nobody has read in the end is an error.

Keys of an architecture begin with its name. Where llama.cpp takes a key for granted that a file leaves out, so do the
readers here, and nowhere else (llama_model_base::load_hparams of llama.cpp).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import ConfigError
from llmcmp.sources.weights.gguf.header import Passed

if TYPE_CHECKING:
    from llmcmp.sources.weights.contents import FileContents

# Keys of an architecture that say nothing about what is stored: limits, factors of values, how rotations are stretched.
HARMLESS = re.compile(
    r"rope\.freq_base|"
    r"context_length|tensor_data_layout|rope\.scaling\..*|rope\.scale_linear|rope\.dimension_(count|sections)|"
    r"rope\.freq_base_swa|attention\.(causal|scale|temperature_.*|clamp_kqv|max_alibi_bias|output_scale)|pooling_type|"
    r"expert_(weights_(norm|scale)|gating_func|group_.*)|(logit|residual|embedding)_scale|vocab_size|"
    r"(attn|final)_logit_softcapping|swiglu_clamp_.*"
)


class Metadata:
    """What one file says of its model. `arch` is its architecture, as llama.cpp calls it."""

    def __init__(self, contents: FileContents) -> None:
        self.file, self.values = contents.where, contents.metadata
        self.shapes = {tensor.name: tensor.shape for tensor in contents.tensors}
        arch = self.values.get("general.architecture")
        if not isinstance(arch, str) or not arch:
            raise ConfigError(f"{self.file}: general.architecture: is missing; it says how to read the rest")
        self.arch = arch
        self.used: set[str] = set()

    def error(self, key: str, what: str) -> ConfigError:
        """A ConfigError that names file and key."""
        return ConfigError(f"{self.file}: {self.arch[:40]}.{key}: {what}")

    def value(self, key: str, default: object = ...) -> Any:
        """The value of a key of the architecture; one value for all layers where the file lists them."""
        self.used.add(key)
        found = self.values.get(f"{self.arch}.{key}")
        if found is None:
            if default is ...:
                raise self.error(key, "is missing")
            return default
        if isinstance(found, list):
            several = set(cast("list[Any]", found))
            if len(several) != 1:
                raise self.error(key, "differs from layer to layer, which is not read of GGUF yet")
            return several.pop()
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number from 0 on."""
        found = self.value(key, ... if default is None else default)
        if type(found) is not int or found < 0:
            raise self.error(key, f"must be a whole number from 0 on, not {str(found)[:40]}")
        return found

    def number(self, key: str, default: float | None = None) -> float:
        """A number. The file has single precision: what it was written from has no more than seven digits."""
        found = self.value(key, ... if default is None else default)
        if type(found) not in (int, float):
            raise self.error(key, f"must be a number, not {str(found)[:40]}")
        return float(f"{found:.7g}")

    def has(self, key: str) -> bool:
        """Whether the file has a key, with another value than none."""
        return bool(self.values.get(f"{self.arch}.{key}"))

    def holds(self, tensor: str) -> bool:
        """Whether the file has a tensor, in any layer where "*" stands for one."""
        if "*" not in tensor:
            return tensor in self.shapes
        before, _, after = tensor.partition("*")
        return any(name.startswith(before) and name.endswith(after) for name in self.shapes)

    def words(self) -> int:
        """Words of the vocabulary: stated, or as many as the tokenizer lists."""
        if f"{self.arch}.vocab_size" in self.values:
            return self.whole("vocab_size")
        tokens = self.values.get("tokenizer.ggml.tokens")
        if isinstance(tokens, Passed):
            return tokens.count
        raise self.error("vocab_size", "is missing, and no tokenizer lists the words")

    def finish(self) -> None:
        """Raise ConfigError for a key of the architecture that nobody has read."""
        begin = f"{self.arch}."
        keys = [key.removeprefix(begin) for key in self.values if key.startswith(begin)]
        unread = [key for key in keys if key not in self.used and not HARMLESS.fullmatch(key)]
        if unread:
            raise self.error(unread[0][:80], f"is not understood of {self.arch[:40]}, and it may change the structure")
