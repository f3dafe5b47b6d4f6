"""The keys of one config, each read by name and remembered: what nobody has read in the end is an error.

A key that the file leaves out has the default of its model type (defaults.json), and nothing else; one that has no
default there is missing. Model types know some keys by two names (`hidden_size` is GPT-2's `n_embd`): either may stand
in a file.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from llmcmp.errors import ConfigError
from llmcmp.sources.binding import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 10**12  # of any whole number in a config; far more than a dimension of this world
MOST_LAYERS = 10_000

# Keys that say nothing about what is stored or computed: how the model was trained, filled with its first values or
# written to disk, which tokens are special, how text is generated, which implementation runs. All regular expressions.
HARMLESS = re.compile(
    "|".join(
        (
            r"_.*|architectures|model_type|auto_map|transformers_version|torch_dtype|dtype|torchscript|use_cache",
            r"(.*_)?dropout(_.*)?|.*_?pdrop|.*layerdrop|dropout_p|drop_path.*|router_jitter_noise|input_jitter_noise",
            r"(.*_)?(token|eod)_(id|ids|index)|eos_ids|unk_index|mask_index|lang_id|task_specific_params|.*_tokens",
            r"initializer_.*|.*_?init_std|init_.*|embed_init_std|.*_init_scheme|.*_init_floor|w_init_variance_scale",
            r"embedding_initializer_range|initializer|rescale_prenorm_residual|weight_init.*|emb_init.*|fan_in_.*",
            r"output_.*|return_dict.*|problem_type|id2label|label2id|finetuning_task|num_labels|chunk_size_feed_forward",
            r"classifier_.*|summary_.*|.*aux_loss.*|.*z_loss.*|aux_alpha|seq_aux|router_.*_loss.*|pretraining_tp",
            r"max_length|min_length|do_sample|early_stopping|num_beams|num_beam_groups|temperature|top_k|top_p",
            r"typical_p|repetition_penalty|length_penalty|no_repeat_ngram_size|encoder_no_repeat_ngram_size",
            r"bad_words_ids|num_return_sequences|diversity_penalty|remove_invalid_values|exponential_decay_.*",
            r"suppress_.*|begin_suppress_.*|forced_.*|prefix|sep_.*_id|use_bfloat16|tf_legacy_loss|pruned_heads",
            r"attn_implementation|.*flash_attn.*|.*flash_attention.*|use_(mamba_kernels|mambapy|associative_scan)",
            r"use_mem_eff_path|fp32|bf16|fp16|use_triton.*|softmax_in_fp32|attention_softmax_in_fp32|residual_in_fp32",
            r"seq_aux|mamba_ssm_dtype|initial_context_length|mscale.*|quantize_config|gradient_checkpointing|ep_size|tokenizer_class|language|languages|kernel_options",
            r"save_step|slow_but_exact|fused_.*|use_dynamic_ntk|use_logn_attn|scale_attn_weights",
            r"onnx_safe|interleaved_kv|quantization_bit|pre_seq_len|prefix_projection|apply_query_key_layer_scaling",
            r"attention_softmax_in_fp32|scale_attention_softmax_in_fp32|reorder_and_upcast_attn|num_logits_to_keep",
            r"mamba_ssm_cache_dtype|mamba_chunk_size|chunk_size|time_step_(min|max|floor|limit|scale)",
            r"seed|init_device|verbose|model_max_length|tokenizer_.*|inference_.*|max_inference_chunksize|rescale_every",
            r"use_cache_quantization|use_cache_kernel|is_encoder_decoder",
            r"for_llm_compressor|mtp_use_dedicated_embeddings|decoder_start_token_id|logits_to_keep|moe_implementation|experts_implementation",
            r"unsloth_.*|label_smoothing|hidden_dropout_prob|cls_.*|kv_cache_dtype|sequence_parallel.*",
        )
    )
)

# Keys that change values and neither a tensor's shape nor a product: factors, limits, caps of scores.
VALUES = frozenset(
    """embedding_multiplier residual_multiplier attention_multiplier logits_scaling logit_scale scale_emb scale_depth
    dim_model_base lm_head_multiplier mlp_multipliers key_multiplier attention_out_multiplier attention_in_multiplier
    ssm_multipliers ssm_in_multiplier ssm_out_multiplier query_pre_attn_scalar swiglu_limit swiglu_alpha
    routed_scaling_factor route_scale moe_routed_scaling_factor router_scaling_factor mup_enabled embedding_scale
    full_attn_alpha_factor full_attn_beta_factor linear_attn_alpha_factor linear_attn_beta_factor mlp_alpha_factor
    mlp_beta_factor attention_value_scale altup_coef_clip lambda_std_dev rope_interleave
    indexer_rope_interleave clip_qkv
    scale_attn_by_inverse_layer_idx mm_tokens_per_image kda_lower_bound kda_safe_gate linear_allow_neg_eigval
    linear_a_log_min linear_a_log_max linear_dt_min linear_dt_max linear_dt_init_floor attention_probs_clip
    qk_l2_clip_threshold rel_l2_clip_threshold mlp_gate_softcap mlp_up_softcap moe_router_logit_softcapping
    gate_soft_cap output_logit_soft_cap topk_method scoring_func norm_topk_prob n_group topk_group
    expert_selection_fn moe_norm_min mtp_loss_scaling_factor
    hc_eps hc_sinkhorn_iters rms_norm_eps_moe_gate activation_sparsity_pattern
    logits_mup_width_multiplier hc_magnitude learnable_sink_init""".split()
)


@cache
def defaults() -> dict[str, dict[str, Any]]:
    """For each model type: the defaults of its keys, and under "@aliases" which other names they have."""
    return cast("dict[str, dict[str, Any]]", json.loads((Path(__file__).parent / "defaults.json").read_text("utf-8")))


class Keys:
    """A config of one model type. Readers ask for keys; `finish` refuses what nobody asked for."""

    def __init__(
        self,
        config: Mapping[str, object],
        model_type: str,
        file: str,
        inside: str = "",
        known: dict[str, Any] | None = None,
    ) -> None:
        self.model_type, self.file, self.inside = model_type, file, inside
        known = defaults().get(model_type, {}) if known is None else known
        self.aliases: Mapping[str, str] = known.get("@aliases", MappingProxyType({}))
        self.defaults: Mapping[str, object] = known
        self.config = self._unaliased(config)
        self.used: set[str] = set()
        self.notes: list[str] = []
        named = config.get("architectures")
        first = cast("list[object]", named)[0] if isinstance(named, list) and named else None
        self.class_name = first if isinstance(first, str) else ""

    def _unaliased(self, config: Mapping[str, object]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in config.items():
            own = self.aliases.get(name, name)
            if own in found and found[own] != value:
                raise self.error(f"stands under two names with two values: {found[own]!r} and {value!r}", own)
            found[own] = value
        return found

    def error(self, message: str, key: str = "") -> ConfigError:
        """A ConfigError that names file and key."""
        where = f"{self.inside}.{key}" if self.inside and key else key or self.inside
        return ConfigError(f"{self.file}: {where + ': ' if where else ''}{message}")

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise for a value that is understood and cannot be computed with."""
        raise self.error(why, key)

    def given(self, name: str) -> bool:
        """Whether the file itself has the key, with a value."""
        return self.config.get(self.aliases.get(name, name)) is not None

    def value(self, *names: str, default: object = ...) -> Any:
        """The value of the first of several names that the file has, or of the first that has a default."""
        names = tuple(self.aliases.get(name, name) for name in names)
        self.used.update(names)
        for name in names:
            if name in self.config:
                return self.config[name]
        for name in names:
            if name in self.defaults:
                return self.defaults[name]
        if default is ...:
            known = [key for key in self.config if not HARMLESS.fullmatch(key)]
            hint = f", and model type {self.model_type} has no default of it" if self.defaults else ""
            raise self.error(f"is missing{hint}{closest(names[0], known) if known else ''}", names[0])
        return default

    # Checked kinds of values

    def whole(self, *names: str, default: object = ..., least: int = 1) -> int:
        """A whole number from `least` on."""
        value = self.value(*names, default=default)
        if type(value) is not int or not least <= value <= LARGEST:
            raise self.error(f"must be a whole number from {least} to {LARGEST:.0e}, not {_shown(value)}", names[0])
        return value

    def whole_or(self, *names: str, otherwise: int | None, least: int = 1) -> int | None:
        """A whole number, or `otherwise` where it is null or left out."""
        if self.value(*names, default=None) is None:
            return otherwise
        return self.whole(*names, least=least)

    def size(self, *names: str, otherwise: int) -> int:
        """A size, or `otherwise` where it is null or left out."""
        found = self.whole_or(*names, otherwise=otherwise)
        assert found is not None
        return found

    def flag(self, *names: str, default: object = ...) -> bool:
        """true or false."""
        value = self.value(*names, default=default)
        if type(value) is not bool:
            raise self.error(f"must be true or false, not {_shown(value)}", names[0])
        return value

    def number(self, *names: str, default: object = ...) -> float:
        """A number greater than 0."""
        value = self.value(*names, default=default)
        if type(value) not in (int, float) or not 0 < value <= LARGEST:
            raise self.error(f"must be a number greater than 0, not {_shown(value)}", names[0])
        return float(value)

    def text(self, *names: str, default: object = ...) -> str:
        """A text."""
        value = self.value(*names, default=default)
        if not isinstance(value, str):
            raise self.error(f"must be a text, not {_shown(value)}", names[0])
        return value

    def table(self, *names: str) -> dict[str, object]:
        """An object; empty where it is null or left out."""
        value = self.value(*names, default=None)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(f"must be an object, not {_shown(value)}", names[0])
        return cast("dict[str, object]", value)

    def texts(self, name: str, length: int | None = None) -> list[str] | None:
        """A list of texts, one a layer where `length` says so; None where it is null or left out."""
        return cast("list[str] | None", self._list(name, str, length))

    def wholes(self, name: str, length: int | None = None) -> list[int] | None:
        """A list of whole numbers from 0 on."""
        found = cast("list[int] | None", self._list(name, int, length))
        if found is not None and any(not 0 <= number <= LARGEST for number in found):
            raise self.error("must hold whole numbers from 0 on", name)
        return found

    def numbers(self, name: str, length: int) -> list[float] | None:
        """A list of numbers from 0 on, null being 0; one a layer."""
        value: Any = self.value(name, default=None)
        if value is None:
            return None
        given = cast("list[Any]", value) if isinstance(value, list) else list[Any]()
        found = [0 if item is None else item for item in given]
        if len(found) != length or any(type(item) not in (int, float) or not 0 <= item <= LARGEST for item in found):
            raise self.error(f"must be a list of {length} numbers from 0 on, not {_shown(found)}", name)
        return [float(item) for item in found]

    def _list(self, name: str, kind: type, length: int | None) -> list[Any] | None:
        value: Any = self.value(name, default=None)
        if value is None:
            return None
        found = cast("list[Any]", value) if isinstance(value, list) else list[Any]([None])
        if any(type(item) is not kind for item in found):
            kinds = {str: "texts", int: "whole numbers"}[kind]
            raise self.error(f"must be a list of {kinds}, not {_shown(found)}", name)
        if length is not None and len(found) != length:
            raise self.error(f"must have one entry for each of {length} layers, not {len(found)}", name)
        return found

    def expect(self, name: str, *allowed: object, why: str) -> None:
        """Refuse any other value of a key than those that the reader was written for."""
        value = self.value(name, default=None)
        if value not in allowed:
            self.refuse(name, f"{_shown(value)} is not understood: {why}")

    # Sizes that nearly every reader asks for

    @property
    def hidden(self) -> int:
        return self.whole("hidden_size")

    @property
    def layers(self) -> int:
        return self.depth("num_hidden_layers")

    def depth(self, name: str) -> int:
        """A number of layers, each of which is listed."""
        return self.few(self.whole(name), name)

    def few(self, layers: int, name: str) -> int:
        """A number of layers that can be listed one by one."""
        if layers > MOST_LAYERS:
            raise self.error(f"must be at most {MOST_LAYERS} layers, not {layers}", name)
        return layers

    @property
    def heads(self) -> int:
        return self.whole("num_attention_heads")

    # The end

    def ignore(self, *names: str) -> None:
        """Keys that this model type has and does not use."""
        self.used.update(self.aliases.get(name, name) for name in names)

    def finish(self) -> list[str]:
        """The keys that changed values only. Raises ConfigError for a key that nobody has read.

        A key that has the default of its type changes nothing: the reader is written for it.
        """
        left = [name for name in self.config if name not in self.used and not HARMLESS.fullmatch(name)]
        left = [name for name in left if self.config[name] is not None]
        values = [name for name in left if name in VALUES]
        unread = [name for name in left if name not in VALUES and not self._is_default(name)]
        if unread:
            names = ", ".join(name[:60] for name in unread[:5]) + (" ..." if len(unread) > 5 else "")
            raise self.error(
                f"not understood, and it may change the structure: {names} (model type {self.model_type}); "
                "remove what you know to be harmless, or write a preset (presets/README.md)"
            )
        return [name for name in values if not self._is_default(name)]

    def _is_default(self, name: str) -> bool:
        return name in self.defaults and self.defaults[name] == self.config[name]


def _shown(value: object) -> str:
    """A value as an error prints it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
