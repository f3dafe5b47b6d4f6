"""Twins on several devices: tensor parallelism for inference, full sharding (FSDP2) for training.

DTensor cuts every weight as its layout says (passes/shard.py), and a rank computes on its own local parts: modules run
the same code with fewer heads, a narrower intermediate or fewer words. What the ranks exchange is added here, as
hooks on the modules whose outputs are parts, and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.distributed.tensor import Partial as TorchPartial
from torch.distributed.tensor import Replicate as TorchReplicate
from torch.distributed.tensor import Shard as TorchShard

from llmcmp.components.attention import Attention
from llmcmp.components.embeddings import TokenEmbedding
from llmcmp.components.heads import LanguageHead
from llmcmp.model import walk
from llmcmp.nn.build import build, generator, randomize
from llmcmp.nn.tower import Tower
from llmcmp.passes.shard import SUMMED, Partial, Replicate, Shard, layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.distributed import ProcessGroup
    from torch.distributed.device_mesh import DeviceMesh

    from llmcmp.components.base import Component
    from llmcmp.model import Model
    from llmcmp.nn.tower import Twin
    from llmcmp.passes.shard import Layout

_dist: Any = dist  # whose collectives torch leaves untyped


def tensor_parallel(
    model: Model, mesh: DeviceMesh, dtype: torch.dtype = torch.float32, *, seed: int = 0
) -> tuple[Twin, dict[str, DTensor]]:
    """This rank's twin, for passes without gradients, and its weights as DTensors in the same storage.

    Together the ranks hold the weights that `build` gives for the seed; no rank ever holds more than one of them whole.
    Raises ModelError where the model cannot be split over so many ranks.
    """
    held = layouts(model, mesh.size())
    twin, random = build(model, "meta", dtype), generator(mesh.device_type, seed)
    spread: dict[str, DTensor] = {}
    local: dict[nn.Parameter, nn.Parameter] = {}
    for name, parameter in twin.named_parameters():
        whole = torch.empty_like(parameter, device=mesh.device_type, requires_grad=False)
        randomize(name, whole, random)
        spread[name] = distribute(whole, held[name], mesh)
        local[parameter] = nn.Parameter(spread[name].to_local(), requires_grad=False)
    _fill_buffers(twin, mesh.device_type, random)
    _set_parameters(twin, local)
    connect(twin, mesh)
    return twin, spread


def distribute(whole: Tensor, layout: Layout, mesh: DeviceMesh) -> DTensor:
    """One weight over the ranks of a mesh, each of which has it whole; a rank keeps nothing but its part."""
    match layout:
        case Shard(dim=dim, ways=ways):
            # Fewer ways than ranks: as if the weight held each chunk as often as there are ranks for it.
            copies = mesh.size() // ways
            chunks = whole.chunk(ways, dim) if copies > 1 else ()
            repeated = torch.cat([c for c in chunks for _ in range(copies)], dim) if copies > 1 else whole
            cut = distribute_tensor(repeated, mesh, [TorchShard(dim)], src_data_rank=None)
            return _of_local(cut.to_local().clone(), cut)
        case Replicate():
            return distribute_tensor(whole, mesh, [TorchReplicate()], src_data_rank=None)
        case Partial():
            mine = whole if mesh.get_local_rank() == 0 else torch.zeros_like(whole)
            return DTensor.from_local(mine, mesh, [TorchPartial()], run_check=False)


def _of_local(local: Tensor, like: DTensor) -> DTensor:
    return DTensor.from_local(
        local, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def _set_parameters(module: nn.Module, made: dict[nn.Parameter, nn.Parameter]) -> None:
    """Put parameters in the place of those that they were made for."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            if parameter in made:
                setattr(part, name, made[parameter])


def _fill_buffers(twin: Twin, device: str, random: torch.Generator) -> None:
    """Buffers (score corrections of experts) stand whole on every rank."""
    for name, buffer in list(twin.named_buffers()):
        path, _, leaf = name.rpartition(".")
        whole = torch.empty_like(buffer, device=device)
        randomize(name, whole, random)
        setattr(twin.get_submodule(path), leaf, whole)


def connect(twin: Twin, mesh: DeviceMesh) -> None:
    """Add what the ranks exchange."""
    group, rank, ranks = mesh.get_group(), mesh.get_local_rank(), mesh.size()
    if ranks == 1:
        return
    for component, module in used(twin):
        match component:
            case TokenEmbedding(vocabulary=words):
                module.forward = _LookUp(module, rank * -(-words // ranks), group)
            case LanguageHead(vocabulary=words):
                module.register_forward_hook(_Gather(words, mesh))
            case _ if isinstance(component, SUMMED):
                module.register_forward_hook(_Sum(group))
            case _:
                pass
        if isinstance(component, Attention) and component.qk_norm == "whole":
            for norm in (module.query_norm, module.key_norm):
                norm.register_forward_hook(_WholeNorm(group, ranks))
    for tower in twin.modules():
        if isinstance(tower, Tower):
            tower.places.rules = [replace(rule, part=(rank, ranks)) for rule in tower.places.rules]


def used(twin: Twin) -> Iterator[tuple[Component, Any]]:
    """Every module of a component, once where layers share it."""
    for use in walk(twin.model):
        for layer in use.layers[: use.copies] or (0,):
            yield use.component, twin.get_submodule(use.path.replace("*", str(layer)))


class _Sum:
    """Adds up the ranks' parts of an output, in place."""

    def __init__(self, group: ProcessGroup) -> None:
        self.group = group

    def __call__(self, module: nn.Module, given: Any, part: Tensor) -> Tensor:
        part = part.contiguous()
        _dist.all_reduce(part, group=self.group)
        return part


class _Gather:
    """All logits from the ranks' parts of the vocabulary."""

    def __init__(self, words: int, mesh: DeviceMesh) -> None:
        self.words, self.mesh = words, mesh

    def __call__(self, module: nn.Module, given: Any, part_BSV: Tensor) -> Tensor:
        batch, new, _ = part_BSV.shape
        shape, stride = torch.Size((batch, new, self.words)), (new * self.words, self.words, 1)
        placements = [TorchShard(2)]
        whole = DTensor.from_local(part_BSV, self.mesh, placements, run_check=False, shape=shape, stride=stride)
        return whole.full_tensor()


class _LookUp:
    """Looks up the words of this rank, zeros for the others, and adds up the ranks' parts."""

    def __init__(self, embedding: nn.Module, start: int, group: ProcessGroup) -> None:
        self.embedding, self.start, self.sum = embedding, start, _Sum(group)
        self.look_up = embedding.forward

    def __call__(self, tokens_BS: Tensor, flow: Any) -> Tensor:
        table: Any = self.embedding.weight
        words = tokens_BS - self.start
        mine = (words >= 0) & (words < table.shape[0])
        if table.shape[0] == 0:  # a short vocabulary leaves the last ranks without words
            found = table.new_zeros((*tokens_BS.shape, table.shape[1]))
        else:
            found = self.look_up(words * mine, flow) * mine.unsqueeze(-1)
        return self.sum(self.embedding, None, found)


class _WholeNorm:
    """Makes an RMS norm of this rank's heads one of all heads.

    The norm divided by the root of the local mean of squares: divide by that of all ranks' instead.
    """

    def __init__(self, group: ProcessGroup, ranks: int) -> None:
        self.group, self.ranks = group, ranks

    def __call__(self, module: Any, given: tuple[Tensor, ...], normed: Tensor) -> Tensor:
        here = given[0].float().square().mean(-1, keepdim=True)
        everywhere = here.clone()
        _dist.all_reduce(everywhere, group=self.group)
        ratio = (here + module.epsilon) / (everywhere / self.ranks + module.epsilon)
        return normed * ratio.sqrt().to(normed.dtype)


def data_parallel(model: Model, mesh: DeviceMesh, dtype: torch.dtype = torch.float32, *, seed: int = 0) -> Twin:
    """This rank's twin to train: parameters, gradients and so optimiser states are cut over the ranks.

    Together the ranks hold the weights that `build` gives for the seed. Layer by layer they are gathered when they
    are needed, and cut as soon as they are made: no rank ever holds more than a layer and what stands outside of them.
    """
    twin, random = build(model, "meta", dtype).train(), generator(mesh.device_type, seed)
    layers = {id(layer): layer for tower in twin.modules() if isinstance(tower, Tower) for layer in tower.layers}
    inside = {layer: list(layer.parameters()) for layer in layers.values()}
    last = {parameters[-1]: layer for layer, parameters in inside.items()}
    whole: dict[nn.Parameter, nn.Parameter] = {}
    for name, parameter in list(twin.named_parameters()):
        whole[parameter] = nn.Parameter(torch.empty_like(parameter, device=mesh.device_type))
        randomize(name, whole[parameter], random)
        if parameter in last:
            layer = last[parameter]
            _set_parameters(layer, whole)
            for each in inside[layer]:
                del whole[each]
            fully_shard(layer, mesh=mesh)
    _fill_buffers(twin, mesh.device_type, random)
    _set_parameters(twin, whole)
    fully_shard(twin, mesh=mesh)
    return twin
