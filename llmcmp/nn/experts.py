"""Mixture of experts: a router, the routed experts stacked in one tensor a matrix, and what every token passes.

Which experts run is the tokens' affair, so there are three ways to run them, by where the tokens are. On CPU each
visited expert is one product over its own tokens, on views of the stack: nothing is copied. On GPU tokens are sorted by
expert and all experts are one grouped product. Where tokens have no values (the meta device) every token brings
its experts along, which counts the same products.
"""

# pyright: reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmcmp.components.linear import Linear as LinearComponent
from llmcmp.nn.feed_forward import network
from llmcmp.nn.linear import Linear, Packed, product

if TYPE_CHECKING:
    from llmcmp.components.experts import Experts as ExpertsComponent
    from llmcmp.nn.flow import Flow

FEW = 8  # rows for which a compiled decode step reads each row's experts in place, instead of sorting rows by expert


class Router(nn.Module):
    """Scores of all experts, and the choice among them."""

    correction: Tensor

    def __init__(self, experts: ExpertsComponent) -> None:
        super().__init__()
        self.rules, self.per_token = experts.router, experts.per_token
        axes = ("hidden", experts.hidden), ("experts", experts.experts)
        linear = LinearComponent(inner=axes[0], outer=axes[1], part="router", bias=self.rules.bias)
        self.weight = nn.Parameter(torch.empty(experts.experts, experts.hidden))
        self.bias = nn.Parameter(torch.empty(experts.experts)) if linear.bias else None
        if self.rules.correction:
            self.register_buffer("correction", torch.zeros(experts.experts))

    def forward(self, x_RD: Tensor) -> tuple[Tensor, Tensor]:
        """(weights, numbers) of the chosen experts, R x C each."""
        logits_RE = F.linear(x_RD, self.weight, self.bias).float()
        scores_RE = logits_RE.softmax(-1) if self.rules.scoring == "softmax" else logits_RE.sigmoid()
        choice_RE = scores_RE + self.correction if self.rules.correction else scores_RE
        if self.rules.groups > 1:
            choice_RE = self._within_groups(choice_RE)
        weights_RC, chosen_RC = choice_RE.topk(self.per_token, dim=-1)
        if choice_RE is not scores_RE:
            weights_RC = scores_RE.gather(-1, chosen_RC)
        if self.rules.normalize:
            weights_RC = weights_RC / weights_RC.sum(-1, keepdim=True)
        if self.rules.scale != 1:
            weights_RC = weights_RC * self.rules.scale
        return weights_RC.to(x_RD.dtype), chosen_RC

    def _within_groups(self, choice_RE: Tensor) -> Tensor:
        """Minus infinity for the experts of all but the best groups."""
        grouped = choice_RE.unflatten(-1, (self.rules.groups, -1))
        best = 1 if self.rules.group_score == "best" else 2
        groups = grouped.topk(best, dim=-1).values.sum(-1).topk(self.rules.groups_per_token, dim=-1).indices
        out = torch.ones_like(grouped[..., 0], dtype=torch.bool).scatter(-1, groups, False)
        return grouped.masked_fill(out.unsqueeze(-1), float("-inf")).flatten(-2)


class Experts(nn.Module):
    """Each token through its chosen experts, weighted, and through the shared one."""

    def __init__(self, experts: ExpertsComponent) -> None:
        super().__init__()
        self.weights_input = experts.router.weighted == "input"
        self.router = Router(experts)
        self.experts = network(experts.expert, experts.experts)
        self.shared = None if experts.shared is None else network(experts.shared)
        gate = LinearComponent(inner=("hidden", experts.hidden), outer=("gate", 1), part="shared experts")
        self.shared_gate = Linear(gate) if experts.shared_gate else None
        self.packed: Packed | None = None

    def pack(self) -> None:
        """Project everything that reads a token in one product an expert."""
        self.packed = Packed(self.experts.inputs())

    def forward(self, x_BSD: Tensor, flow: Flow | None = None, slot: None = None) -> Tensor:
        x_RD = x_BSD.flatten(0, -2)
        weights_RC, chosen_RC = self.router(x_RD)
        mixed_RD = self._routed(x_RD, weights_RC, chosen_RC)
        if self.shared is not None:
            common_RD = self.shared(x_RD)
            if self.shared_gate is not None:
                common_RD = common_RD * torch.sigmoid(self.shared_gate(x_RD))
            mixed_RD = mixed_RD + common_RD
        return mixed_RD.view_as(x_BSD)

    def _routed(self, x_RD: Tensor, weights_RC: Tensor, chosen_RC: Tensor) -> Tensor:
        few = torch.compiler.is_compiling() and x_RD.shape[0] <= FEW
        if x_RD.device.type == "meta" or few:
            return self._brought(x_RD, weights_RC, chosen_RC)
        if x_RD.device.type == "cpu" and x_RD.shape[0] == 1 and not torch.is_grad_enabled():
            return self._one_token(x_RD, weights_RC, chosen_RC)
        return self._sorted(x_RD, weights_RC, chosen_RC)

    def _one_token(self, x_1D: Tensor, weights_1C: Tensor, chosen_1C: Tensor) -> Tensor:
        """The experts of one token, one after another on views of the stack."""
        mixed_1D = torch.zeros_like(x_1D)
        for weight, expert in zip(weights_1C[0].tolist(), chosen_1C[0].tolist(), strict=True):
            if self.weights_input:
                mixed_1D += self._expert(x_1D * weight, expert)
            else:
                mixed_1D.add_(self._expert(x_1D, expert), alpha=weight)
        return mixed_1D

    def _expert(self, x: Tensor, expert: int) -> Tensor:
        """One expert over the rows of `x`."""
        projected = tuple(_of_expert(x, stack, expert) for stack in self._stacks())
        return _of_expert(self.experts.inner(self._split(projected)), self.experts.down, expert)

    def _stacks(self) -> tuple[Linear | Packed, ...]:
        """The stacked maps that read a token: one if packed."""
        if self.packed is not None and not torch.is_grad_enabled():
            return (self.packed,)
        return self.experts.inputs()

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self.packed is not None and not torch.is_grad_enabled():
            return projected[0].split(self.packed.sizes, -1)
        return projected

    def _sorted(self, x_RD: Tensor, weights_RC: Tensor, chosen_RC: Tensor) -> Tensor:
        """Rows in the order of their experts, each expert over its own, then back and summed."""
        per_token, flat = chosen_RC.shape[1], chosen_RC.flatten()
        order = flat.argsort()
        rows = order // per_token
        weights = weights_RC.flatten()[order].unsqueeze(1)
        inputs = x_RD[rows] * weights if self.weights_input else x_RD[rows]
        counts_E = torch.bincount(flat, minlength=self.router.weight.shape[0])
        found = self._grouped(inputs, counts_E) if x_RD.device.type == "cuda" else self._looped(inputs, counts_E)
        found = found if self.weights_input else found * weights
        return torch.zeros_like(x_RD).index_add(0, rows, found)

    def _looped(self, inputs: Tensor, counts_E: Tensor) -> Tensor:
        """One visited expert after another."""
        counts = counts_E.tolist()
        pieces = inputs.split(counts)
        return torch.cat([self._expert(x, expert) for expert, x in enumerate(pieces) if x.shape[0]])

    def _grouped(self, inputs: Tensor, counts_E: Tensor) -> Tensor:
        """All experts as grouped products: no loop, and no answer of the device is waited for."""
        ends = counts_E.cumsum(0).to(torch.int32)
        expert_of_row = torch.repeat_interleave(counts_E, output_size=inputs.shape[0])

        def by_expert(x: Tensor, stack: Linear | Packed) -> Tensor:
            found = F.grouped_mm(x, stack.weight.transpose(-1, -2), offs=ends)
            return found if stack.bias is None else found + stack.bias[expert_of_row]

        projected = tuple(by_expert(inputs, stack) for stack in self._stacks())
        return by_expert(self.experts.inner(self._split(projected)), self.experts.down)

    def _brought(self, x_RD: Tensor, weights_RC: Tensor, chosen_RC: Tensor) -> Tensor:
        """Every row with the matrices of its experts; compiled, the products read them where they stand."""
        inputs_RCD = x_RD.unsqueeze(1).expand(-1, chosen_RC.shape[1], -1)
        if self.weights_input:
            inputs_RCD = inputs_RCD * weights_RC.unsqueeze(-1)
        projected = tuple(_gathered(inputs_RCD, stack, chosen_RC) for stack in self._stacks())
        found_RCD = _gathered(self.experts.inner(self._split(projected)), self.experts.down, chosen_RC)
        return (found_RCD if self.weights_input else found_RCD * weights_RC.unsqueeze(-1)).sum(1)


def _of_expert(x: Tensor, stack: Linear | Packed, expert: int) -> Tensor:
    """One expert's map, on views of the stack."""
    bias = None if stack.bias is None else stack.bias[expert]
    return product(x, stack.weight[expert], bias, None if stack.lanes is None else stack.lanes[expert])


def _gathered(x_RCI: Tensor, stack: Linear | Packed, chosen_RC: Tensor) -> Tensor:
    """R x C outputs, each by the matrix of its own expert."""
    weight_RCOI = stack.weight[chosen_RC]
    if torch.compiler.is_compiling():
        found = (weight_RCOI * x_RCI.unsqueeze(-2)).sum(-1)
    else:
        found = torch.matmul(weight_RCOI, x_RCI.unsqueeze(-1)).squeeze(-1)
    return found if stack.bias is None else found + stack.bias[chosen_RC]
