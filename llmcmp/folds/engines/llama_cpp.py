"""llama.cpp: a cache of cells that is allocated in full when a context is made.

`-c` is padded to 256 and shared out to the `-np` sequences, each share padded again, unless the cache is unified
(src/llama-context.cpp). Layers with a window get a second cache of window + ubatch cells, padded to 256
(src/llama-kv-cache-iswa.cpp): a batch is written before the oldest cells are given up. Rows are those of ggml's
formats, keys and values apart; latent attention keeps its latent as keys, and no values (src/llama-kv-cache.cpp).
Recurrent layers keep a slot a sequence in fp32, tails included, whatever the cache's type
(src/llama-memory-recurrent.cpp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.components.segment import SegmentAttention
from llmcmp.folds.engines.policy import EngineError, Load, Part, Policy, Reservation, Tuning, padded
from llmcmp.folds.states import kept
from llmcmp.spans import Fixed

if TYPE_CHECKING:
    from llmcmp.model import Model, Use
    from llmcmp.ops import State

PAD = 256  # cells, GGML_PAD(n_ctx, 256)
BATCH = 2048  # -b: a micro-batch is no larger
MOST_SEQUENCES = 256  # LLAMA_MAX_SEQ
STATE = "fp32"


def reserve(model: Model, load: Load, tuning: Tuning) -> Reservation:
    """Cells and slots of a context for `load.batch` sequences."""
    states = kept(model)
    _check(model, states, load)
    total = padded(load.context * load.batch, PAD)
    cells = total if tuning.unified else padded(total // load.batch, PAD)
    ubatch = min(tuning.ubatch, BATCH, cells if tuning.unified else cells * load.batch)
    windowed = _has_full_layers(states)
    parts = tuple(_part(use, state, load, tuning, cells, ubatch, windowed=windowed) for use, state in states)
    notes = [f"{cells:,} cells{' for all sequences' if tuning.unified else ' a sequence'}"]
    if not windowed and any(_window(state) for _, state in states):
        notes.append("windows in every layer are kept in full")
    return Reservation(parts=parts, notes=tuple(notes) if parts else ())


def _part(use: Use, state: State, load: Load, tuning: Tuning, cells: int, ubatch: int, *, windowed: bool) -> Part:
    if isinstance(state.span, Fixed):
        bits = units.row_bits(state.width * state.span.positions, STATE)
        return Part(name=state.name, layers=use.times, rows=load.batch, row_bits=bits, what="slots")
    bits = units.row_bits(state.width - state.values, load.keys) + units.row_bits(state.values, load.values)
    window, rows, name = _window(state), cells, state.name
    if window and windowed and not tuning.swa_full:
        sequences = load.batch if tuning.unified else 1
        rows, name = padded(min(cells, window * sequences + ubatch), PAD), f"{state.name}, windowed"
    streams = 1 if tuning.unified else load.batch
    return Part(name=name, layers=use.times, rows=rows * streams, row_bits=bits, what="cells")


def _window(state: State) -> int | None:
    return None if isinstance(state.span, Fixed) else state.span.window


def _has_full_layers(states: tuple[tuple[Use, State], ...]) -> bool:
    """Whether some attention has no window: only such models are loaded with windows at all.

    The loaders of architectures with a window in every layer leave it out (src/llama-model.cpp: Llama, which runs
    Mistral 7B v0.1, reads none, and Phi-3 drops its own).
    """
    return any(not isinstance(state.span, Fixed) and state.span.window is None for _, state in states)


def _check(model: Model, states: tuple[tuple[Use, State], ...], load: Load) -> None:
    if model.card.architecture not in ("decoder-only", "encoder-only"):
        raise EngineError(f"what it keeps for the class {model.card.architecture} is not modelled here")
    if any(isinstance(use.component, SegmentAttention) for use, _ in states):
        raise EngineError("it has no memory of hidden states")
    for dtype, size in ((load.keys, "keys"), (load.values, "values")):
        elements = units.block(dtype)[0]
        for _, state in states:
            wide = state.values if size == "values" else state.width - state.values
            if not isinstance(state.span, Fixed) and wide // state.heads % elements:
                raise EngineError(
                    f"{dtype} needs heads of a multiple of {elements}; its {size} have {wide // state.heads}"
                )


POLICY = Policy(
    name="llama.cpp",
    version="b10964",
    repository="https://github.com/ggml-org/llama.cpp",
    files=(
        "src/llama-context.cpp",
        "src/llama-kv-cache.cpp",
        "src/llama-kv-cache-iswa.cpp",
        "src/llama-memory-recurrent.cpp",
    ),
    options=("ubatch", "swa_full", "unified"),
    dtypes=("fp32", "fp16", "bf16", *units.BLOCKS),
    reserve=reserve,
    most_sequences=MOST_SEQUENCES,
)
