"""llmcmp: what an LLM architecture is and what it costs, exactly.

>>> import llmcmp
>>> llmcmp.params(llmcmp.load("llama2-7b")).total
6738415616
"""

from llmcmp.errors import LlmcmpError
from llmcmp.folds.cache import Cache, kvcache
from llmcmp.folds.flops import Flops, flops
from llmcmp.folds.memory import Memory, memory, weight_bytes
from llmcmp.folds.params import Params, params
from llmcmp.folds.traffic import Traffic, traffic
from llmcmp.model import Model
from llmcmp.ops import Plan
from llmcmp.sources.presets import load, models
from llmcmp.tables.compare import compare
from llmcmp.tables.table import Table

__version__ = "0.1.0"
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
    "compare",
    "flops",
    "kvcache",
    "load",
    "memory",
    "models",
    "params",
    "traffic",
    "weight_bytes",
]
