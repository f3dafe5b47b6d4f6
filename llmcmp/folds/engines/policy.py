"""What an engine is asked to hold, how it was started, and what it then reserves.

A policy is a function of the states of a model's components. It never asks which model it looks at; an architecture
that the engine cannot hold, or that its rules leave open, is refused with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.errors import ModelError
from llmcmp.frozen import field_defaults, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.model import Model


class EngineError(ModelError):
    """An engine that cannot hold this architecture, or not in this way."""


@frozen
class Load:
    """`batch` sequences of `context` tokens each; `keys` and `values` are dtypes of the cache."""

    context: int
    batch: int = 1
    source: int = 0
    keys: str = "bf16"
    values: str = "bf16"


@frozen
class Tuning:
    """How an engine was started, as far as its cache depends on it; each engine has some of these.

    `block_size` and `batched_tokens` are vLLM's --block-size and --max-num-batched-tokens, `tp` its tensor parallelism;
    `ubatch`, `swa_full` and `unified` llama.cpp's -ub, --swa-full and --kv-unified; `static` a cache of transformers
    that is allocated in full from the start.
    """

    tp: int = 1
    block_size: int = 16
    batched_tokens: int = 8192
    ubatch: int = 512
    swa_full: bool = False
    unified: bool = False
    static: bool = False

    def changed(self) -> tuple[str, ...]:
        """The names of what is not as an engine starts by itself."""
        return tuple(name for name, default in field_defaults(Tuning).items() if getattr(self, name) != default)


@frozen
class Part:
    """`layers` tensors of `rows` rows of `row_bits` bits, each row rounded to nothing: formats fill whole bytes.

    `what` says what a row is: a cell, a token, a page, a slot.
    """

    name: str
    layers: int
    rows: int
    row_bits: int
    what: str

    @property
    def bytes(self) -> int:
        return -(-self.layers * self.rows * self.row_bits // 8)


@frozen
class Reservation:
    """What an engine reserves on one device, part by part; `notes` say what its rules made of the load."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    def components(self) -> dict[str, int]:
        """Bytes by kind of state."""
        sums: dict[str, int] = {}
        for part in self.parts:
            sums[part.name] = sums.get(part.name, 0) + part.bytes
        return sums


@frozen
class Policy:
    """One engine: the version whose rules these are, the files that they were read in, what it can be told."""

    name: str
    version: str
    repository: str
    files: tuple[str, ...]
    options: tuple[str, ...]
    dtypes: tuple[str, ...]
    reserve: Callable[[Model, Load, Tuning], Reservation]
    most_sequences: int | None = None


def padded(value: int, multiple: int) -> int:
    """`value` rounded up to a multiple."""
    return -(-value // multiple) * multiple
