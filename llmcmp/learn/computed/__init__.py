"""Examples that are no comparison of a model with itself: tables of their own, one function a kind of question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Table

COMPUTED: dict[str, Callable[[Term, Sequence[Model]], Table]] = {}
