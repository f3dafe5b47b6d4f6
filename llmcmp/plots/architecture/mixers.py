"""The insides of recurrent mixers: projections, a short convolution, the scan over a state, gate and way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.plots.architecture.boxes import blank, holding, keeps, line, linear, operation
from llmcmp.plots.architecture.scene import Box

if TYPE_CHECKING:
    from llmcmp.components.convolution import Convolution
    from llmcmp.components.delta import GatedDeltaNet
    from llmcmp.components.mamba import Mamba
    from llmcmp.components.mamba2 import Mamba2
    from llmcmp.components.short_convolution import ShortConvolution
    from llmcmp.plots.architecture.boxes import Rows


def _convolution(conv: Convolution, span: int = 1) -> Box:
    bias = " + bias" if conv.bias else ""
    text = line(f"conv of {conv.kernel}{bias}, SiLU", "kernel", "conv_bias")
    return Box(look="part", lines=(text,), tensors=tuple(w.name for w in conv.weights()), span=span)


def mamba(m: Mamba) -> Rows:
    """The value passes convolution and scan; step, key (B) and query (C) are selected from the convolved value."""
    value, gate = m.input_linears()
    step, key, query = m.selection_linears()
    hidden, inner = f"{m.hidden:,}", f"{m.inner:,}"
    state = (f"{m.state_size}", "inner", "state_size")
    norms = tuple(
        holding(m, f"{name}_norm.", line("RMSNorm", "norms", "norm_weights")) for name in ("step", "key", "query")
    )
    scan = (
        line("scan: decay, write, read, skip"),
        line(f"{m.inner:,} channels × state {m.state_size}", "inner", "state_size"),
        *keeps(m.state()),
    )
    return (
        (linear(value, hidden, inner, "hidden", "inner", span=3), linear(gate, hidden, inner, "hidden", "inner")),
        (_convolution(m.convolution, 3), blank()),
        (
            linear(step, inner, f"{m.step_rank}", "inner", "step_rank"),
            linear(key, inner, *state),
            linear(query, inner, *state),
            blank(),
        ),
        *(((*norms, blank()),) if m.norms else ()),
        (linear(m.step_up, f"{m.step_rank}", inner, "step_rank", "inner"), blank(3)),
        (Box(look="part", lines=scan, tensors=("decay_log", "skip"), span=3), blank()),
        (operation(line("× SiLU(gate)"), span=4),),
        (linear(m.output, inner, hidden, "inner", "hidden", span=4),),
    )


def mamba2(m: Mamba2) -> Rows:
    """Values, keys (B) and queries (C) are convolved and scanned; the step is one number a head."""
    gate, value, key, query, step, output = m.linears()
    hidden, wide = f"{m.hidden:,}", f"{m.heads} × {m.head_dim}"
    heads, shared = ("hidden", "heads", "head_dim"), ("hidden", "groups", "state_size")
    narrow = f"{m.groups} × {m.state_size}"
    scan = (
        line("scan: decay, write, read, skip"),
        line(f"{m.heads} heads of {m.head_dim} × state {m.state_size}", "heads", "head_dim", "state_size"),
        *keeps(m.state()),
    )
    if m.norm:
        order = "RMSNorm by group, then × SiLU(gate)" if m.norm_first else "× SiLU(gate), then RMSNorm by group"
    else:
        order = "× SiLU(gate)"
    return (
        (
            linear(step, hidden, f"{m.heads}", "hidden", "heads"),
            linear(key, hidden, narrow, *shared),
            linear(query, hidden, narrow, *shared),
            linear(value, hidden, wide, *heads),
            linear(gate, hidden, wide, *heads),
        ),
        (blank(), *(_convolution(conv) for conv in _ordered(m.convolutions(), ("key", "query", "value"))), blank()),
        (Box(look="part", lines=scan, tensors=("step_bias", "decay_log", "skip"), span=4), blank()),
        (holding(m, "norm.", line(order, "norm", "norm_first", "groups"), span=5),),
        (linear(output, wide, hidden, *heads, span=5),),
    )


def short_convolution(m: ShortConvolution) -> Rows:
    """One gate before the convolution and one after it."""
    before, after, value, output = m.linears()
    hidden = f"{m.hidden:,}"
    first, last, middle = (linear(each, hidden, hidden, "hidden") for each in (before, after, value))
    conv = (line(f"convolution of {m.kernel}", "kernel"), *keeps(m.state()))
    return (
        (first, middle, last),
        (operation(line("value × gate before"), span=2), blank()),
        (holding(m, "conv.", *conv, span=2), blank()),
        (operation(line("× gate after"), span=3),),
        (linear(output, hidden, hidden, "hidden", span=3),),
    )


def _ordered(convolutions: tuple[Convolution, ...], streams: tuple[str, ...]) -> tuple[Convolution, ...]:
    named = {conv.name.removesuffix("_conv"): conv for conv in convolutions}
    return tuple(named[stream] for stream in streams)


def delta(m: GatedDeltaNet) -> Rows:
    """Queries, keys and values are convolved; the state forgets by the decay and is corrected by beta."""
    query, key, value, gate, beta, decay, output = m.linears()
    hidden, wide, narrow = f"{m.hidden:,}", f"{m.value_heads} × {m.value_dim}", f"{m.key_heads} × {m.key_dim}"
    keys, values = ("hidden", "key_heads", "key_dim"), ("hidden", "value_heads", "value_dim")
    both = tuple(weight.name for each in (beta, decay) for weight in each.weights())
    names = (line("beta, decay"), line(f"{hidden} → {m.value_heads} each", "hidden", "value_heads"))
    scan = (
        line("scan: decay, recall, correct by beta, read"),
        line(f"{m.value_heads} states of {m.key_dim} × {m.value_dim}", "value_heads", "key_dim", "value_dim"),
        *keeps(m.state()),
    )
    norm = (line("RMSNorm per head, then × SiLU(gate)", "value_dim"),)
    l2 = operation(line("L2 norm"))
    return (
        (
            Box(look="part", lines=names, tensors=both),
            linear(query, hidden, narrow, *keys),
            linear(key, hidden, narrow, *keys),
            linear(value, hidden, wide, *values),
            linear(gate, hidden, wide, *values),
        ),
        (blank(), *(_convolution(conv) for conv in _ordered(m.convolutions(), ("query", "key", "value"))), blank()),
        (blank(), l2, l2, blank(2)),
        (Box(look="part", lines=scan, tensors=("decay_bias", "decay_log"), span=4), blank()),
        (Box(look="part", lines=norm, tensors=("norm.weight",), span=5),),
        (linear(output, wide, hidden, *values, span=5),),
    )
