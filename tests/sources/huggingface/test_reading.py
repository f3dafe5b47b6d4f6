"""A config.json is a model, exactly; what is not understood in it is an error that names it, and never costs much."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

import llmcmp
from llmcmp.errors import ConfigError, LlmcmpError, UnknownModelError
from llmcmp.sources.huggingface.reading.json_file import LARGEST_FILE
from llmcmp.sources.huggingface.reading.types import REFUSED, TYPES

DATA = Path(__file__).parents[2] / "data" / "configs"
# Parameters as transformers 5.23 counts them on the meta device; of models with other towers, those of the text model.
COUNTS: dict[str, int] = json.loads((DATA / "counts.json").read_text())

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 77,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
}


def written(tmp_path: Path, **keys: Any) -> Path:
    """A folder with a small config, some keys changed; None leaves one out."""
    found = {name: value for name, value in (LLAMA | keys).items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps(found))
    return tmp_path


def load(tmp_path: Path, **keys: Any) -> llmcmp.Model:
    return llmcmp.load(str(written(tmp_path, **keys)))


def refused(tmp_path: Path, **keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **keys)
    message = str(caught.value)
    assert "\n" not in message and "config.json" in message
    return message


@pytest.mark.parametrize("name", COUNTS)
def test_a_released_config_has_the_parameters_that_transformers_counts(name: str) -> None:
    assert llmcmp.params(llmcmp.load(str(DATA / f"{name}.json"))).total == COUNTS[name]


def test_a_folder_and_its_config_are_one_model(tmp_path: Path) -> None:
    folder = written(tmp_path)
    model = llmcmp.load(str(folder))
    assert model == llmcmp.load(str(folder / "config.json")) == llmcmp.load(folder)
    assert model.name == tmp_path.name
    assert llmcmp.params(model).total == 2 * 77 * 24 + 3 * (24 * (24 + 8 + 8 + 24) + 3 * 24 * 40 + 48) + 24
    assert model.card.sources[0].url == str(folder / "config.json")


def test_overrides_follow_a_colon(tmp_path: Path) -> None:
    folder = written(tmp_path)
    wider = llmcmp.load(f"{folder}:kv_heads=3,layers=5")
    assert wider.tower.depth == 5
    assert llmcmp.kvcache(wider, 7).elements == 7 * 5 * 2 * 3 * 8


def test_a_key_that_changes_the_structure_and_is_not_understood_is_named(tmp_path: Path) -> None:
    assert "num_shared_layers" in refused(tmp_path, num_shared_layers=2)
    assert "num_shared_layers" not in str(load(tmp_path, num_shared_layers=None))


def test_a_harmless_key_and_one_that_says_what_the_type_says_anyway_change_nothing(tmp_path: Path) -> None:
    plain = load(tmp_path)
    assert (
        load(tmp_path, attention_dropout=0.1, torch_dtype="bfloat16", mlp_bias=False, head_dim=8).towers == plain.towers
    )


def test_either_name_of_a_key_is_read_and_two_that_disagree_are_not(tmp_path: Path) -> None:
    keys: dict[str, Any] = dict.fromkeys(LLAMA) | {"model_type": "gpt2", "n_layer": 3, "vocab_size": 77}
    by_own = load(tmp_path, **keys, n_embd=24, n_head=3)
    assert load(tmp_path, **keys | {"hidden_size": 24, "num_attention_heads": 3}).towers == by_own.towers
    assert "two values" in refused(tmp_path, **keys | {"hidden_size": 48, "num_attention_heads": 3}, n_embd=24)


def test_an_unknown_model_type_is_an_error_with_what_was_meant(tmp_path: Path) -> None:
    assert "did you mean qwen3_moe" in refused(tmp_path, model_type="qwen3moe")
    assert "model_type: is missing" in refused(tmp_path, model_type=None)


@pytest.mark.parametrize("model_type", REFUSED)
def test_a_type_that_cannot_be_read_yet_says_what_is_missing(model_type: str, tmp_path: Path) -> None:
    assert REFUSED[model_type] in refused(tmp_path, model_type=model_type)


def test_the_text_model_of_a_config_with_towers_is_read_and_says_so(tmp_path: Path) -> None:
    text = {name: value for name, value in LLAMA.items() if value is not None}
    config = {"model_type": "llava", "text_config": text, "vision_config": {"hidden_size": 7}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = llmcmp.load(tmp_path)
    assert model.name.endswith("(text)")
    assert "not counted vision" in model.card.notes[0]
    assert model.towers == load(tmp_path).towers


def test_a_quantised_config_says_that_bytes_are_not_the_files(tmp_path: Path) -> None:
    model = load(tmp_path, quantization_config={"quant_method": "gptq", "bits": 4})
    assert "gptq" in model.card.notes[0]
    assert model.card.quantised == "gptq"
    assert model.towers == load(tmp_path).towers


def test_a_head_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert "another head" in refused(tmp_path, architectures=["LlamaForSequenceClassification"])


@pytest.mark.parametrize("key", [name for name in LLAMA if name != "model_type"])
@pytest.mark.parametrize("value", [-1, 0, 1.5, "8", True, [8], 10**30])
def test_a_size_that_is_none_is_an_error_that_names_its_key(key: str, value: Any, tmp_path: Path) -> None:
    assert key in refused(tmp_path, **{key: value})


@pytest.mark.parametrize("key", ["hidden_act", "rope_parameters", "rms_norm_eps", "tie_word_embeddings", "head_dim"])
@pytest.mark.parametrize("value", [-1, "no", [1], {"rope_type": "no"}, {"rope_theta": "no"}])
def test_any_other_value_is_read_or_refused_in_one_line(key: str, value: Any, tmp_path: Path) -> None:
    try:
        load(tmp_path, **{key: value})
    except LlmcmpError as error:
        assert "\n" not in str(error)


HOSTILE = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "twice": b'{"model_type": "llama", "model_type": "gpt2"}',
    "not UTF-8": b'{"model_type": "\xff\xfe"}',
    "not JSON": b"model_type: llama",
    "a list": b"[1, 2]",
    "empty": b"",
    "cut off": b'{"model_type": "llama", "hidden',
    "a long number": b'{"model_type": "llama", "hidden_size": ' + b"9" * 100_000 + b"}",
    "large": b" " * (LARGEST_FILE + 1),
    "layers": json.dumps(LLAMA | {"num_hidden_layers": 10**9}).encode(),
    "zero": b'{"model_type": "llama\\u0000"}',
    "nan": b'{"model_type": "llama", "rms_norm_eps": NaN}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_line_within_a_second(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(LlmcmpError) as caught:
        llmcmp.load(str(path))
    assert time.perf_counter() - start < 1
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_path_that_leads_nowhere_is_unknown(tmp_path: Path) -> None:
    for name in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UnknownModelError):
            llmcmp.load(str(name))


def test_no_reader_is_left_without_defaults_or_a_source_of_them() -> None:
    from llmcmp.sources.huggingface.reading.keys import defaults
    from llmcmp.sources.huggingface.reading.legacy import DEFAULTS, SAME

    assert TYPES.keys() == defaults().keys() | DEFAULTS.keys() | SAME.keys()


ANYTHING: tuple[Any, ...] = (
    None, 0, -1, 1, 3, 64, 1.5, True, False, "", "x", "auto", [], [1], ["x"], [None], {}, {"a": 1}, 10**9, 10**13,
    float("inf"), float("nan"), {"rope_type": "yarn"}, {"type": "linear", "factor": "x"}, {"full_attention": 1},
    ["full_attention"] * 32, [[["global"], 10**9]], {"kv_n_heads": 0}, {"rope_theta": -1},
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_whatever_stands_in_a_key_it_is_read_or_refused_at_once(seed: int) -> None:
    from llmcmp.sources.build import build
    from llmcmp.sources.huggingface.reading.keys import defaults
    from llmcmp.sources.huggingface.reading.legacy import DEFAULTS
    from llmcmp.sources.huggingface.reading.read import document

    rng, known = random.Random(seed), defaults() | DEFAULTS
    for _ in range(40):
        model_type = rng.choice(sorted(known))
        names = [name for name in known[model_type] if not name.startswith("@")]
        names += ["rope_scaling", "rope_theta", "architectures", "layer_types", "text_config", "decoder_layers"]
        keys = {name: rng.choice(ANYTHING) for name in rng.sample(names, rng.choice((1, 2, 3)))}
        start = time.perf_counter()
        try:
            build(document({"model_type": model_type} | keys, "any"), "config.json")
        except LlmcmpError as error:
            assert "\n" not in str(error)
        assert time.perf_counter() - start < 1, keys
