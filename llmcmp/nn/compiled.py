"""A decode step through torch.compile: one program a model instead of some hundred calls a token.

Positions stay numbers that may change, so one compilation serves all steps; products of one token become loops that
fuse with their neighbours. What is guarded at every call is the tokens and the cache: a twin is not changed while it
decodes.
"""

# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (torch leaves some methods of tensors untyped.)
from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from llmcmp.nn.generate import Step
    from llmcmp.nn.tower import Twin


def missing_compiler(device: str) -> str | None:
    """Why nothing can be compiled here; None where it can."""
    if device != "cpu":
        return None
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "no C++ compiler was found, so the decode step is not compiled; install g++ or clang"
    return None


def compiled_step(twin: Twin) -> Step:
    """The twin's decode step, compiled when it is first called; on GPU captured as a CUDA graph where that can be."""
    cuda = next(twin.parameters()).device.type == "cuda"
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_guard_on_all_nn_modules_unsafe,
        "triton.cudagraphs": cuda,
    }
    return cast("Step", torch.compile(twin.step, dynamic=True, fullgraph=True, options=options))
