"""How a config says that queries and keys are rotated: `rope_parameters`, or the older keys around `rope_scaling`.

The newer object may hold one entry for each kind of layer. Stretched frequencies change no weight and no product; what
kind of stretching it is has to be known all the same, because the twin computes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from llmcmp.sources.huggingface.reading.keys import Keys

Table = dict[str, Any]

# The names of stretchings, to ours. "default", "mrope" and "proportional" rotate as Rotary says.
KINDS = {
    "default": None,
    "mrope": None,
    "proportional": None,
    "linear": "linear",
    "dynamic": "ntk",
    "ntk": "ntk",
    "yarn": "yarn",
    "deepseek_yarn": "yarn",
    "longrope": "longrope",
    "su": "longrope",
    "llama3": "llama3",
}
FACTORS = {
    "factor": "factor",
    "original_max_position_embeddings": "original",
    "beta_fast": "fast",
    "beta_slow": "slow",
    "high_freq_factor": "fast",
    "low_freq_factor": "slow",
    "attention_factor": "attention_factor",
}
THETAS = ("rope_theta", "rotary_emb_base", "rope_base", "rotary_base")
LAYER_KINDS = ("full_attention", "sliding_attention", "chunked_attention")


def parameters(keys: Keys, kind: str | None = None) -> Table:
    """The object for one kind of layer, with what stands beside it in older files."""
    newer = keys.table("rope_parameters")
    older = keys.table("rope_scaling")
    found = older or newer
    if not any(name in found for name in LAYER_KINDS):
        return found
    inner = found.get(kind or "full_attention") or {}
    if not isinstance(inner, dict):
        raise keys.error("must hold objects", "rope_parameters")
    return cast("Table", inner)


def rotary(
    keys: Keys,
    kind: str | None = None,
    *,
    fraction: float | None = None,
    interleaved: bool = False,
    thetas: dict[str, tuple[str, float]] | None = None,
    otherwise: Table | None = None,
) -> Table:
    """The [position] of a layer that rotates.

    `fraction` is the type's own, where the config says none. `thetas`: for a kind of layer, the older key of its base
    and the type's own. `otherwise`: what the type rotates by where the config holds no parameters at all.
    """
    found = parameters(keys, kind)
    if not found and otherwise is not None:
        found = cast("Table", otherwise.get(kind or "", otherwise))
    name = found.get("rope_type", found.get("type", "default"))
    if not isinstance(name, str) or name not in KINDS:
        raise keys.error(f"rope_type {name!r} is not known; known: {', '.join(KINDS)}", "rope_parameters")
    share = found.get("partial_rotary_factor", keys.value("partial_rotary_factor", "rotary_pct", default=None))
    share = fraction if share is None else share
    position: Table = {"kind": "rotary", "theta": base(keys, found, (thetas or {}).get(kind or ""))}
    if type(share) not in (int, float, type(None)):
        raise keys.error(f"must be a number, not {str(share)[:40]}", "partial_rotary_factor")
    if share is not None and share != 1:
        position["fraction"] = share
    if interleaved:
        position["interleaved"] = True
    if KINDS[name] is not None:
        position["scaling"] = scaling(keys, found, str(KINDS[name]))
    return position


def base(keys: Keys, found: Table, own: tuple[str, float] | None) -> float:
    """The base of the frequencies."""
    beside = keys.value(*THETAS, default=None)
    if own is not None:
        beside = keys.value(own[0], default=None) or own[1]
    chosen = found.get("rope_theta") or beside or keys.value("@theta", default=10000.0)
    if type(chosen) not in (int, float) or not 0 < chosen <= 10**15:
        raise keys.error(f"must be a number greater than 0, not {str(chosen)[:40]}", "rope_theta")
    return float(chosen)


def scaling(keys: Keys, found: Table, kind: str) -> Table:
    """[position.scaling]: what its kind is given."""
    table: Table = {"kind": kind}
    for theirs, ours in FACTORS.items():
        value = found.get(theirs)
        if value is not None and type(value) not in (int, float):
            raise keys.error(f"{theirs} must be a number, not {str(value)[:40]}", "rope_parameters")
        if value:
            table[ours] = int(value) if ours == "original" else value
    if kind in ("yarn", "longrope", "llama3") and "original" not in table:
        limit = keys.value("original_max_position_embeddings", "max_position_embeddings", default=None)
        if type(limit) is int and limit > 0:
            table["original"] = limit
    if kind == "yarn" and found.get("truncate") is False:
        table["truncate"] = False
    return table
