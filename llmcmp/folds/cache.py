"""What a model remembers between tokens: KV cache, latents, memories, recurrent states.

Windows are capped, states of recurrences do not grow, encoders keep nothing.

This is what the architecture needs (`engine="ideal"`); what an engine reserves beyond it (pages, padding) is the policy
of that engine, in folds/engines/.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from llmcmp.dims import ceil_div, check_together, dimension, exact_enough, maximum
from llmcmp.errors import QuantityError
from llmcmp.folds.states import kept
from llmcmp.frozen import frozen
from llmcmp.model import expect_model
from llmcmp.units import block, dtype_bits, row_bits

if TYPE_CHECKING:
    from llmcmp.dims import Dim
    from llmcmp.folds.engines.policy import Policy, Reservation, Tuning
    from llmcmp.model import Model, Use
    from llmcmp.ops import State

# Each engine's rules stand in a module of folds/engines/, loaded when it is asked for.
POLICIES = {"transformers": "transformers", "vllm": "vllm", "llama.cpp": "llama_cpp"}
ENGINES = ("ideal", *POLICIES)


@frozen(eq=False)
class Cache:
    """State of `batch` sequences after `context` tokens each, every kind of it.

    `bytes_per_token` is marginal: what the next token of one sequence adds at that context, 0 in a full window.
    `components` splits `bytes` by kind of state. `dtype` is that of the cache, `value_dtype` that of its values.

    Of an engine (not "ideal"): `bytes` is what it reserves, on each device; `needed` what the architecture needs;
    `notes` say what the engine's rules made of the request.
    """

    elements: Dim
    bytes: Dim
    bytes_per_sequence: Dim
    bytes_per_token: Dim
    components: dict[str, Dim]
    source: Dim
    dtype: str
    engine: str
    value_dtype: str
    needed: Dim
    notes: tuple[str, ...] = ()


def kvcache(
    model: Model,
    ctx: Any,
    batch: Any = 1,
    *,
    source: Any = None,
    dtype: str = "bf16",
    value_dtype: str | None = None,
    engine: str = "ideal",
    tuning: Tuning | None = None,
) -> Cache:
    """Bytes and elements kept for `batch` sequences of `ctx` tokens.

    Sizes are whole numbers, or numpy arrays of whole numbers that broadcast; each result has the shape of the
    sizes that it depends on. `source` is the encoder's length in an encoder-decoder, by default as long as
    `ctx`. `dtype` is that of the cache, `value_dtype` that of its values where it is another; both may be formats with
    scales ("q8_0", "int4-g64"). A layer keeps 2 x kv_heads x head_dim elements a token (arXiv
    1911.02150, 2.3), a latent one kv_rank + rope_dim (arXiv 2405.04434, 2.1.3), a windowed one for at most
    `window` tokens (arXiv 2310.06825, 2). A recurrent state and a convolution's last inputs are the same at every
    `ctx`, the state in fp32 whatever `dtype` is.
    With another `engine`, what that engine reserves, started as `tuning` says; sizes are then single numbers.
    Raises QuantityError for sizes, dtypes or engines that are not known, UndisclosedError where there is no structure,
    EngineError for an architecture that the engine cannot hold.

    >>> import llmcmp
    >>> llmcmp.kvcache(llmcmp.load("llama2-7b"), ctx=4096).bytes
    2147483648
    >>> llmcmp.kvcache(llmcmp.load("gemma3-4b"), ctx=32768, engine="llama.cpp").bytes // 2**20
    814
    """
    expect_model(model)
    if engine not in ENGINES:
        raise QuantityError(f"unknown engine '{engine}'; known: {', '.join(ENGINES)}")
    if source is not None and model.card.architecture != "encoder-decoder":
        raise QuantityError(f"{model.name} has no encoder beside its decoder: leave source out")
    values = dtype if value_dtype is None else value_dtype
    block(dtype)
    block(values)
    if engine != "ideal":
        return _reserved(model, ctx, batch, source, dtype, values, engine, tuning)
    if tuning is not None and tuning.changed():
        raise QuantityError(
            f"{', '.join(tuning.changed())} mean nothing to what an architecture needs; choose an engine"
        )
    return _ideal(model, ctx, batch, source, dtype, values)


def _ideal(model: Model, ctx: Any, batch: Any, source: Any, dtype: str, values: str) -> Cache:
    context, batch = dimension(ctx, "ctx"), dimension(batch, "batch", least=1)
    source = context if source is None else dimension(source, "source")
    check_together(ctx=context, batch=batch, source=source)
    states = kept(model)
    bound = cast("int", _total(_bits(states, maximum(context) + 1, maximum(source) + 1, dtype, values)))  # of scalars
    context, source = exact_enough(context, bound), exact_enough(source, bound)
    now = {name: ceil_div(amount, 8) for name, amount in _bits(states, context, source, dtype, values).items()}
    later = {name: ceil_div(amount, 8) for name, amount in _bits(states, context + 1, source, dtype, values).items()}
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
        value_dtype=values,
        engine="ideal",
        needed=batched(sequence),
    )


def policy(engine: str) -> Policy:
    """The rules of an engine. Raises QuantityError for one that is not known."""
    if engine not in POLICIES:
        raise QuantityError(f"unknown engine '{engine}'; known: {', '.join(POLICIES)}")
    return import_module(f"llmcmp.folds.engines.{POLICIES[engine]}").POLICY


def reservation(
    model: Model,
    ctx: int,
    batch: int = 1,
    *,
    source: int | None = None,
    dtype: str = "bf16",
    value_dtype: str | None = None,
    engine: str,
    tuning: Tuning | None = None,
) -> Reservation:
    """What an engine reserves, part by part. Raises as `kvcache` does."""
    from llmcmp.folds.engines.policy import EngineError, Load, Tuning

    rules, told, values = policy(engine), tuning or Tuning(), value_dtype or dtype
    _check_told(rules, told, dtype, values)
    if rules.most_sequences is not None and batch > rules.most_sequences:
        raise QuantityError(f"{engine} holds at most {rules.most_sequences} sequences")
    load = Load(context=ctx, batch=batch, source=ctx if source is None else source, keys=dtype, values=values)
    try:
        for known in model.card.kept_otherwise:
            if known.engine == engine:
                raise EngineError(known.what)
        return rules.reserve(model, load, told)
    except EngineError as error:
        raise EngineError(f"{engine} refuses {model.name}: {error}") from None


def _reserved(
    model: Model, ctx: Any, batch: Any, source: Any, dtype: str, values: str, engine: str, tuning: Tuning | None
) -> Cache:
    context, batch = _whole(ctx, "ctx"), _whole(batch, "batch")
    encoded = context if source is None else _whole(source, "source")

    def at(context: int, batch: int) -> Reservation:
        return reservation(
            model,
            context,
            batch,
            source=encoded,
            dtype=dtype,
            value_dtype=values,
            engine=engine,
            tuning=tuning,
        )

    made, one = at(context, batch), at(context, 1).bytes
    needed = _ideal(model, context, batch, source, dtype, values)
    return Cache(
        elements=needed.elements,
        bytes=made.bytes,
        bytes_per_sequence=one,
        bytes_per_token=at(context + 1, 1).bytes - one,
        components=dict(made.components()),
        source=encoded if model.card.architecture == "encoder-decoder" else 0,
        dtype=dtype,
        value_dtype=values,
        engine=engine,
        needed=needed.bytes,
        notes=made.notes,
    )


def _check_told(rules: Policy, told: Tuning, dtype: str, values: str) -> None:
    foreign = [name for name in told.changed() if name not in rules.options]
    if foreign:
        raise QuantityError(f"{rules.name} has no {', '.join(foreign)}: leave it out")
    for each in (dtype, values):
        if each not in rules.dtypes:
            raise QuantityError(f"{rules.name} keeps no cache in {each}; it knows {', '.join(rules.dtypes)}")


def _whole(value: Any, name: str) -> int:
    checked = dimension(value, name, least=1)
    if not isinstance(checked, int):
        raise QuantityError(f"{name} must be one number for an engine: what it reserves goes in steps")
    return checked


def _elements(states: tuple[tuple[Use, State], ...], context: Dim, source: Dim) -> dict[str, Dim]:
    """Elements of one sequence by kind of state."""
    sums: dict[str, Dim] = {}
    for use, state in states:
        sums[state.name] = sums.get(state.name, 0) + state.elements(context, source) * use.times
    return sums


def _bits(states: tuple[tuple[Use, State], ...], context: Dim, source: Dim, keys: str, values: str) -> dict[str, Dim]:
    """Bits of one sequence by kind of state."""
    sums: dict[str, Dim] = {}
    for use, state in states:
        width = use.times * position_bits(state, keys, values)
        sums[state.name] = sums.get(state.name, 0) + state.positions(context, source) * width
    return sums


def position_bits(state: State, keys: str, values: str) -> int:
    """Bits of one position of a state: in its own dtype, else a row of keys and one of values in those of the cache."""
    if state.dtype is not None:
        return state.width * dtype_bits(state.dtype)
    return row_bits(state.width - state.values, keys) + row_bits(state.values, values)


def _total(sums: dict[str, Dim]) -> Dim:
    total: Dim = 0
    for amount in sums.values():
        total = total + amount
    return total
