"""Caches as engines keep them: the figures that those projects print, and laws that hold whatever the model."""

from __future__ import annotations

import pytest
from tiny import ENCODER_DECODER, HYBRID, KINDS, LATENT, MIXERS, disclosed, tiny

import llmcmp
from llmcmp.errors import ModelError, QuantityError
from llmcmp.folds.cache import POLICIES, policy, reservation
from llmcmp.folds.engines.policy import EngineError, Tuning
from llmcmp.folds.states import kept

MIB = 2**20
ENGINES = tuple(POLICIES)

# llama.cpp prints "size = N MiB (... cells, ... layers, .../... seqs), K (f16): ..., V (f16): ..." for each cache.
#   hexagon: docs/backend/hexagon/README.md of ggml-org/llama.cpp, gpt-oss-20b, -c 8192 -ub 128 -ctk q8_0 -ctv q8_0
#   iswa: the formula that its author gives in ggml-org/llama.cpp pull request 21277; 814 = 640 + 174
#   4090: Qwen3-4B, six lengths; K-only: Llama-3.2-3B, -c 4096, keys in every format (b8247)
#   cann: gpt-oss-120b's 12 ... layers at 131,072 cells, of the non-windowed half: 3,072 MiB for 12 layers of 8 x 64
LLAMA_CPP = [
    ("gemma3-4b", 32768, "fp16", "fp16", {}, 640 + 174),
    ("gpt-oss-20b", 8192, "q8_0", "q8_0", {"ubatch": 128}, 102 + 3.1875),
    ("gpt-oss-20b", 131072, "fp16", "fp16", {}, 3072 + 18),
    ("qwen3-4b", 1024, "fp16", "fp16", {}, 144),
    ("qwen3-4b", 4096, "fp16", "fp16", {}, 576),
    ("qwen3-4b", 40960, "fp16", "fp16", {}, 5760),
    ("qwen3-8b", 40960, "fp16", "fp16", {}, 5760),
    ("qwen3-14b", 16384, "fp16", "fp16", {}, 2560),
    ("qwen2.5-3b", 16384, "fp16", "fp16", {}, 576),
    ("llama3.2-3b", 4096, "fp16", "fp16", {}, 448),
    ("llama3.2-3b", 4096, "bf16", "bf16", {}, 448),
    ("llama3.2-3b", 4096, "q8_0", "fp16", {}, 343),
    ("llama3.2-3b", 4096, "q4_0", "fp16", {}, 287),
    ("llama3.2-3b", 4096, "q4_1", "fp16", {}, 294),
    ("llama3.2-3b", 4096, "q5_0", "fp16", {}, 301),
    ("mistral-7b", 4096, "fp16", "fp16", {}, 512),
]


@pytest.mark.parametrize(("name", "ctx", "keys", "values", "told", "mebibytes"), LLAMA_CPP)
def test_llama_cpp_reserves_what_it_prints(
    name: str, ctx: int, keys: str, values: str, told: dict[str, int], mebibytes: float
) -> None:
    cache = llmcmp.kvcache(
        llmcmp.load(name), ctx, dtype=keys, value_dtype=values, engine="llama.cpp", tuning=Tuning(**told)
    )
    assert cache.bytes == mebibytes * MIB


def test_llama_cpp_keeps_a_latent_as_keys_alone() -> None:
    """Its log of a model of 6 layers of 512 + 64: "54.00 MiB (4096 cells, 6 layers, 2/2 seqs), K: 54.00, V: 0.00"."""
    latent = {**LATENT, "kv_rank": 512, "rope_dim": 64}
    model = tiny(KINDS["latent"], attention=latent, stack=[{"layers": 6}])
    assert llmcmp.kvcache(model, 4096, 2, engine="llama.cpp").bytes == 54 * MIB
    assert llmcmp.kvcache(model, 32768, dtype="q8_0", engine="llama.cpp").bytes == 6 * 32768 * 576 // 32 * 34


def test_llama_cpp_keeps_recurrent_slots_in_fp32() -> None:
    """Its log of 24 gated delta nets of 16 / 32 heads of 128, kernel 4: "R (f32): 2.25 MiB, S (f32): 48.00 MiB"."""
    mixer = {**MIXERS["delta"], "key_heads": 16, "value_heads": 32, "key_dim": 128, "value_dim": 128}
    model = tiny(KINDS["delta"], mixer=mixer, stack=[{"layers": 24}])
    cache = llmcmp.kvcache(model, 8192, engine="llama.cpp", dtype="q8_0")
    assert cache.components == {"recurrent state": 48 * MIB, "convolution tail": 9 * MIB // 4}
    four = llmcmp.kvcache(model, 8192, 4, engine="llama.cpp", dtype="q8_0")
    assert four.bytes == 201 * MIB  # "size = 201.00 MiB (4 cells, 32 layers, 4 seqs)"


# Gemma 3 270M as llama.cpp splits -c among -np: 18 layers, 3 of them full, 1 KV head of 256: 36 KiB a cell in all.
def test_llama_cpp_pads_every_sequence_to_256_cells() -> None:
    model = tiny(attention={"kind": "multi-head", "heads": 4, "kv_heads": 1, "head_dim": 256}, stack=[{"layers": 18}])
    cells = [reservation(model, ctx, batch, engine="llama.cpp").parts[0].rows for ctx, batch in ((341, 3), (256, 4))]
    assert cells == [1536, 1024]  # -c 1024 -np 3 and -np 4: 27.0 MiB and 18.0 MiB
    assert reservation(model, 341, 3, engine="llama.cpp").bytes == 27 * MIB


def test_llama_cpp_windows_hold_the_window_and_a_batch() -> None:
    """The log says "4608 = 4 x 1024 + 512": a unified buffer holds the windows of all sequences."""
    model = llmcmp.load("gemma3-4b")

    def windowed(ctx: int, batch: int, **told: int) -> int:
        parts = reservation(model, ctx, batch, engine="llama.cpp", tuning=Tuning(**told)).parts
        return next(part.rows for part in parts if part.name.endswith("windowed"))

    assert windowed(2048, 4, unified=True) == 4608
    assert windowed(4096, 2) == 2 * 1536
    assert windowed(4096, 2, ubatch=256) == 2 * 1280
    assert windowed(512, 1) == 512
    full = llmcmp.kvcache(model, 32768, engine="llama.cpp", tuning=Tuning(swa_full=True))
    assert full.bytes == 34 * 32768 * 2 * 4 * 256 * 2


def test_llama_cpp_keeps_windows_in_every_layer_in_full() -> None:
    """Its loaders of such models read no window, or drop it ("Phi SWA is currently disabled", pull request 13676)."""
    for name, row in (("mistral-7b", 32 * 2 * 8 * 128), ("phi-3-mini", 32 * 2 * 32 * 96)):
        cache = llmcmp.kvcache(llmcmp.load(name), 8192, engine="llama.cpp")
        assert cache.bytes == 8192 * row * 2 > cache.needed
        assert "windows in every layer are kept in full" in cache.notes


def test_llama_cpp_refuses_heads_that_its_blocks_do_not_divide() -> None:
    """The log says "K cache type q8_0 with block size 32 does not divide n_embd_head_k=80"."""
    with pytest.raises(EngineError, match="q8_0 needs heads of a multiple of 32; its keys have 80"):
        llmcmp.kvcache(llmcmp.load("phi-2"), 2048, dtype="q8_0", engine="llama.cpp")


# vLLM prints the blocks that it makes of the memory it has, and how many requests of a length they hold.
def test_vllm_holds_as_many_requests_as_it_prints() -> None:
    """gemma-3-27b-it: "Add 8 padding layers", 89,994 blocks, "Maximum concurrency for 4,096 tokens ...: 50.05x"."""
    block = 10 * 16 * 2 * 16 * 128 * 2  # 10 layers of a group x tokens x keys and values x heads x bf16
    cache = llmcmp.kvcache(llmcmp.load("gemma3-27b"), 4096, engine="vllm")
    assert cache.bytes % block == 0 and round(89994 / (cache.bytes // block), 2) == 50.05
    assert "7 groups of 10 layers, 8 of them empty" in cache.notes


@pytest.mark.parametrize(
    ("name", "blocks", "ctx", "requests"),
    # Llama 3.1 8B on a 3090: 1,952 blocks of 16 tokens (vllm issue 10517), 1.56 requests of 20,000.
    [("llama3.1-8b", 1952, 20000, 1.56), ("llama3.1-8b", 1478, 29000, 0.82)],
)
def test_vllm_counts_whole_blocks(name: str, blocks: int, ctx: int, requests: float) -> None:
    layers, page = 32, 16 * 2 * 8 * 128 * 2
    cache = llmcmp.kvcache(llmcmp.load(name), ctx, engine="vllm")
    assert round(blocks * layers * page / cache.bytes, 2) == requests


@pytest.mark.parametrize(
    ("name", "ctx", "gibibytes"),
    # "To serve at least one request with the model's max seq len (40960), (5.62 GiB KV cache is needed ...".
    [("qwen3-8b", 40960, 5.62), ("llama3.1-8b", 131072, 16.0)],
)
def test_vllm_needs_what_its_refusal_says(name: str, ctx: int, gibibytes: float) -> None:
    assert round(llmcmp.kvcache(llmcmp.load(name), ctx, engine="vllm").bytes / 2**30 - 0.001, 2) == gibibytes


@pytest.mark.parametrize(
    ("windowed", "full", "groups"),
    [(12, 13, "2 groups of 13 layers, 1 of them"), (3, 4, "3 groups of 3 layers, 2 of them")],
)
def test_vllm_pads_kinds_that_are_almost_as_many_to_the_larger(windowed: int, full: int, groups: str) -> None:
    """Its own example: 12 windowed and 13 full layers are two groups of 13. Far apart, the smaller counts."""
    attention = KINDS["dense"]["attention"]
    blocks = [{"attention": "near"}] * windowed + [{"attention": "far"}] * full
    model = tiny(
        attention={"near": {**attention, "window": 5}, "far": attention},
        stack=[{"layers": windowed + full, "blocks": blocks}],
    )
    notes = reservation(model, 100, engine="vllm").notes
    assert any(note.startswith(groups) for note in notes), notes


@pytest.mark.parametrize("tp", [1, 2])
def test_vllm_grows_blocks_until_a_page_holds_a_state(tp: int) -> None:
    """Qwen3-Next (v0.10.2, two devices): "Setting attention block size to 544 tokens", "Padding ... by 1.49%"."""
    made = reservation(llmcmp.load("qwen3-next-80b-a3b"), 262144, engine="vllm", tuning=Tuning(tp=tp))
    assert "blocks of 544 tokens" in made.notes
    pages = {part.name: part.row_bits // 8 for part in made.parts}
    assert len(set(pages.values())) == 1
    state = (32 * 128 * 128 + (2 * 16 * 128 + 32 * 128) * 3) * 2 // tp
    assert f"{100 * (pages['recurrent state and tail'] - state) / state:.2f}" == "1.49"


def test_vllm_gives_every_device_a_head() -> None:
    """Eight KV heads on sixteen devices stand twice: all hold as much as the last split left."""
    model = llmcmp.load("llama3-70b")
    sizes = {tp: llmcmp.kvcache(model, 4096, engine="vllm", tuning=Tuning(tp=tp)).bytes for tp in (1, 4, 8, 16)}
    assert sizes[1] == 4 * sizes[4] == 8 * sizes[8]
    assert sizes[16] == sizes[8]
    latent = {
        tp: llmcmp.kvcache(llmcmp.load("deepseek-v3"), 4096, engine="vllm", tuning=Tuning(tp=tp)) for tp in (1, 8)
    }
    assert latent[1].bytes == latent[8].bytes  # a latent is no head: every device keeps it whole


def test_transformers_keeps_one_less_than_a_window_unless_static() -> None:
    model = llmcmp.load("mistral-7b")
    row = 32 * 2 * 8 * 128 * 2
    assert llmcmp.kvcache(model, 10000, engine="transformers").bytes == 4095 * row
    assert llmcmp.kvcache(model, 10000, engine="transformers", tuning=Tuning(static=True)).bytes == 4096 * row
    assert llmcmp.kvcache(model, 100, engine="transformers", tuning=Tuning(static=True)).bytes == 100 * row


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_reservation_never_shrinks(engine: str, kind: str) -> None:
    model = tiny(KINDS[kind])
    try:
        sizes = [
            llmcmp.kvcache(model, ctx, batch, engine=engine).bytes for batch in (1, 2, 3) for ctx in range(1, 700, 37)
        ]
    except EngineError:
        return
    by_batch = [sizes[start : start + 19] for start in (0, 19, 38)]
    assert all(row == sorted(row) for row in by_batch)
    assert all(list(column) == sorted(column) for column in zip(*by_batch, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_preset_is_held_or_refused_with_a_reason(engine: str) -> None:
    held = 0
    for model in disclosed():
        try:
            cache = llmcmp.kvcache(model, 5000, 3, engine=engine)
        except EngineError as error:
            assert str(error).startswith(f"{engine} refuses {model.name}: ")
            continue
        assert sum(cache.components.values()) == cache.bytes
        held += 1
        recurrent = any(state.dtype for _, state in kept(model))
        # Windows of w - 1, states in bf16 and pages of 16 tokens apart, an engine keeps what is needed, or more.
        if engine == "llama.cpp" or (engine == "vllm" and not recurrent):
            assert cache.bytes >= cache.needed
    assert held > 120


@pytest.mark.parametrize("kind", ["dense", "mixture", "latent"])
def test_without_padding_engines_keep_what_is_needed(kind: str) -> None:
    model = tiny(KINDS[kind])
    for engine in ENGINES:
        assert llmcmp.kvcache(model, 512, 3, engine=engine).bytes == llmcmp.kvcache(model, 512, 3).bytes


@pytest.mark.parametrize(
    ("engine", "document"),
    [
        ("llama.cpp", ENCODER_DECODER),
        ("vllm", ENCODER_DECODER),
        ("llama.cpp", KINDS["prefix"]),
        ("vllm", KINDS["prefix"]),
        ("transformers", KINDS["prefix"]),
        *((engine, KINDS["segment"]) for engine in ENGINES),
        ("vllm", {**HYBRID, "attention": {"full": LATENT}}),
    ],
)
def test_what_an_engine_cannot_hold_is_refused(engine: str, document: dict[str, object]) -> None:
    with pytest.raises(EngineError, match=f"{engine} refuses tiny: "):
        llmcmp.kvcache(tiny(document), 100, engine=engine)


def test_a_model_whose_code_keeps_another_cache_is_refused() -> None:
    for name in ("falcon-40b", "gpt1"):
        with pytest.raises(EngineError, match="its code"):
            llmcmp.kvcache(llmcmp.load(name), 100, engine="transformers")
        assert llmcmp.kvcache(llmcmp.load(name), 100, engine="vllm").bytes > 0


def test_heads_that_devices_cannot_share_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot split its heads"):
        llmcmp.kvcache(llmcmp.load("gpt2"), 100, engine="vllm", tuning=Tuning(tp=8))


@pytest.mark.parametrize(
    ("engine", "wrong", "message"),
    [
        ("llama.cpp", {"tuning": Tuning(tp=2)}, "has no tp"),
        ("vllm", {"tuning": Tuning(swa_full=True)}, "has no swa_full"),
        ("ideal", {"tuning": Tuning(ubatch=1)}, "mean nothing"),
        ("vllm", {"dtype": "q8_0"}, "keeps no cache in q8_0"),
        ("transformers", {"dtype": "int4-g64"}, "keeps no cache in int4-g64"),
        ("llama.cpp", {"batch": 257}, "at most 256"),
        ("vllm", {"ctx": [1, 2]}, "one number"),
        ("vllm", {"ctx": 0}, "at least 1"),
    ],
)
def test_what_an_engine_does_not_know_is_refused(engine: str, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(QuantityError, match=message):
        llmcmp.kvcache(**{"model": tiny(), "ctx": 10, "engine": engine} | wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_policy_says_where_its_rules_were_read(engine: str) -> None:
    rules = policy(engine)
    assert rules.name == engine and rules.version and rules.files and rules.repository.startswith("https://github.com/")
