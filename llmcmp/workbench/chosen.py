"""The models that are selected, in the order of their selection, and what else was opened beside the presets.

A model is known here by its name; what was typed to open it is kept, so that it can be opened again at the next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.errors import LlmcmpError
from llmcmp.sources.names import preset_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmcmp.model import Model


class Chosen:
    """Names of the selected models, and what each stands for."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.references: dict[str, str] = {}
        self.opened: dict[str, Model] = {}

    def toggle(self, *names: str) -> None:
        """Select models; if all of them are, leave them out."""
        if all(name in self.names for name in names):
            self.names = tuple(each for each in self.names if each not in names)
        else:
            self.names = tuple(dict.fromkeys((*self.names, *names)))

    def add(self, model: Model, reference: str | None = None, *, after: str | None = None) -> None:
        """Select a model that was opened, under what was typed for it; a model of that name gives way to it.

        It stands behind the model `after`, if that is selected, else last.
        """
        if model.name not in preset_files() or reference != model.name:
            self.opened[model.name] = model
            if reference is not None:
                self.references[model.name] = reference
        if model.name not in self.names:
            place = self.names.index(after) + 1 if after in self.names else len(self.names)
            self.names = (*self.names[:place], model.name, *self.names[place:])

    def models(self, names: Iterable[str]) -> tuple[Model, ...]:
        """The models of some names. Raises LlmcmpError."""
        from llmcmp.sources.presets import load

        return tuple(self.opened[name] if name in self.opened else load(name) for name in names)

    def saved(self) -> tuple[str, ...]:
        """What to open at the next start; an edited model that was never saved is not in it."""
        known = (self.references.get(name, None if name in self.opened else name) for name in self.names)
        return tuple(reference for reference in known if reference is not None)


def open_all(references: Iterable[str]) -> tuple[list[tuple[Model, str]], list[str]]:
    """The models of some references with them, and one line for each that cannot be opened."""
    from llmcmp.sources.presets import load_all

    opened: list[tuple[Model, str]] = []
    wrong: list[str] = []
    for reference in references:
        try:
            models = load_all([reference])
        except LlmcmpError as error:
            wrong.append(str(error))
        else:
            opened += [(model, reference if len(models) == 1 else model.name) for model in models]
    return opened, wrong
