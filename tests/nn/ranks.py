"""What one rank of several finds: run by torchrun, a JSON file a rank (test_parallel.py starts it and judges)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from splittable import SPLITTABLE
from tiny import tiny
from torch.distributed.device_mesh import init_device_mesh

from llmcmp.errors import ModelError
from llmcmp.model import Model
from llmcmp.nn.build import build
from llmcmp.nn.count import cached_elements, counter, recurrent_flops
from llmcmp.nn.parallel import data_parallel, tensor_parallel
from llmcmp.nn.train import Trainer

BATCH, PROMPT, SOURCE = 2, 5, 7


def words(rows: int, count: int, seed: int) -> torch.Tensor:
    return torch.randint(101, (rows, count), generator=torch.Generator().manual_seed(seed))


def source(model: Model, rows: int) -> torch.Tensor | None:
    return words(rows, SOURCE, 2) if model.card.architecture == "encoder-decoder" else None


@torch.no_grad()
def inference(model: Model, mesh: Any) -> dict[str, Any]:
    """A prefill and a decode step of all ranks and of one process: differences, and what this rank holds and does."""
    alone = build(model)
    twin, weights = tensor_parallel(model, mesh)
    kept = dict(alone.named_parameters())
    found: dict[str, Any] = {
        "parameters": {name: parameter.numel() for name, parameter in twin.named_parameters()},
        "weights_equal": [name for name, weight in weights.items() if torch.equal(weight.full_tensor(), kept[name])],
    }
    twin.pack()
    encoder = model.card.architecture == "encoder-only"
    caches = [None if encoder else each.new_cache(BATCH, PROMPT + 1, SOURCE) for each in (alone, twin)]
    prompt, given = words(BATCH, PROMPT, 1), source(model, BATCH)
    whole = alone(prompt, caches[0], source_BR=given)
    with counter() as counts:
        split = twin(prompt, caches[1], source_BR=given)
    found["prefill"], found["size"] = float((whole - split).abs().max()), float(whole.abs().max())
    # Kernels of scans count otherwise than the recurrence, from sizes of the whole model: a rank has its share.
    kernels = recurrent_flops(twin, BATCH, PROMPT, cached=True)
    found["prefill_flops"] = counts.get_total_flops() - kernels // mesh.size()
    if not encoder:
        with counter() as counts:
            split = twin(prompt[:, :1], caches[1])
        found["decode"] = float((alone(prompt[:, :1], caches[0]) - split).abs().max())
        kernels = recurrent_flops(twin, BATCH, 1, PROMPT)
        found["decode_flops"] = counts.get_total_flops() - kernels // mesh.size()
        found["cache"] = cached_elements(caches[1])
    return found


def training(model: Model, mesh: Any) -> dict[str, Any]:
    """Two steps on shares of a batch and on the whole of it: differences, and what this rank keeps."""
    ranks, rank = mesh.size(), mesh.get_local_rank()
    alone, twin = build(model), data_parallel(model, mesh)
    trainers = Trainer(alone), Trainer(twin)
    for trainer in trainers:
        # AdamW divides by the gradient's own size, so that rounding of a gradient near zero would become a whole step.
        trainer.optimizer.param_groups[0]["eps"] = 1e-3
    tokens, given = words(BATCH * ranks, PROMPT, 3), source(model, BATCH * ranks)
    mine = slice(BATCH * rank, BATCH * (rank + 1))
    losses: list[float] = []
    for _ in range(2):
        loss = trainers[1].step(tokens[mine], None if given is None else given[mine]).clone()
        dist.all_reduce(loss)
        losses.append(abs(float(trainers[0].step(tokens, given) - loss / ranks)))
    pairs = zip(alone.parameters(), twin.parameters(), strict=True)
    start = build(model).parameters()
    states: Any = trainers[1].optimizer.state.values()
    return {
        "losses": losses,
        "weights": max(float((one - cut.full_tensor()).abs().max()) for one, cut in pairs),
        "moved": max(float((one - before).abs().max()) for one, before in zip(alone.parameters(), start, strict=True)),
        "parameters": sum(cut.to_local().numel() for cut in twin.parameters()),
        "gradients": sum(cut.grad.to_local().numel() for cut in twin.parameters()),
        "moments": sum(s[name].to_local().numel() for s in states for name in ("exp_avg", "exp_avg_sq")),
    }


def main() -> None:
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    found: dict[str, Any] = {}
    for kind, tables in SPLITTABLE.items():
        model = tiny(tables)
        try:
            found[kind] = {"inference": inference(model, mesh), "training": training(model, mesh)}
        except ModelError as error:
            found[kind] = {"refused": str(error)}
    (Path(sys.argv[1]) / f"{dist.get_rank()}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
