"""vLLM: pages of `block_size` tokens from one pool that all layers share.

A block is one page in each layer of a group; groups have equally many layers and pages of one size, so layers of
several kinds are cut into groups, the last of a kind filled up with layers that hold nothing
(vllm/v1/core/kv_cache_utils.py). A window keeps window - 1 tokens and those of the running step, and one more block,
because it may begin within one (SlidingWindowSpec in vllm/v1/kv_cache_interface.py). A recurrent state is one page;
beside attention, the block is grown until an attention page holds a state, and the state's page is padded to it
(HybridAttentionMambaModelConfig in vllm/model_executor/models/config.py). Ranks of tensor parallelism hold one KV head
at least (get_num_kv_heads in vllm/config/model.py).

What is counted is what the sequences take of the pool; the pool itself is whatever memory is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp import units
from llmcmp.components.segment import SegmentAttention
from llmcmp.folds.engines.policy import EngineError, Load, Part, Policy, Reservation, Tuning, padded
from llmcmp.folds.states import kept
from llmcmp.frozen import frozen
from llmcmp.passes.shard import shard
from llmcmp.spans import Fixed

if TYPE_CHECKING:
    from llmcmp.model import Model, Use
    from llmcmp.ops import State

KERNEL_BLOCK = 16  # tokens that an attention kernel takes at once: grown blocks are multiples of it
NEAR = 1.25  # kinds of layers whose numbers differ by less are padded to the larger
STATE_NAME = "recurrent state and tail"


@frozen
class Kind:
    """Layers that keep alike: attention with or without a window, or a recurrence of `page` bits."""

    name: str
    token_bits: int = 0
    window: int | None = None
    page: int = 0


def reserve(model: Model, load: Load, tuning: Tuning) -> Reservation:
    """Blocks that `load.batch` sequences of `load.context` tokens take of one rank's pool, at their most."""
    states = kept(shard(model, tuning.tp))
    _check(model, states, load)
    kinds = _kinds(states, load)
    if not kinds:
        return Reservation(parts=())
    block, page = _page(kinds, tuning)
    size = _group_size(list(kinds.values()))
    parts = tuple(
        Part(
            name=kind.name,
            layers=size * -(-layers // size),
            rows=load.batch * _blocks(kind, load, tuning, block),
            row_bits=page or kind.page,
            what="pages",
        )
        for kind, layers in kinds.items()
    )
    return Reservation(parts=parts, notes=_notes(kinds, load, block, size))


def _kinds(states: tuple[tuple[Use, State], ...], load: Load) -> dict[Kind, int]:
    """Layers of each kind. Chunked layers are kept in full: the hybrid manager is off for them by default."""
    chunked = any(not isinstance(state.span, Fixed) and state.span.chunked for _, state in states)
    pages: dict[Use, int] = {}
    kinds: dict[Kind, int] = {}
    for use, state in states:
        if isinstance(state.span, Fixed):
            bits = state.width * state.span.positions * units.dtype_bits(_model_dtype(load))
            pages[use] = pages.get(use, 0) + bits
            continue
        bits = state.width * units.dtype_bits(load.keys)
        window = None if chunked else state.span.window
        kind = Kind(name=state.name + (", windowed" if window else ""), token_bits=bits, window=window)
        kinds[kind] = kinds.get(kind, 0) + use.times
    for use, bits in pages.items():
        kind = Kind(name=STATE_NAME, page=bits)
        kinds[kind] = kinds.get(kind, 0) + use.times
    return kinds


def _model_dtype(load: Load) -> str:
    """States are kept in the dtype of the model (--mamba-cache-dtype auto), which an fp8 cache does not change."""
    return load.keys if units.dtype_bits(load.keys) >= 16 else "bf16"


def _page(kinds: dict[Kind, int], tuning: Tuning) -> tuple[int, int]:
    """Tokens of a block and bits of a page; both 0 where there is no attention."""
    widths = {kind.token_bits for kind in kinds if kind.token_bits}
    if not widths:
        return 0, 0
    if len(widths) > 1:
        raise EngineError("its layers keep rows of different sizes, which share no page")
    (token,), state = widths, max(kind.page for kind in kinds)
    block = max(tuning.block_size, padded(-(-state // token), KERNEL_BLOCK)) if state else tuning.block_size
    return block, block * token


def _group_size(layers: list[int]) -> int:
    """Layers of a group."""
    return max(layers) if max(layers) < NEAR * min(layers) else min(layers)


def _blocks(kind: Kind, load: Load, tuning: Tuning, block: int) -> int:
    """Blocks of one sequence in each group of a kind, at their most."""
    if kind.page:
        return 1
    if kind.window is None:
        return -(-load.context // block)
    return -(-min(kind.window - 1 + tuning.batched_tokens, load.context) // block) + 1


def _notes(kinds: dict[Kind, int], load: Load, block: int, size: int) -> tuple[str, ...]:
    notes = [f"blocks of {block:,} tokens"] if block else []
    empty = sum(-layers % size for layers in kinds.values())
    if len(kinds) > 1:
        groups = sum(-(-layers // size) for layers in kinds.values())
        notes.append(f"{groups} groups of {size} layers{f', {empty} of them empty' if empty else ''}")
    if any(kind.page for kind in kinds):
        notes.append(f"states in {_model_dtype(load)}, as the model")
    return tuple(notes)


def _check(model: Model, states: tuple[tuple[Use, State], ...], load: Load) -> None:
    if model.card.architecture in ("encoder-decoder", "prefix-decoder"):
        raise EngineError(f"vLLM 0.11 does not run text models of the class {model.card.architecture}")
    if any(isinstance(use.component, SegmentAttention) for use, _ in states):
        raise EngineError("vLLM has no memory of hidden states")
    if load.keys != load.values:
        raise EngineError("vLLM keeps keys and values in one dtype")
    growing = [state for _, state in states if not isinstance(state.span, Fixed)]
    recurrent = len(growing) < len(states)
    if recurrent and any(not state.values for state in growing):
        raise EngineError("latent attention beside recurrences: the block depends on the kernel that is chosen")


POLICY = Policy(
    name="vllm",
    version="0.11.2",
    repository="https://github.com/vllm-project/vllm",
    files=(
        "vllm/v1/core/kv_cache_utils.py",
        "vllm/v1/kv_cache_interface.py",
        "vllm/model_executor/models/config.py",
    ),
    options=("tp", "block_size", "batched_tokens"),
    dtypes=("fp32", "fp16", "bf16", "fp8"),
    reserve=reserve,
)
