"""`llmcmp workbench [MODEL...]`, and `llmcmp` alone in a terminal."""

from __future__ import annotations

import sys

from llmcmp.cli.options import OptionalModelsArg
from llmcmp.errors import LlmcmpError


def run(models: OptionalModelsArg = None) -> None:
    """Open the workbench: every table and figure on one screen, for the models and settings of the moment.

    It opens on the given models, or where the last session ended. `?` shows every key. `llmcmp` alone in a terminal
    opens it too.

    Examples:

      llmcmp workbench

      llmcmp workbench llama3-8b qwen3-8b deepseek-v3

      llmcmp workbench 'gemma/*' llama3-8b:kv_heads=32
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LlmcmpError("the workbench needs a terminal; its tables as text: llmcmp --help")
    from llmcmp.cli.progress import settle
    from llmcmp.workbench.app import run as open_workbench

    settle()
    open_workbench(tuple(models or ()))
