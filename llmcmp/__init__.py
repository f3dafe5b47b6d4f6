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


def __getattr__(name: str) -> Any:
    if name.startswith("_") and name != "__all__":  # Python asks for many of these; none is ours
        raise AttributeError(f"module 'llmcmp' has no attribute {name!r}")
    return getattr(import_module("llmcmp.api"), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *import_module("llmcmp.api").__all__))
