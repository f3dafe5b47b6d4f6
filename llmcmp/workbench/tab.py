"""A tab before it is opened: its name, and the view that is imported when it is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from llmcmp.workbench.view import View


@frozen
class Tab:
    """`module` lies in llmcmp.workbench.views and is the key, too: "cache" is titled Cache; its view: CacheView."""

    module: str

    @property
    def title(self) -> str:
        """The label of the tab."""
        return self.module.capitalize()

    def load(self) -> type[View]:
        """The view's class."""
        return getattr(import_module(f"llmcmp.workbench.views.{self.module}"), f"{self.title}View")
