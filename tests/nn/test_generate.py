"""Generation: greedy, drawn, compiled; and what packing does to one token's products."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from tiny import DENSE, KINDS, tiny  # noqa: E402
from twins import ALL, even  # noqa: E402 - after torch is known to be there

from llmcmp.components.norms import RMSNorm as RMSNormComponent  # noqa: E402
from llmcmp.nn.build import build  # noqa: E402
from llmcmp.nn.compiled import compiled_step, missing_compiler  # noqa: E402
from llmcmp.nn.count import tokens  # noqa: E402
from llmcmp.nn.generate import generate, nucleus  # noqa: E402
from llmcmp.nn.linear import LEAST, lanes_of, product  # noqa: E402
from llmcmp.nn.norms import RMSNorm  # noqa: E402
from llmcmp.nn.train import Trainer  # noqa: E402

# Compiling takes half a minute: one kind for each way in which a step depends on its position or its tokens.
COMPILED = ("chunked", "mixture", "latent", "segment", "delta", "mamba-2", "encoder-decoder", "alibi", "adaptive")
DECODERS = [kind for kind, document in ALL.items() if document["architecture"] != "encoder-only"]


@pytest.mark.parametrize("kind", DECODERS)
@torch.no_grad()
def test_greedy_generation_is_the_likeliest_token_of_a_pass_over_all_before(kind: str) -> None:
    twin = build(tiny(even(ALL[kind])))
    prompt_BS, new = tokens(twin, 2, 4), 5
    source = {"source_BR": tokens(twin, 2, 3, seed=1)} if twin.model.encoder is not None else {}
    read_BS = prompt_BS
    for _ in range(new):
        # A prefix stays what the prompt was, whatever follows it.
        prefix = {"prefix": 4} if twin.model.card.architecture == "prefix-decoder" else {}
        read_BS = torch.cat((read_BS, twin(read_BS, **source, **prefix)[:, -1:].argmax(-1)), dim=1)
    assert torch.equal(generate(twin, prompt_BS, new, **source), read_BS[:, 4:])


def test_drawn_tokens_depend_on_the_seed_and_on_nothing_else() -> None:
    twin = build(tiny(even(DENSE)))
    prompt_BS = tokens(twin, 3, 4)
    drawn = [generate(twin, prompt_BS, 9, temperature=1.5, top_p=0.9, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_almost_no_temperature_is_greedy() -> None:
    twin = build(tiny(even(DENSE)))
    prompt_BS = tokens(twin, 3, 4)
    assert torch.equal(generate(twin, prompt_BS, 6, temperature=1e-5), generate(twin, prompt_BS, 6))


def test_a_nucleus_is_the_fewest_likeliest_tokens_that_reach_its_probability() -> None:
    chances = torch.tensor([[0.1, 0.4, 0.2, 0.3]])
    assert nucleus(chances, 0.5).tolist() == torch.tensor([[0.0, 0.4, 0.0, 0.3]]).tolist()
    assert nucleus(chances, 0.1).count_nonzero() == 1
    assert torch.equal(nucleus(chances, 1.0), chances)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # torch's compiler uses what torch itself deprecates
@pytest.mark.skipif(missing_compiler("cpu") is not None, reason="torch.compile needs a C++ compiler on CPU")
@pytest.mark.parametrize("kind", ["windowed", *(pytest.param(kind, marks=pytest.mark.full) for kind in COMPILED)])
def test_a_compiled_step_gives_the_tokens_of_the_eager_one_before_and_after_a_window_is_full(kind: str) -> None:
    twin = build(tiny(even(ALL[kind]))).pack()
    prompt_BS = tokens(twin, 1, 3)
    source = {"source_BR": tokens(twin, 1, 3, seed=1)} if twin.model.encoder is not None else {}
    eager = generate(twin, prompt_BS, 14, **source)
    assert torch.equal(generate(twin, prompt_BS, 14, step=compiled_step(twin), **source), eager)
    torch._dynamo.reset()


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> None:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert "g++" in (missing_compiler("cpu") or "")


@torch.no_grad()
def test_lanes_give_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    weight, bias = torch.randn(3 * 128, LEAST // 128), torch.randn(3 * 128)
    lanes = lanes_of(weight)
    assert lanes is not None and lanes.shape[0] == 3
    assert lanes.untyped_storage().data_ptr() == weight.untyped_storage().data_ptr()
    for shape in ((1, 1), (1, 2)):  # one row goes by lanes, two do not
        x = torch.randn(*shape, weight.shape[1])
        expected = torch.nn.functional.linear(x, weight, bias)
        # Sums of 1024 products of size one in another order.
        torch.testing.assert_close(product(x, weight, bias, lanes), expected, rtol=1e-4, atol=1e-4)


def test_small_matrices_and_odd_ones_have_no_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert lanes_of(torch.empty(3, 5)) is None
    assert lanes_of(torch.empty(128, LEAST)) is None
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert lanes_of(torch.empty(128, LEAST)) is None


@pytest.mark.parametrize("unit_offset", [False, True])
@torch.no_grad()
def test_a_packed_norm_is_the_norm(unit_offset: bool) -> None:
    norm = RMSNorm(RMSNormComponent(width=33, epsilon=1e-3, unit_offset=unit_offset))
    norm.weight.normal_()
    x = torch.randn(2, 3, 33) * 0.1  # so small that epsilon shows
    expected = norm(x)
    norm.pack()
    torch.testing.assert_close(norm(x), expected, rtol=1e-6, atol=1e-6)  # a few roundings of single precision


@pytest.mark.parametrize("kind", [*KINDS, "encoder", "encoder-decoder"])
def test_training_steps_lower_the_loss_of_what_they_train_on(kind: str) -> None:
    twin = build(tiny(even(ALL[kind])))
    trainer, read_BS = Trainer(twin, learning_rate=1e-2), tokens(twin, 2, 7)
    source = (tokens(twin, 2, 3, seed=1),) if twin.model.encoder is not None else ()
    losses = [float(trainer.step(read_BS, *source)) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert all(parameter.grad is not None for name, parameter in twin.named_parameters() if "rout" not in name)


def test_a_packed_twin_that_is_trained_decodes_with_its_new_weights() -> None:
    twin = build(tiny(even(DENSE))).pack()
    read_BS = tokens(twin, 2, 7)
    Trainer(twin, learning_rate=1e-2).step(read_BS)
    with torch.no_grad():
        packed = twin(read_BS)
    apart = twin(read_BS)  # with gradients the separate projections run
    torch.testing.assert_close(packed, apart.detach(), rtol=1e-4, atol=1e-4)
