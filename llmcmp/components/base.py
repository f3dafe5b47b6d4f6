"""What every component answers: the tensors it holds, the operations it runs, the state it keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run, State, Weight


class Component(ABC):
    """One mechanism of a model, as frozen data. Subclasses are final: a variant is a field or a sibling."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The mechanism's usual name with what sets it apart: "GQA 32/8", "SwiGLU", "RMSNorm"."""

    @abstractmethod
    def weights(self) -> Iterator[Weight]:
        """The tensors, under canonical, unfused names."""

    @abstractmethod
    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        """What one use of the component executes. `plan` is concrete: no choice is left open in it."""

    def state(self) -> tuple[State, ...]:
        """What is kept between tokens; most components keep nothing."""
        return ()

    def plans(self, plan: Plan) -> tuple[Plan, ...]:
        """The concrete plans that an open `plan` stands for; one, where there is nothing to choose."""
        return (plan,)
