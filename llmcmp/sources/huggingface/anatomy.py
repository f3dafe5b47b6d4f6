"""What a Model says of itself, layer by layer, as the configs of transformers' classes need it.

Everything is read from the Model that llmcmp computes with: a number typed here would agree with itself only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmcmp.components.experts import Experts
from llmcmp.components.norms import LayerNorm, RMSNorm
from llmcmp.components.positions import Rotary
from llmcmp.errors import ModelError

if TYPE_CHECKING:
    from llmcmp.components.positions import Scaling
    from llmcmp.model import Model, Step, Tower

Layer = dict[str, Any]  # the components of one layer by name
Keys = dict[str, Any]  # of a config


@dataclass(frozen=True)
class Anatomy:
    """Shortcuts into a Model: `attention`, `mixer` and `feed_forward` are the first, the decoder's where it has one."""

    model: Model

    @property
    def tower(self) -> Tower:
        return self.model.tower

    @property
    def encoder(self) -> Tower:
        assert self.model.encoder is not None
        return self.model.encoder

    @cached_property
    def outside(self) -> dict[str, Any]:
        """The components before and after the layers, by name."""
        return dict(self.tower.entry) | dict(self.tower.exit)

    @cached_property
    def layers(self) -> list[Layer]:
        return layers(self.tower)

    @property
    def depth(self) -> int:
        return len(self.layers)

    @property
    def vocabulary(self) -> int:
        return self.outside["embedding"].vocabulary

    @property
    def width(self) -> int:
        """Width of the token table."""
        return self.outside["embedding"].width

    @property
    def hidden(self) -> int:
        return next(layer[name].hidden for layer in self.layers for name in ("attention", "mixer") if name in layer)

    @property
    def tied(self) -> bool:
        return self.outside["head"].tied

    @property
    def rows(self) -> int:
        """Rows of the table of learned positions."""
        return self.outside["positions"].rows

    def first(self, name: str) -> Any:
        """The sub-layer of that name in the first layer that has one."""
        return next(layer[name] for layer in self.layers if name in layer)

    @property
    def attention(self) -> Any:
        return self.first("attention")

    @property
    def mixer(self) -> Any:
        return self.first("mixer")

    @property
    def mixers(self) -> list[Any]:
        """The mixers of all layers that have one."""
        return [layer["mixer"] for layer in self.layers if "mixer" in layer]

    @property
    def feed_forward(self) -> Any:
        return self.first("feed_forward")

    @property
    def first_step(self) -> Step:
        return self.tower.stacks[0].blocks[0].steps[0]

    @property
    def placement(self) -> str:
        return self.tower.stacks[0].blocks[0].placement

    @property
    def window(self) -> int | None:
        """The one window of the layers that have one."""
        windows = {getattr(layer.get("attention"), "window", None) for layer in self.layers} - {None}
        assert len(windows) <= 1
        return next(iter(windows), None)

    @property
    def moe_layers(self) -> list[int]:
        return [number for number, layer in enumerate(self.layers) if isinstance(layer.get("feed_forward"), Experts)]

    @property
    def moe(self) -> Any:
        """The experts of the first layer that has some."""
        return self.layers[self.moe_layers[0]]["feed_forward"]

    @property
    def dense_intermediate(self) -> int:
        """Width of the dense feed-forward; where every layer has experts, nothing uses it, and theirs stands in."""
        dense = [layer["feed_forward"] for layer in self.layers if not isinstance(layer["feed_forward"], Experts)]
        return dense[0].intermediate if dense else self.moe.expert.intermediate

    @property
    def epsilon(self) -> float:
        """What the norms of the model add to a variance or mean square."""
        return next(part.epsilon for part in self.layers[0].values() if isinstance(part, (LayerNorm, RMSNorm)))

    @property
    def rope(self) -> dict[str, Any]:
        """`rope_parameters` of a config: of the first layer that rotates.

        The default for Baichuan-13B, LLaMA with ALiBi instead: neither costs a weight or a product.
        """
        return rope_parameters(self.attention)

    @property
    def limit(self) -> int:
        """The longest context, for configs that want one and hold no table of that length."""
        card = self.model.card
        return card.position_limit or card.context or 2048


def layers(tower: Tower) -> list[Layer]:
    """The components of each layer of a tower, by name."""
    return [
        dict(stack.blocks[number % len(stack.blocks)].parts())
        for stack in tower.stacks
        for number in range(stack.layers)
    ]


def rope_parameters(attention: Any) -> dict[str, Any]:
    """How an attention rotates, in the keys of a config."""
    position = attention.position
    if not isinstance(position, Rotary):
        return {"rope_type": "default", "rope_theta": Rotary().theta}
    width = attention.rope_dim if attention.kind == "latent" else attention.head_dim
    return {
        "rope_theta": position.theta,
        **({} if position.fraction == 1 else {"partial_rotary_factor": position.fraction}),
        **(
            {"rope_type": "default"}
            if position.scaling is None
            else _scaling(position.scaling, position.rotated(width))
        ),
    }


def _scaling(scaling: Scaling, rotated: int) -> dict[str, Any]:
    """The keys of stretched frequencies. Long-rope's factors, one a frequency, are no part of a Model: all one."""
    keys: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor}
    match scaling.kind:
        case "linear":
            return keys
        case "llama3":
            bands = {"high_freq_factor": scaling.fast or 4.0, "low_freq_factor": scaling.slow or 1.0}
            return keys | bands | {"original_max_position_embeddings": scaling.original}
        case "yarn":
            bands = {"beta_fast": scaling.fast or 32.0, "beta_slow": scaling.slow or 1.0, "truncate": scaling.truncate}
            factor = {} if scaling.attention_factor is None else {"attention_factor": scaling.attention_factor}
            return keys | bands | factor | {"original_max_position_embeddings": scaling.original}
        case "longrope":
            factors = [1.0] * (rotated // 2)
            return {
                "rope_type": "longrope",
                "short_factor": factors,
                "long_factor": factors,
                "attention_factor": scaling.attention_factor or 1.0,
                "original_max_position_embeddings": scaling.original,
            }
        case "ntk":
            raise ModelError("transformers stretches by NTK with the length of each text; no config holds a fixed one")
