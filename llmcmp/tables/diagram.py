"""A model drawn in text: what tokens pass from embedding to logits, each distinct block once.

One line down the left is the residual stream; what branches off it and joins at ⊕ is a sub-layer. Where the norm
stands (before, after the sum, on the branch's end) is where it is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.components.attention import Attention, heads_label
from llmcmp.components.cross import CrossAttention
from llmcmp.components.delta import GatedDeltaNet
from llmcmp.components.experts import Experts
from llmcmp.components.feed_forward import Gated, Plain
from llmcmp.components.latent import LatentAttention
from llmcmp.components.mamba import Mamba
from llmcmp.components.mamba2 import Mamba2
from llmcmp.components.positions import NoPosition
from llmcmp.components.segment import SegmentAttention
from llmcmp.tables.describe import bias_label, mixer_details, mixture_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmcmp.components.base import Component
    from llmcmp.model import Block, Model, Step, Tower

WIDTH = 60  # inside the frame; with it a drawing takes 64 columns


def diagram(model: Model) -> list[str]:
    """The lines of the drawing, none wider than 78. Raises UndisclosedError."""
    lines: list[str] = []
    for tower in model.disclosed_towers():
        if lines:
            lines += ["", "   keys and values of every cross-attention come from here", ""]
        lines += list(_tower(tower, named=len(model.towers) > 1))
    for name, _ in model.apart:
        lines.append(f"   (listed apart: {name})")
    return lines


def layer_range(numbers: Sequence[int], most: int = 3) -> str:
    """[0, 1, 2, 4, 5] as "0–2, 4–5"; after `most` spans an ellipsis and the last."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    texts = ["–".join(map(str, span)) for span in spans]
    return ", ".join(texts) if len(texts) <= most + 1 else f"{', '.join(texts[:most])} … {texts[-1]}"


def _tower(tower: Tower, *, named: bool) -> Iterator[str]:
    yield f"   {'source ' if named and tower.side == 'encoder' else ''}tokens"
    for name, component in tower.entry:
        yield f"   │  {name.replace('_', ' ')}: {component.label}"
    yield "   ▼"
    for layers in tower.layers():
        count, where = len(layers.numbers), layer_range(layers.numbers)
        shared = ", one set of weights" if layers.shared else ""
        title = f" {tower.side + ' ' if named else ''}{count} × layers {where}{shared} "
        yield "┌─" + title + "─" * (WIDTH - len(title) + 1) + "┐"
        for line in _block(layers.block):
            yield f"│ {line:<{WIDTH}} │"
        yield "└─" + "─" * (WIDTH + 1) + "┘"
    yield "   │"
    for name, component in tower.exit:
        yield f"   │  {name.replace('_', ' ')}: {component.label}"
    yield "   ▼"


def _block(block: Block) -> Iterator[str]:
    for step in block.steps:
        yield from _step(step, block.placement)


def _step(step: Step, placement: str) -> Iterator[str]:
    if placement == "deep":
        norm = step.branches[0].before
        yield f"  {norm.label if norm else ''}; the residual below is its output, scaled"
    if step.shared_norm is not None:
        yield f"  ├─► {step.shared_norm.label}, then both branches"
    for branch in step.branches:
        before = f"{branch.before.label} ─► " if branch.before is not None and placement != "deep" else ""
        after = f" ─► {branch.after.label}" if branch.after is not None and placement != "post" else ""
        head = f"  ├─► {before}{branch.name.replace('_', '-')}{after} "
        yield head + "─" * (WIDTH - len(head) - 2) + "╮"
        for detail in details(branch.mixer):
            text = f"  │       {detail}"
            yield f"{text:<{WIDTH - 2}}│"
    yield "  ⊕◄" + "─" * (WIDTH - 6) + "╯"
    if placement == "post":
        norm = step.branches[-1].after
        yield f"  {norm.label if norm else ''}"


def details(component: Component) -> list[str]:
    """What sets a sub-layer apart, in lines of at most 48 characters."""
    match component:
        case Attention():
            lines = _attention(component)
        case LatentAttention():
            lines = [
                f"latent attention, {component.heads} heads of {component.key_dim}, {component.direction}",
                "" if component.query_rank is None else f"queries from a latent of {component.query_rank:,}",
                f"keys and values from a latent of {component.kv_rank} + {component.rope_dim}",
                component.position.label,
            ]
        case SegmentAttention():
            lines = [f"{component.label}, heads of {component.head_dim}", "relative positions"]
        case Mamba():
            channels = f"{component.inner:,} channels, steps of rank {component.step_rank}"
            lines = [component.label, channels, ", ".join(mixer_details(component))]
        case Mamba2():
            groups = "one group" if component.groups == 1 else f"{component.groups} groups"
            sizes = f"{component.heads} heads of {component.head_dim}, {groups}"
            lines = [component.label, sizes, ", ".join(mixer_details(component))]
        case GatedDeltaNet():
            lines = [
                f"gated delta net, {component.value_heads} heads of {component.value_dim}",
                f"{component.key_heads} key heads of {component.key_dim}",
                ", ".join(mixer_details(component)),
            ]
        case CrossAttention():
            lines = [f"{heads_label(component.heads, component.kv_heads)}, heads of {component.head_dim}"]
        case Experts():
            router = component.router
            groups = "" if router.groups == 1 else f", best {router.groups_per_token} of {router.groups} groups"
            lines = [f"{mixture_label(component)}, {component.expert.label}", f"router: {router.scoring}{groups}"]
        case Gated() | Plain():
            bias = ", biases" if component.bias else ""
            lines = [f"{component.label}, {component.hidden:,} → {component.intermediate:,}{bias}"]
        case _:
            lines = [component.label]
    return [line for line in lines if line]


def _attention(attention: Attention) -> list[str]:
    lines = [f"{attention.label}, heads of {attention.head_dim}, {attention.direction}"]
    if not isinstance(attention.position, NoPosition):
        lines.append(attention.position.label)
    extras = {
        "QK norm": attention.qk_norm is not None,
        "attention sinks": attention.sinks,
        f"soft cap {attention.soft_cap or 0:g}": attention.soft_cap is not None,
        "output gate": attention.output_gate,
        bias_label(attention.bias): bool(attention.bias),
    }
    extra = ", ".join(text for text, holds in extras.items() if holds)
    return [*lines, extra] if extra else lines
