"""How a model is measured. Together with the model and the machine, these settings name a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from llmcmp.errors import QuantityError
from llmcmp.frozen import field_names, frozen

if TYPE_CHECKING:
    from llmcmp.folds.phases import Phase

Scale = Literal["tiny", "block", "full"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["fp32", "bf16", "fp16"]
PHASES: tuple[Phase, ...] = ("prefill", "decode", "train")

LEAST_REPEATS = 5  # fewer have no quartiles to speak of
TINY_BUDGET = 20_000_000  # active parameters


@frozen
class Settings:
    """One way to measure: `prompt` tokens are computed at once, then `generate` one by one, in `batch` sequences.

    `threads` None leaves their number to torch. `budget` is the active parameters of a tiny model.
    """

    scale: Scale = "tiny"
    budget: int = TINY_BUDGET
    device: Device = "auto"
    dtype: Dtype = "fp32"
    batch: int = 1
    prompt: int = 128
    generate: int = 16
    phases: tuple[Phase, ...] = PHASES
    threads: int | None = None
    compile: bool = False
    repeats: int = 7

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("prompt", 1), ("generate", 1), ("repeats", LEAST_REPEATS), ("budget", 1)):
            if getattr(self, name) < least:
                raise QuantityError(f"{name} must be at least {least}, not {getattr(self, name)}")

    def document(self) -> dict[str, Any]:
        """The settings as JSON holds them."""
        return {name: getattr(self, name) for name in field_names(Settings)} | {"phases": list(self.phases)}


def from_document(document: dict[str, Any]) -> Settings:
    """Settings from their JSON."""
    values: dict[str, Any] = document | {"phases": tuple(document["phases"])}
    return Settings(**values)


def phases(text: str) -> tuple[Phase, ...]:
    """ "prefill,decode" as phases, in the order in which they run. Raises QuantityError."""
    asked = [part.strip() for part in text.split(",") if part.strip()]
    for name in asked:
        if name not in PHASES:
            raise QuantityError(f"unknown phase '{name}'; choose of {', '.join(PHASES)}")
    if not asked:
        raise QuantityError(f"there is no phase to measure; choose of {', '.join(PHASES)}")
    return tuple(phase for phase in PHASES if phase in asked)
