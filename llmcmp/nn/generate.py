"""Generation: one prefill, then one token a step from the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from llmcmp.nn.tower import Cache, Twin

    # From the last tokens (B x 1), the cache and the number of tokens in it to logits (B x 1 x V).
    Step = Callable[[Tensor, Cache, int], Tensor]


@torch.inference_mode()
def generate(
    twin: Twin,
    tokens_BS: Tensor,
    new: int,
    *,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    source_BR: Tensor | None = None,
    cache: Cache | None = None,
    step: Step | None = None,
) -> Tensor:
    """`new` tokens after `tokens_BS`, as B x new: the likeliest at temperature 0, else drawn.

    `top_p` draws from the likeliest tokens that together have this probability (arXiv 1904.09751, 3.1). `cache` is
    emptied and used again where it is given; `step` is a compiled decode step (compiled.py).
    """
    batch, prompt = tokens_BS.shape
    if cache is None:
        cache = twin.new_cache(batch, prompt + new, 0 if source_BR is None else source_BR.shape[1])
    cache.reset()
    step = step or twin.step
    sample = sampler(temperature, top_p, seed, tokens_BS.device)
    token_B1 = sample(twin(tokens_BS, cache, source_BR=source_BR, logits="last"))
    found = [token_B1]
    for past in range(prompt, prompt + new - 1):
        token_B1 = sample(step(token_B1, cache, past))
        found.append(token_B1)
    cache.length = prompt + new - 1
    return torch.cat(found, dim=1)


def sampler(temperature: float, top_p: float, seed: int, device: torch.device) -> Callable[[Tensor], Tensor]:
    """From logits B x 1 x V to tokens B x 1."""
    if temperature == 0:
        return lambda logits: logits.argmax(-1)
    random = torch.Generator(device=device).manual_seed(seed)

    def drawn(logits: Tensor) -> Tensor:
        chances_BV = nucleus((logits[:, -1].float() / temperature).softmax(-1), top_p)
        return torch.multinomial(chances_BV, 1, generator=random)

    return drawn


def nucleus(chances_BV: Tensor, top_p: float) -> Tensor:
    """Zero for all but the likeliest tokens whose sum first reaches `top_p`."""
    if top_p >= 1:
        return chances_BV
    ordered, order = chances_BV.sort(-1, descending=True)
    beyond = ordered.cumsum(-1) - ordered >= top_p
    return chances_BV.masked_fill(beyond.gather(-1, order.argsort(-1)), 0)
