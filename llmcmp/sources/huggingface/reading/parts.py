"""Factories of readers of single parts: attention with heads or latent, feed-forwards, experts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from llmcmp.frozen import frozen
from llmcmp.sources.huggingface.reading.facts import CHUNKED, SLIDING, Fact, Table, activation, of, whole
from llmcmp.sources.huggingface.reading.rope import rotary

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

# What mixes tokens in a layer of one kind: the table of [attention], or of [mixer] where it says `section`.
Mixing: TypeAlias = "Callable[[Keys, str], Table]"
Position: TypeAlias = "Callable[[Keys, str], Table]"


@frozen(eq=False)
class Feed:
    """The feed-forward of every layer by name, "" for none, and the tables that the names stand for."""

    names: list[str]
    tables: dict[str, Table]


Feeding: TypeAlias = "Callable[[Keys], Feed]"


def rope(**options: Any) -> Position:
    """Rotary positions."""
    return lambda keys, kind: rotary(keys, kind, **options)


# What most types call their sizes.
HEADS = whole("num_attention_heads")
WINDOW = whole("sliding_window")
VALUES = whole("v_head_dim")
WIDTH = whole("intermediate_size")
EXPERTS = whole("num_experts", "num_local_experts", "n_routed_experts")
PER_TOKEN = whole("num_experts_per_tok")
EXPERT_WIDTH = whole("moe_intermediate_size")
ROTARY = rope()
NO_BIAS: list[str] = []


def fixed(kind: str) -> Position:
    """A position of one word: "none", "alibi"."""
    return lambda keys, layer: {"kind": kind}


def rotating(*kinds: str, **options: Any) -> Position:
    """Rotary positions in layers of these kinds, none in others."""
    return lambda keys, kind: rotary(keys, kind, **options) if kind in kinds else {"kind": "none"}


def head_dim(keys: Keys) -> int:
    """The size of a head: its own key, else a head's share of the width."""
    if keys.value("head_dim", default=None) is not None:
        return keys.whole("head_dim")
    if keys.heads > keys.hidden:
        raise keys.error(f"must be at most hidden_size ({keys.hidden}), not {keys.heads}", "num_attention_heads")
    return keys.hidden // keys.heads  # as the classes do it, without a remainder


def kv_heads(keys: Keys) -> int:
    """Heads of keys and values: all, unless the config says otherwise."""
    return keys.size("num_key_value_heads", otherwise=keys.heads)


def attention(
    *,
    heads: Fact[int] = HEADS,
    kv: Fact[int] = kv_heads,
    size: Fact[int] = head_dim,
    bias: Fact[list[str]] = NO_BIAS,
    position: Position = ROTARY,
    window: Fact[int | None] = WINDOW,
    **more: Any,
) -> Mixing:
    """Attention with heads. `window` is of the layers that slide or are cut in chunks; `more` is as in presets."""

    def read(keys: Keys, kind: str) -> Table:
        table: Table = {
            "kind": "multi-head",
            "heads": of(keys, heads),
            "kv_heads": of(keys, kv),
            "head_dim": of(keys, size),
            "position": position(keys, kind),
        }
        base = kind.partition("/")[0]  # "chunked_attention/none": with something else told apart
        if base in (SLIDING, CHUNKED):
            table["window"] = of(keys, window)
        if base == CHUNKED:
            table["chunked"] = True
        if projections := list(of(keys, bias)):
            table["bias"] = projections
        for name, fact in more.items():
            value = of(keys, fact)
            if value is not None and value is not False:
                table[name] = value
        if table.get("scale") == table["head_dim"] ** -0.5:
            del table["scale"]  # the usual one
        if table["heads"] % table["kv_heads"]:
            raise keys.error(f"must divide the {table['heads']} heads, not {table['kv_heads']}", "num_key_value_heads")
        return table

    return read


def latent(*, position: Position = ROTARY, value_dim: Fact[int] = VALUES, **more: Any) -> Mixing:
    """Multi-head latent attention."""

    def read(keys: Keys, kind: str) -> Table:
        keys.ignore("num_key_value_heads", "head_dim", "qk_head_dim")
        table: Table = {
            "kind": "latent",
            "heads": keys.heads,
            "kv_rank": keys.whole("kv_lora_rank"),
            "nope_dim": keys.whole("qk_nope_head_dim"),
            "rope_dim": keys.whole("qk_rope_head_dim"),
            "value_dim": of(keys, value_dim),
            "position": position(keys, kind),
        }
        rank = keys.whole_or("q_lora_rank", otherwise=None)
        if rank is not None:
            table["query_rank"] = rank
        for name, fact in more.items():
            value = of(keys, fact)
            if value is not None and value is not False:
                table[name] = value
        return table

    return read


# Feed-forwards


def network(
    keys: Keys,
    kind: Fact[str] = "gated",
    width: Fact[int] = WIDTH,
    act: str | tuple[str, ...] = "hidden_act",
    bias: Fact[bool] = False,
    acts: Fact[str] | None = None,
) -> Table:
    """One feed-forward; `acts` is the activation itself, where no key says it."""
    names = (act,) if isinstance(act, str) else act
    table: Table = {
        "kind": of(keys, kind),
        "activation": activation(keys, *names) if acts is None else of(keys, acts),
        "intermediate": of(keys, width),
    }
    if of(keys, bias):
        table["bias"] = True
    return table


def dense(**options: Any) -> Feeding:
    """The same feed-forward in every layer."""
    return lambda keys: Feed(names=["dense"] * keys.layers, tables={"dense": network(keys, **options)})


def experts(
    *,
    count: Fact[int] = EXPERTS,
    per_token: Fact[int] = PER_TOKEN,
    width: Fact[int] = EXPERT_WIDTH,
    shared: Fact[int | None] = None,
    shared_gate: Fact[bool] = False,
    sparse: Fact[list[bool]] | None = None,
    dense_width: Fact[int] = WIDTH,
    router: Fact[Table] | None = None,
    expert_bias: Fact[bool] | None = None,
    **options: Any,
) -> Feeding:
    """Experts in the layers that `sparse` marks (all), a dense feed-forward in the others.

    `shared`: the width of what every token passes. `options` are those of `network`.
    """

    def read(keys: Keys) -> Feed:
        keys.ignore("intermediate_size")  # that of dense layers, where there are some
        marks = [True] * keys.layers if sparse is None else of(keys, sparse)
        tables: dict[str, Table] = {}
        if not all(marks):
            tables["dense"] = network(keys, width=dense_width, **options)
        if any(marks):
            tables["moe"] = _moe(keys)
        return Feed(names=["moe" if mark else "dense" for mark in marks], tables=tables)

    own_bias: dict[str, Any] = {} if expert_bias is None else {"bias": expert_bias}

    def _moe(keys: Keys) -> Table:
        table: Table = {
            "kind": "experts",
            "experts": of(keys, count),
            "per_token": of(keys, per_token),
            "expert": network(keys, width=width, **options | own_bias),
        }
        wide = of(keys, shared)
        if wide:
            table["shared"] = network(keys, width=wide, **options)
            if of(keys, shared_gate):
                table["shared_gate"] = True
        found = of(keys, router)
        if found:
            table["router"] = found
        return table

    return read


# Which layers have experts


def first_dense(keys: Keys) -> list[bool]:
    """All layers but the first have experts."""
    return [number > 0 for number in range(keys.layers)]


def deepseek_sparse(keys: Keys) -> list[bool]:
    """All but the first `first_k_dense_replace`, and of those every `moe_layer_freq`-th."""
    first = keys.whole("first_k_dense_replace", default=1, least=0)
    step = keys.whole("moe_layer_freq", default=1)
    return [number >= first and number % step == 0 for number in range(keys.layers)]


def after_dense(*names: str) -> Callable[[Keys], list[bool]]:
    """All but the first, as many as a key says."""
    return lambda keys: [layer >= keys.whole(*names, least=0) for layer in range(keys.layers)]


def mlp_types(otherwise: Fact[list[bool]], name: str = "mlp_layer_types") -> Callable[[Keys], list[bool]]:
    """Those that a list says are sparse."""

    def read(keys: Keys) -> list[bool]:
        found = keys.texts(name, keys.layers)
        if found is None:
            return of(keys, otherwise)
        if set(found) - {"sparse", "dense", "moe"}:
            raise keys.error(f"may say sparse or dense, not {sorted(set(found))}", name)
        return [kind != "dense" for kind in found]

    return read


def every_step(keys: Keys) -> list[bool]:
    """Qwen's: every `decoder_sparse_step`-th layer but those in `mlp_only_layers`."""
    step, only = keys.whole("decoder_sparse_step"), set(keys.wholes("mlp_only_layers") or [])
    return [layer not in only and (layer + 1) % step == 0 for layer in range(keys.layers)]


# Routers

CORRECTED: dict[str, Any] = {"scoring": "sigmoid", "correction": True}
NORMALIZED = {"normalize": True}


def routed(scoring: str = "softmax", **more: Any) -> Callable[[Keys], Table]:
    """[router] from the keys that DeepSeek named: groups, normalisation, scale."""

    def read(keys: Keys) -> Table:
        table: Table = {} if scoring == "softmax" else {"scoring": scoring}
        groups = keys.whole_or("n_group", otherwise=1)
        if groups and groups > 1:
            table |= {"groups": groups, "groups_per_token": keys.whole("topk_group")}
        else:
            keys.ignore("topk_group")
        if keys.value("norm_topk_prob", default=False):
            table["normalize"] = True
        scale = keys.value("routed_scaling_factor", default=None)
        if scale is not None and keys.number("routed_scaling_factor") != 1:
            table["scale"] = keys.number("routed_scaling_factor")
        return table | {name: of(keys, fact) for name, fact in more.items()}

    return read


def shared_experts(*names: str, width: str = "moe_intermediate_size") -> Callable[[Keys], int | None]:
    """The joint width of a number of shared experts, each as wide as a routed one."""

    def read(keys: Keys) -> int | None:
        count = keys.whole_or(*names, otherwise=0, least=0)
        return count * keys.whole(width) if count else None

    return read
