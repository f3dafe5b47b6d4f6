"""What a plot or a report is asked under: one record of settings, so that all its tables agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from llmcmp.devices import Device
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model

USUAL_CONTEXT = 4096
USUAL_DEVICE = "h100-sxm"


@frozen
class Asked:
    """Sizes and dtypes. Without a `context`, curves run to each model's window and points stand at `USUAL_CONTEXT`."""

    device: Device
    context: int | None = None
    batch: int = 1
    source: int | None = None
    phase: Phase = "prefill"
    weights: str = "bf16"
    dtype: str = "bf16"
    compute: str = "bf16"

    @property
    def point(self) -> int:
        """The context of figures that show one."""
        return USUAL_CONTEXT if self.context is None else self.context

    def read(self, model: Model) -> int | None:
        """The source length, for a model that reads one."""
        return self.source if model.card.architecture == "encoder-decoder" else None
