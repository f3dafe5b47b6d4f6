"""The public names of the package, gathered once."""

from llmcmp.errors import LlmcmpError
from llmcmp.folds.budget import longest_context, most_sequences
from llmcmp.folds.cache import Cache, kvcache
from llmcmp.folds.engines.policy import Tuning
from llmcmp.folds.flops import Flops, flops
from llmcmp.folds.memory import Memory, memory, weight_bytes
from llmcmp.folds.params import Params, params
from llmcmp.folds.traffic import Traffic, traffic
from llmcmp.model import Model
from llmcmp.ops import Plan
from llmcmp.sources.presets import load, models
from llmcmp.tables.compare import compare
from llmcmp.tables.table import Table

__all__ = [
    "Cache",
    "Flops",
    "LlmcmpError",
    "Memory",
    "Model",
    "Params",
    "Plan",
    "Table",
    "Traffic",
    "Tuning",
    "compare",
    "flops",
    "kvcache",
    "load",
    "longest_context",
    "memory",
    "models",
    "most_sequences",
    "params",
    "traffic",
    "weight_bytes",
]
