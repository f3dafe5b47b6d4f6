"""What a model keeps between tokens, before anything is counted: every state with the component that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.model import walk

if TYPE_CHECKING:
    from llmcmp.model import Model, Use
    from llmcmp.ops import State


def kept(model: Model) -> tuple[tuple[Use, State], ...]:
    """Every state of the model with the component that keeps it, `use.times` times."""
    return tuple((use, state) for use in walk(model) for state in use.component.state())
