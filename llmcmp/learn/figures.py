"""The quantities that lessons show, each a fold of a model at a context; batch 1, weights and cache in bf16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmcmp.components.attention import Attention
from llmcmp.components.experts import Experts
from llmcmp.folds.cache import kvcache
from llmcmp.folds.flops import flops
from llmcmp.folds.memory import weight_bytes
from llmcmp.folds.params import params
from llmcmp.folds.phases import run_sizes
from llmcmp.folds.traffic import traffic
from llmcmp.frozen import frozen
from llmcmp.model import walk
from llmcmp.tables import describe
from llmcmp.tables.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmcmp.folds.flops import Flops
    from llmcmp.folds.phases import Phase
    from llmcmp.model import Model
    from llmcmp.ops import Part
    from llmcmp.tables.table import Unit

PARTS: tuple[Part, ...] = (
    "embedding",
    "position",
    "norm",
    "linear mixer",
    "cross-attention",
    "feed-forward",
    "router",
    "shared experts",
    "projection",
    "head",
)
SCORES = ("attention scores", "cross-attention scores")


@frozen
class Quantity:
    """A column and how its value is computed; None where the model has no such thing."""

    column: Column
    compute: Callable[[Model, int], Any]


def _quantity(key: str, label: str, unit: Unit, compute: Callable[[Model, int], Any]) -> tuple[str, Quantity]:
    return key, Quantity(column=Column(key=key, label=label, unit=unit), compute=compute)


def _exact(key: str, label: str, compute: Callable[[Model, int], Any]) -> Quantity:
    """A count to the last unit, where a mechanism changes no more than that."""
    return Quantity(column=Column(key=key, label=label, unit="number"), compute=compute)


def _of_run(model: Model, phase: Phase, context: int, *, causal: bool = False) -> Flops | None:
    sizes = run_sizes(model, phase, context)
    return None if sizes is None else flops(model, **sizes, causal=causal)


def _total(phase: Phase) -> Callable[[Model, int], Any]:
    def compute(model: Model, context: int) -> Any:
        run = _of_run(model, phase, context)
        return None if run is None else run.total

    return compute


def _scores(phase: Phase) -> Callable[[Model, int], Any]:
    """FLOPs of the visible pairs of queries and keys."""

    def compute(model: Model, context: int) -> Any:
        run = _of_run(model, phase, context, causal=True)
        return None if run is None else sum(run.components.get(part, 0) for part in SCORES)

    return compute


def _elementwise(model: Model, context: int) -> Any:
    run = _of_run(model, "prefill", context)
    return None if run is None else run.elementwise


def _intensity(phase: Phase) -> Callable[[Model, int], Any]:
    def compute(model: Model, context: int) -> Any:
        moved = _moved(model, phase, context)
        return None if moved is None else _total(phase)(model, context) / moved

    return compute


def _bytes_moved(phase: Phase) -> Callable[[Model, int], Any]:
    return lambda model, context: _moved(model, phase, context)


def _moved(model: Model, phase: Phase, context: int) -> Any:
    sizes = run_sizes(model, phase, context)
    return None if sizes is None else traffic(model, **sizes).expected_bytes


def _component(part: str) -> Callable[[Model, int], Any]:
    return lambda model, context: params(model).components.get(part)


def _attention_parameters(model: Model, context: int) -> int:
    components = params(model).components
    return components.get("attention", 0) + components.get("cross-attention", 0)


def _window(model: Model, context: int) -> int | None:
    return max((a.window or 0 for a in _all(model, Attention)), default=0) or None


def _windowed(model: Model, context: int) -> int:
    return sum(
        use.times for use in walk(model) if isinstance(use.component, Attention) and use.component.window is not None
    )


def _experts(model: Model, context: int) -> int | None:
    return max((mixture.experts for mixture in _all(model, Experts)), default=None)


def _per_token(model: Model, context: int) -> int | None:
    return max((mixture.per_token for mixture in _all(model, Experts)), default=None)


def _all(model: Model, kind: type[Any]) -> list[Any]:
    return [use.component for use in walk(model) if isinstance(use.component, kind)]


def _apart(model: Model, context: int) -> int | None:
    return sum(params(model).apart.values()) or None


def _residual_sums(model: Model, context: int) -> int:
    """Sums into the residual path in a pass: as often do ranks of tensor parallelism have to agree."""
    return sum(len(layers.block.steps) * len(layers.numbers) for tower in model.towers for layers in tower.layers())


def _cross_cache(model: Model, context: int) -> Any:
    return kvcache(model, context).components.get("cross keys and values")


def _part_label(part: str) -> str:
    """ "shared experts" is "Shared expert weights"."""
    return f"{part[:1].upper()}{part[1:].removesuffix('s')} weights"


def part_key(part: str) -> str:
    """The key of a part's parameters: "feed-forward" is feed_forward_parameters."""
    return f"{part.replace(' ', '_').replace('-', '_')}_parameters"


QUANTITIES: dict[str, Quantity] = dict(
    [
        _quantity("parameters", "Parameters", "count", lambda m, c: params(m).total),
        _quantity("active_parameters", "Active a token", "count", lambda m, c: params(m).active),
        _quantity("weight_bytes", "Weights, bf16", "bytes", lambda m, c: weight_bytes(m)),
        *(_quantity(part_key(part), _part_label(part), "count", _component(part)) for part in PARTS),
        _quantity("attention_parameters", "Attention weights", "count", _attention_parameters),
        _quantity("apart_parameters", "Apart from the total", "count", _apart),
        _quantity("buffer_elements", "Stored corrections", "number", lambda m, c: params(m).buffers or None),
        ("exact_parameters", _exact("parameters", "Parameters", lambda m, c: params(m).total)),
        ("exact_attention_parameters", _exact("attention_parameters", "Attention weights", _attention_parameters)),
        _quantity("kv_bytes_per_token", "Next token", "bytes", lambda m, c: kvcache(m, c).bytes_per_token),
        _quantity("kv_bytes", "Cache", "bytes", lambda m, c: kvcache(m, c).bytes),
        _quantity("prefill_flops", "Prefill FLOPs", "flops", _total("prefill")),
        _quantity("prefill_score_flops", "Prefill scores, FLOPs", "flops", _scores("prefill")),
        _quantity("decode_flops", "Decode FLOPs", "flops", _total("decode")),
        _quantity("decode_score_flops", "Decode scores, FLOPs", "flops", _scores("decode")),
        _quantity("elementwise_elements", "Elementwise elements", "count", _elementwise),
        _quantity("decode_bytes", "Bytes a decode step", "bytes", _bytes_moved("decode")),
        _quantity("prefill_intensity", "Prefill FLOP/byte", "intensity", _intensity("prefill")),
        _quantity("decode_intensity", "Decode FLOP/byte", "intensity", _intensity("decode")),
        _quantity("residual_sums", "Residual sums", "number", _residual_sums),
        _quantity("cross_cache_bytes", "Cache of source", "bytes", _cross_cache),
        _quantity("heads", "Heads", "number", lambda m, c: describe.heads(m)["heads"]),
        _quantity("kv_heads", "KV heads", "number", lambda m, c: describe.heads(m)["kv_heads"]),
        _quantity("head_dim", "Head size", "number", lambda m, c: describe.heads(m)["head_dim"]),
        _quantity("vocabulary", "Vocabulary", "number", lambda m, c: describe.embedding(m)[0]),
        _quantity("window", "Window", "tokens", _window),
        _quantity("windowed_layers", "Windowed layers", "number", _windowed),
        _quantity("experts", "Experts", "number", _experts),
        _quantity("per_token", "Visited", "number", _per_token),
        _quantity("position", "Position", "text", lambda m, c: describe.position(m)),
        _quantity("norm", "Norm", "text", lambda m, c: describe.norm(m)),
        _quantity("attention", "Attention", "text", lambda m, c: describe.attention(m)),
        _quantity("feed_forward", "Feed-forward", "text", lambda m, c: describe.feed_forward(m)),
    ]
)
