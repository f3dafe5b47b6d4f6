"""What the rows of `types` are written in: a fact is a value, or a function that finds it in the keys.

`flag("attention_bias")` is read from the config, `False` is the type's own; `of` takes either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

T = TypeVar("T")
Table = dict[str, Any]
Fact: TypeAlias = "T | Callable[[Keys], T]"

# The names of activations, to ours. Those that differ in value and not in cost stay apart: the twin computes them.
ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu-tanh",
    "gelu_fast": "gelu-tanh",
    "gelu_pytorch_tanh": "gelu-tanh",
    "gelu_accurate": "gelu-tanh",
    "gelu_python_tanh": "gelu-tanh",
    "bloom_gelu": "gelu-tanh",
    "relu": "relu",
    "relu2": "squared-relu",
    "quick_gelu": "quick-gelu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
}

QKV = ["query", "key", "value"]
QKVO = [*QKV, "output"]

FULL, SLIDING, CHUNKED, LINEAR = "full_attention", "sliding_attention", "chunked_attention", "linear_attention"
# Older names of kinds of layers.
RENAMED = {
    "attention": FULL,
    "full": FULL,
    "global": FULL,
    "sliding": SLIDING,
    "local": SLIDING,
    "deepseek_sparse_attention": "indexed_attention",
}


def of(keys: Keys, fact: Any) -> Any:
    """The value of a fact for these keys."""
    return fact(keys) if callable(fact) else fact


def flag(*names: str, default: object = ...) -> Callable[[Keys], bool]:
    """What a key says, true or false."""
    return lambda keys: keys.flag(*names, default=default)


def whole(*names: str, default: object = ...) -> Callable[[Keys], int]:
    """A whole number."""
    return lambda keys: keys.whole(*names, default=default)


def number(*names: str) -> Callable[[Keys], float]:
    """A number."""
    return lambda keys: keys.number(*names)


def either(name: str, yes: Fact[T], no: Fact[T]) -> Callable[[Keys], T]:
    """One of two, as a flag says."""
    return lambda keys: of(keys, yes if keys.flag(name) else no)


def biased(name: str, where: list[str] | None = None) -> Callable[[Keys], list[str]]:
    """The projections that have a bias if a flag says so: all four, unless listed."""
    return either(name, QKVO if where is None else where, [])


def optional(name: str) -> Callable[[Keys], float | None]:
    """A number, or nothing."""
    return lambda keys: None if keys.value(name, default=None) is None else keys.number(name)


def every(period: int, kind: str, others: str, offset: int | None = None) -> Callable[[Keys], list[str]]:
    """`kind` at every `period`-th layer, the last of each period unless `offset` says which."""
    at = period - 1 if offset is None else offset
    return lambda keys: [kind if number % period == at else others for number in range(keys.layers)]


def always(kind: str) -> Callable[[Keys], list[str]]:
    """One kind in all layers."""
    return lambda keys: [kind] * keys.layers


def listed(otherwise: Fact[list[str]], name: str = "layer_types") -> Callable[[Keys], list[str]]:
    """The kinds that the config lists, else what the type derives."""

    def kinds(keys: Keys) -> list[str]:
        keys.ignore("sliding_window")  # where no layer has one
        found = keys.texts(name, keys.layers)
        return of(keys, otherwise) if found is None else [RENAMED.get(kind, kind) for kind in found]

    return kinds


def activation(keys: Keys, *names: str) -> str:
    """[feed_forward] activation."""
    found = keys.text(*names)
    if found not in ACTIVATIONS:
        keys.refuse(names[0], f"the activation {found[:40]!r} is not known; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[found]
