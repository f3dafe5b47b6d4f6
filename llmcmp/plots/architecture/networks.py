"""The insides of feed-forward networks and of mixtures of experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.feed_forward import Gated, activation_label
from llmcmp.frozen import replace
from llmcmp.plots.architecture.boxes import blank, holding, line, linear, operation, prefix_of
from llmcmp.plots.architecture.scene import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.components.experts import Experts
    from llmcmp.components.feed_forward import Network
    from llmcmp.plots.architecture.boxes import Rows
    from llmcmp.plots.architecture.scene import Line


def network(net: Network, prefix: str = "") -> Rows:
    """Up, activation, down; a gate beside the way up where there is one. `prefix` is that of its tensors' names."""
    *inputs, down = net.linears()
    hidden, wide, field = f"{net.hidden:,}", f"{net.intermediate:,}", prefix_of(prefix)
    sizes = (f"{field}hidden", f"{field}intermediate")
    name = activation_label(net.activation)
    text = f"{name}(gate) × up" if isinstance(net, Gated) else name
    return (
        tuple(linear(each, hidden, wide, *sizes, prefix=prefix) for each in inputs),
        (holding(net, "activation_", line(text, f"{field}activation", f"{field}kind"), span=len(inputs)),),
        (linear(down, wide, hidden, *sizes, span=len(inputs), prefix=prefix),),
    )


def experts(mixture: Experts) -> Rows:
    """The router above the pile of experts that it chooses from, shared experts beside it."""
    routed = Box(
        look="many",
        lines=(
            line(f"{mixture.experts:,} experts, {mixture.per_token} a token", "experts", "per_token"),
            line(f"each {mixture.expert.label}", "expert.kind"),
        ),
        rows=network(mixture.expert, "experts."),
        part="routed experts",
        span=2,
    )
    beside = () if mixture.shared is None else (_shared(mixture, mixture.shared),)
    whole = 2 + 2 * len(beside)
    return (
        (_router(mixture), *(blank(2) for _ in beside)),
        (routed, *beside),
        (operation(*_sum(mixture), span=whole),),
    )


def _router(mixture: Experts) -> Box:
    router = mixture.router
    bias = " + bias" if router.bias else ""
    lines = [
        line("router"),
        line(f"{mixture.hidden:,} → {mixture.experts:,}{bias}", "hidden", "experts", "router.bias"),
        line(f"{router.scoring} scores", "router.scoring"),
    ]
    if router.groups > 1:
        text = f"best {router.groups_per_token} of {router.groups} groups"
        lines.append(line(text, "router.groups", "router.groups_per_token"))
        score = {"best": "its best expert", "best-two": "its best two experts"}[router.group_score]
        lines.append(line(f"a group is as good as {score}", "router.group_score"))
    if router.correction:
        lines.append(line("a correction steers the choice", "router.correction"))
    tensors = tuple(weight.name for weight in mixture.weights() if weight.part == "router")
    return Box(look="part", lines=tuple(lines), tensors=tensors, part="router", span=2)


def _shared(mixture: Experts, shared: Network) -> Box:
    lines = (line("shared expert, every token", "shared.kind"), line(shared.label, "shared.kind"))
    rows = network(shared, "shared.")
    if mixture.shared_gate:
        text = line(f"{mixture.hidden:,} → 1, sigmoid", "shared_gate")
        gate = Box(look="part", lines=(line("gate of the sum"), text), tensors=("shared_gate.weight",), span=2)
        rows = (*rows, (replace(gate, span=len(rows[0])),))
    return Box(look="part", lines=lines, rows=rows, part="shared experts", span=2)


def _sum(mixture: Experts) -> Iterator[Line]:
    router = mixture.router
    what = {"output": "sum, weighted by the scores", "input": "sum; the scores weight what experts read"}
    yield line(what[router.weighted], "router.weighted")
    if router.normalize or router.scale != 1:
        normal = "scores made to add up to 1" if router.normalize else "scores as they are"
        scale = "" if router.scale == 1 else f", × {router.scale:g}"
        yield line(normal + scale, "router.normalize", "router.scale")
