"""llmcmp: what an LLM architecture is and what it costs, exactly.

    >>> import llmcmp
    >>> llmcmp.params(llmcmp.load("llama2-7b")).total
    6738415616

The names of `llmcmp.api` are imported when one is first used, so that a command loads only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmcmp.api import *  # noqa: F403 - the public names, for type checkers and editors

__version__ = "0.1.0"


_PUBLIC = (
    "Cache Flops LlmcmpError Memory Model Params Plan Table Traffic Tuning"
    " compare flops kvcache load longest_context memory models most_sequences params traffic weight_bytes"
).split()


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _PUBLIC
    if name not in _PUBLIC:
        raise AttributeError(f"module 'llmcmp' has no attribute {name!r}")
    return getattr(import_module("llmcmp.api"), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *_PUBLIC))
