"""Mixture of experts: a router sends each token to `per_token` of `experts` networks (arXiv 1701.06538, 2101.03961).

Shared experts see every token (DeepSeekMoE, arXiv 2401.06066). FLOPs count the visited experts exactly: with
capacity factor 1 and no dropped tokens, every token is computed `per_token` times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from llmcmp.components.base import Component
from llmcmp.components.feed_forward import Network, network_ops
from llmcmp.components.linear import Linear
from llmcmp.errors import ModelError
from llmcmp.frozen import frozen, replace
from llmcmp.ops import Draw, Elementwise, Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.ops import Op, Plan, Run


@frozen
class Router:
    """Scores of all experts for a token.

    `correction`: a stored score correction an expert, which steers the choice and is not trained by gradients
    (DeepSeek-V3, arXiv 2412.19437, 2.1.2). `groups`, `groups_per_token`: only experts of the best
    groups are chosen from, a group being as good as its best expert, or as the sum of its best two (`group_score`).

    The chosen scores are divided by their sum where `normalize`, times `scale`; they weight what the experts give, or
    what they are given (`weighted`, Llama 4).
    """

    scoring: Literal["softmax", "sigmoid"] = "softmax"
    bias: bool = False
    correction: bool = False
    groups: int = 1
    groups_per_token: int = 1
    group_score: Literal["best", "best-two"] = "best"
    normalize: bool = False
    scale: float = 1.0
    weighted: Literal["output", "input"] = "output"


@frozen
class Experts(Component):
    """`expert` is one routed expert; `shared` the network that every token passes, `shared_gate` its learned gate."""

    kind: ClassVar[str] = "experts"
    hidden: int
    experts: int
    per_token: int
    expert: Network
    shared: Network | None = None
    shared_gate: bool = False
    router: Router = Router()

    def __post_init__(self) -> None:
        if not 1 <= self.per_token <= self.experts:
            raise ModelError(f"per_token ({self.per_token}) must lie between 1 and experts ({self.experts})")
        if self.expert.activation == "xielu":
            raise ModelError("xielu is an activation of single networks, not of experts")
        if self.shared_gate and self.shared is None:
            raise ModelError("shared_gate needs a shared expert")
        if self.experts % self.router.groups or self.router.groups_per_token > self.router.groups:
            raise ModelError("router groups must divide the experts, and groups_per_token may not exceed them")

    @property
    def label(self) -> str:
        shared = "" if self.shared is None else " + shared"
        return f"MoE {self.per_token}/{self.experts}{shared}, {self.expert.label}"

    @property
    def _router(self) -> Linear:
        axes = ("hidden", self.hidden), ("experts", self.experts)
        return Linear(name="router", inner=axes[0], outer=axes[1], part="router", bias=self.router.bias)

    @property
    def _gate(self) -> Linear:
        return Linear(name="shared_gate", inner=("hidden", self.hidden), outer=("gate", 1), part="shared experts")

    def weights(self) -> Iterator[Weight]:
        yield from self._router.weights()
        if self.router.correction:
            yield Weight(name="router.correction", axes=(("experts", self.experts),), part="router", buffer=True)
        for weight in self.expert.weights():
            axes = (("experts", self.experts), *weight.axes)
            name = f"experts.{weight.name}"
            yield replace(weight, name=name, axes=axes, part="routed experts", visits=self.per_token)
        if self.shared is not None:
            for weight in self.shared.weights():
                yield replace(weight, name=f"shared.{weight.name}", part="shared experts")
        if self.shared_gate:
            yield from self._gate.weights()

    def ops(self, run: Run, plan: Plan) -> Iterator[Op]:
        yield self._router.matmul(run.rows)
        yield Elementwise(name="routing scores", part="router", rows=run.rows, width=self.experts)
        visited = Draw(experts=self.experts, per_token=self.per_token, tokens=run.rows)
        yield from network_ops(self.expert, run.rows * self.per_token, "routed experts", visited)
        if self.shared is not None:
            yield from network_ops(self.shared, run.rows, "shared experts")
        if self.shared_gate:
            yield self._gate.matmul(run.rows)
