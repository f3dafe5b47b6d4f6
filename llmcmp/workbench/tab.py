"""A tab before it is opened: its name, and the view that is imported when it is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from llmcmp.workbench.view import View


@frozen
class Tab:
    """`module` lies in llmcmp.workbench.views and is the tab's key, too; `view` is the View in it."""

    module: str
    view: str
    title: str

    def load(self) -> type[View]:
        """The view's class."""
        return getattr(import_module(f"llmcmp.workbench.views.{self.module}"), self.view)
