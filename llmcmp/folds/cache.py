"""What a model remembers between tokens: KV cache, latents, memories, recurrent states.

Windows are capped, states of recurrences do not grow, encoders keep nothing.

This is what the architecture needs (`engine="ideal"`); what an engine reserves beyond it (pages, padding) is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llmcmp.dims import ceil_div, check_together, dimension, exact_enough, maximum
from llmcmp.errors import QuantityError
from llmcmp.frozen import frozen
from llmcmp.model import expect_model, walk
from llmcmp.units import dtype_bits

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.model import Model, Use
    from llmcmp.ops import State

ENGINES = ("ideal",)


@frozen(eq=False)
class Cache:
    """State of `batch` sequences after `context` tokens each, every kind of it.

    `bytes_per_token` is marginal: what the next token of one sequence adds at that context, 0 in a full window.
    `components` splits `bytes` by kind of state.
    """

    elements: Dim
    bytes: Dim
    bytes_per_sequence: Dim
    bytes_per_token: Dim
    components: dict[str, Dim]
    source: Dim
    dtype: str
    engine: str


def kvcache(
    model: Model, ctx: Any, batch: Any = 1, *, source: Any = None, dtype: str = "bf16", engine: str = "ideal"
) -> Cache:
    """Bytes and elements kept for `batch` sequences of `ctx` tokens.

    Sizes are whole numbers, or numpy arrays of whole numbers that broadcast; each result has the shape of the
    sizes that it depends on. `source` is the encoder's length in an encoder-decoder, by default as long as
    `ctx`. `dtype` is that of the cache. A layer keeps 2 x kv_heads x head_dim elements a token (arXiv
    1911.02150, 2.3), a latent one kv_rank + rope_dim (arXiv 2405.04434, 2.1.3), a windowed one for at most
    `window` tokens (arXiv 2310.06825, 2). A recurrent state and a convolution's last inputs are the same at every
    `ctx`, the state in fp32 whatever `dtype` is.
    Raises QuantityError for sizes, dtypes or engines that are not known, UndisclosedError where there is no structure.

    >>> import llmcmp
    >>> llmcmp.kvcache(llmcmp.load("llama2-7b"), ctx=4096).bytes
    2147483648
    """
    expect_model(model)
    if engine not in ENGINES:
        raise QuantityError(f"unknown engine '{engine}'; known: {', '.join(ENGINES)}")
    if source is not None and model.card.architecture != "encoder-decoder":
        raise QuantityError(f"{model.name} has no encoder beside its decoder: leave source out")
    context, batch = dimension(ctx, "ctx"), dimension(batch, "batch", least=1)
    source = context if source is None else dimension(source, "source")
    check_together(ctx=context, batch=batch, source=source)
    bits = dtype_bits(dtype)
    states = kept(model)
    bound = cast("int", _total(_bits(states, maximum(context) + 1, maximum(source) + 1, bits)))  # of scalars
    context, source = exact_enough(context, bound), exact_enough(source, bound)
    now = {name: ceil_div(amount, 8) for name, amount in _bits(states, context, source, bits).items()}
    later = {name: ceil_div(amount, 8) for name, amount in _bits(states, context + 1, source, bits).items()}
    sequence, elements = _total(now), _total(_elements(states, context, source))

    def batched(amount: Dim) -> Dim:
        whole = bound * maximum(batch)
        return exact_enough(amount, whole) * exact_enough(batch, whole)

    return Cache(
        elements=batched(elements),
        bytes=batched(sequence),
        bytes_per_sequence=sequence,
        bytes_per_token=_total(later) - sequence,
        components={name: batched(amount) for name, amount in now.items()},
        source=source if model.card.architecture == "encoder-decoder" else 0,
        dtype=dtype,
        engine=engine,
    )


def kept(model: Model) -> tuple[tuple[Use, State], ...]:
    """Every state of the model with the component that keeps it, `use.times` times."""
    return tuple((use, state) for use in walk(model) for state in use.component.state())


def _elements(states: tuple[tuple[Use, State], ...], context: Dim, source: Dim) -> dict[str, Dim]:
    """Elements of one sequence by kind of state."""
    sums: dict[str, Dim] = {}
    for use, state in states:
        sums[state.name] = sums.get(state.name, 0) + state.elements(context, source) * use.times
    return sums


def _bits(states: tuple[tuple[Use, State], ...], context: Dim, source: Dim, bits: int) -> dict[str, Dim]:
    """Bits of one sequence by kind of state."""
    sums: dict[str, Dim] = {}
    for use, state in states:
        width = use.times * state_bits(state, bits)
        sums[state.name] = sums.get(state.name, 0) + state.elements(context, source) * width
    return sums


def state_bits(state: State, bits: int) -> int:
    """Bits of one element: those of the state's own dtype, else of the cache's."""
    return bits if state.dtype is None else dtype_bits(state.dtype)


def _total(sums: dict[str, Dim]) -> Dim:
    total: Dim = 0
    for amount in sums.values():
        total = total + amount
    return total
