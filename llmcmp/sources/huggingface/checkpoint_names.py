"""How released checkpoints call what the classes of transformers hold: experts one by one, roots left out or added.

transformers reads these names and holds its own; both stand in files.
"""

from __future__ import annotations

from llmcmp.sources.huggingface import decoder_names as d
from llmcmp.sources.huggingface.names import NAMES
from llmcmp.sources.huggingface.targets import Fused, Names, under

_GATED: Names = {f"{name}_proj": f"feed_forward.experts.{name}" for name in ("gate", "up", "down")}
_NUMBERED: Names = {
    "w1": "feed_forward.experts.gate",
    "w2": "feed_forward.experts.down",
    "w3": "feed_forward.experts.up",
}

# Experts that are modules of their own, and what stands beside them.
EXPERTS: Names = (
    under("model.layers.*.mlp.experts.#.", "layers.*.", _GATED)
    | under("model.layers.*.feed_forward.experts.#.", "layers.*.", _GATED)
    | under("model.layers.*.block_sparse_moe.experts.#.", "layers.*.", _NUMBERED)
    | {
        "model.layers.*.block_sparse_moe.gate": "layers.*.feed_forward.router",
        "model.layers.*.block_sparse_moe.e_score_correction_bias": "layers.*.feed_forward.router.correction",
    }
)

# (as files begin, as the tables do)
ROOTS: tuple[tuple[str, str], ...] = (
    ("", "model."),
    ("", "transformer."),
    ("", "gpt_neox."),
    ("", "model.decoder."),
    ("decoder.", "model.decoder."),
    ("bert.", ""),
    ("roberta.", ""),
    ("albert.", ""),
    ("model.language_model.", "model."),
    ("language_model.", ""),
    ("language_model.", "model."),
)

# What programs compute anew: frequencies, masks, numbers of positions.
COMPUTED = (
    r".*\.(inv_freq|original_inv_freq|position_ids|masked_bias|act_fn\.(beta|eps))|"
    r"(transformer\.)?h\.\d+\.attn\.bias|.*\.attention\.bias"
)

# Modules that are no part of the text model: towers of images and sounds with what joins them, heads of
# pre-training, modules for further tokens.
BESIDE = (
    r"(model\.)?(vision_tower|vision_model|visual|vision_embed_tokens|audio_tower|audio_model|embed_vision|embed_audio|"
    r"multi_modal_projector|multimodal_projector|mm_projector|image_newline|connector|patch_merger)(\..*)?|"
    r"cls\..*|mtp\..*|model\.mtp\..*"
)

# Classes whose tensors are called as LLaMA's, with those of a layer that are not.
PLAIN: Names = {"mlp.c_fc": "feed_forward.up", "mlp.c_proj": "feed_forward.down"}
SHARED_NORM: Names = {"input_layernorm": "norm"}
OUTPUT_NORMS: Names = {
    "post_attention_layernorm": "attention_output_norm",
    "post_feedforward_layernorm": "feed_forward_output_norm",
}

MAMBA = d.gpt(
    "backbone",
    {"embeddings": "embedding", "norm_f": "norm"},
    under(
        "layers.*.",
        "",
        {
            "norm": "mixer_norm",
            "mixer.in_proj": Fused(names=("mixer.value", "mixer.gate")),
            "mixer.conv1d": "mixer.conv",
            "mixer.x_proj": Fused(names=("mixer.step_down", "mixer.key", "mixer.query")),
            "mixer.dt_proj": "mixer.step_up",
            "mixer.A_log": "mixer.decay_log",
            "mixer.D": "mixer.skip",
            "mixer.out_proj": "mixer.output",
        },
    ),
)

MORE: dict[str, Names] = {
    "ArceeForCausalLM": d.llama(),
    "ApertusForCausalLM": d.llama(
        {
            "attention_layernorm": "attention_norm",
            "feedforward_layernorm": "feed_forward_norm",
            "mlp.act_fn.alpha_p": "feed_forward.activation_above",
            "mlp.act_fn.alpha_n": "feed_forward.activation_below",
        }
    ),
    "CohereForCausalLM": d.llama(SHARED_NORM),
    "Cohere2ForCausalLM": d.llama(SHARED_NORM),
    "CwmForCausalLM": d.llama(),
    "Ernie4_5ForCausalLM": d.llama(),
    "Exaone4ForCausalLM": d.llama(OUTPUT_NORMS),
    "GraniteForCausalLM": d.llama(),
    "GraniteSWAForCausalLM": d.llama({"self_attn.sinks": "attention.sinks"}),
    "HeliumForCausalLM": d.llama(),
    "HYV3ForCausalLM": d.llama(d.EXPERTS, {"mlp.e_score_correction_bias": "feed_forward.router.correction"}),
    "HunYuanDenseV1ForCausalLM": d.llama(
        {"self_attn.query_layernorm": "attention.query_norm", "self_attn.key_layernorm": "attention.key_norm"}
    ),
    "InternLM3ForCausalLM": d.llama(),
    "Jais2ForCausalLM": d.llama(),
    "MinistralForCausalLM": d.llama(),
    "Ministral3ForCausalLM": d.llama(),
    "NemotronForCausalLM": d.llama(),
    "OlmoForCausalLM": d.llama(),
    "Olmo3ForCausalLM": d.llama(OUTPUT_NORMS),
    "OlmoeForCausalLM": d.llama(d.EXPERTS),
    "SeedOssForCausalLM": d.llama(),
    "SmolLM3ForCausalLM": d.llama(),
    "Starcoder2ForCausalLM": d.llama(PLAIN),
    "VaultGemmaForCausalLM": d.llama({"pre_feedforward_layernorm": "feed_forward_norm"}),
    "Dots1ForCausalLM": d.llama(d.EXPERTS),
    "Ernie4_5_MoeForCausalLM": d.llama(
        d.EXPERTS, {"mlp.gate.moe_statics.e_score_correction_bias": "feed_forward.router.correction"}
    ),
    "ExaoneMoeForCausalLM": d.llama(d.EXPERTS),
    "Glm4MoeLiteForCausalLM": d.llama(d.LATENT, d.EXPERTS),
    "MellumForCausalLM": d.llama(d.EXPERTS),
    "MiniMaxM2ForCausalLM": d.llama(d.EXPERTS, {"mlp.e_score_correction_bias": "feed_forward.router.correction"}),
    "MiMoV2FlashForCausalLM": d.llama(d.EXPERTS, {"self_attn.sinks": "attention.sinks"}),
    "PhimoeForCausalLM": d.llama(d.EXPERTS, {"mlp.router": "feed_forward.router"}),
    "SolarOpenForCausalLM": d.llama(d.EXPERTS),
    "YoutuForCausalLM": d.llama(d.LATENT),
    "FlexOlmoForCausalLM": d.llama(d.EXPERTS, OUTPUT_NORMS),
    "MambaForCausalLM": MAMBA,
    "FalconMambaForCausalLM": MAMBA,
    "Gemma3ForConditionalGeneration": d.llama(d.SANDWICH),
    "Mistral3ForConditionalGeneration": d.llama(),
    "LlavaForConditionalGeneration": d.llama(),
    "Llama4ForConditionalGeneration": d.llama(d.LLAMA4),
}


def names_of(cls: str) -> Names | None:
    """The names of a class in files and in transformers; None where they are not known."""
    table = NAMES.get(cls) or MORE.get(cls)
    return None if table is None else EXPERTS | table
