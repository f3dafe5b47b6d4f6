"""transformers: one tensor a layer that grows with the text, or one of the full length from the start (`static`).

A window of w keeps the last w - 1 keys between steps, a static one min(w, length); chunked layers are kept as windows
are (DynamicSlidingWindowLayer and StaticSlidingWindowLayer in cache_utils.py). A convolution keeps its last `kernel`
inputs, one more than the next step reads, in the dtype of the cache; recurrent states are fp32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.components.segment import SegmentAttention
from llmcmp.folds.engines.policy import EngineError, Load, Part, Policy, Reservation, Tuning
from llmcmp.folds.states import kept
from llmcmp.spans import Fixed

if TYPE_CHECKING:
    from llmcmp.model import Model, Use
    from llmcmp.ops import State


def reserve(model: Model, load: Load, tuning: Tuning) -> Reservation:
    """Tensors of a `Cache` after `load.context` tokens, or of a static one that holds as many."""
    states = kept(model)
    if model.card.architecture == "prefix-decoder":
        raise EngineError("transformers has no prefix decoder; its remote code keeps a cache of its own")
    if any(isinstance(use.component, SegmentAttention) for use, _ in states):
        raise EngineError("transformers 5 has no memory of hidden states any more")
    return Reservation(parts=tuple(_part(use, state, load, tuning) for use, state in states))


def _part(use: Use, state: State, load: Load, tuning: Tuning) -> Part:
    if isinstance(state.span, Fixed):
        # What fixes its dtype is the recurrent state, what does not is the tail.
        positions = state.span.positions + (state.dtype is None)
        bits = state.width * units.dtype_bits(state.dtype or load.keys)
        return Part(name=state.name, layers=use.times, rows=load.batch * positions, row_bits=bits, what="positions")
    length = load.source if state.clock == "source" else load.context
    window = state.span.window
    if window is not None:
        length = min(length, window if tuning.static else window - 1)
    bits = state.width * units.dtype_bits(load.keys)
    return Part(name=state.name, layers=use.times, rows=load.batch * length, row_bits=bits, what="tokens")


POLICY = Policy(
    name="transformers",
    version="5.23",
    repository="https://github.com/huggingface/transformers",
    files=("src/transformers/cache_utils.py",),
    options=("static",),
    dtypes=("fp32", "fp16", "bf16"),
    reserve=reserve,
)
