"""What the views look at: some models under one set of settings. A change of either makes a new Selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model


@frozen
class Selection:
    """`baseline` names one of `models`; `dtype` is the cache's; `context` counts tokens."""

    models: tuple[Model, ...] = ()
    baseline: str | None = None
    context: int = 4096
    batch: int = 1
    dtype: str = "bf16"
    weights: str = "bf16"
    phase: Phase = "prefill"

    @property
    def base(self) -> Model | None:
        """The baseline itself: a name alone may open nothing, as that of a model from a file."""
        return next((model for model in self.models if model.name == self.baseline), None)
