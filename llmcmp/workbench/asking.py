"""What the screen asks in a dialog, and what it does with the answer. A dialog is imported when it is first asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from llmcmp.workbench import catalogue
from llmcmp.workbench.background import app_of, aside
from llmcmp.workbench.library import Library, Search
from llmcmp.workbench.lines import Lines
from llmcmp.workbench.model_list import ModelList
from llmcmp.workbench.run_bar import Choice, Number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from llmcmp.model import Model
    from llmcmp.sources.editing import Field
    from llmcmp.tables.table import Row
    from llmcmp.workbench.dialogs.what_if import Edit
    from llmcmp.workbench.main import Main


def filters(main: Main) -> None:
    """Ask by what to filter the list, and filter it."""
    from llmcmp.workbench.dialogs.filters import FilterDialog

    library = main.query_one(Library)

    def answered(chosen: catalogue.Filter | None) -> None:
        if chosen is None:
            return

        def show(rows: dict[str, Row]) -> None:
            library.filter(chosen, rows.keys() if chosen.asked() else None)

        aside(main, lambda: catalogue.facts(chosen), show, main.wrong, "filters")

    def ask(offered: catalogue.Choices) -> None:
        app_of(main).push_screen(FilterDialog(library.filters, offered), answered)

    aside(main, catalogue.choices, ask, main.wrong, "filters")


def reference(main: Main) -> None:
    """Ask what to open, and select it."""
    from llmcmp.workbench.dialogs.open import OpenDialog

    def opened(answer: tuple[str, tuple[Model, ...]] | None) -> None:
        typed, models = answer or ("", ())
        for model in models:
            main.add(model, typed if len(models) == 1 else model.name)

    app_of(main).push_screen(OpenDialog(), opened)


def what_if(main: Main) -> None:
    """Ask what to change in the model at the cursor of the list, else in the baseline or the first selected."""
    from llmcmp.workbench.dialogs.what_if import WhatIf, opened

    listed = main.query_one(ModelList)
    under = listed.entry.model if listed.has_focus and listed.entry else None
    name = next((each for each in (under, main.selection.baseline, *main.chosen.names) if each), None)
    if name is None:
        main.wrong("select a model to edit")
        return

    def ask(answer: tuple[Model, tuple[Field, ...]]) -> None:
        app_of(main).push_screen(WhatIf(*answer, main.selection), lambda edit: _edited(main, answer[0], edit))

    aside(main, lambda: opened(main.chosen.models((name,))[0]), ask, main.wrong, "what if")


def _edited(main: Main, model: Model, edit: Edit | None) -> None:
    """Show an edited model beside the one that it is made of, which becomes the baseline."""
    if edit is None:
        return
    if edit.saved:
        main.query_one(Library).look()
        main.learn_presets()
    if model.name not in main.chosen.names:
        main.chosen.toggle(model.name)
    made_of = edit.reference(main.chosen.references.get(model.name, model.name))
    main.chosen.add(edit.model, made_of, after=model.name)
    main.choose(model.name)
    main.query_one(ModelList).point_at(edit.model.name)


def export(main: Main) -> None:
    """Ask for a file, and write what the tab shows to it."""
    from llmcmp.workbench.dialogs.export import ExportDialog

    table = main.view.table()
    if table is None:
        main.notify("there is nothing to export yet: select a model", severity="warning")
        return

    def wrote(path: Path | None) -> None:
        if path is not None:
            main.notify(f"wrote {path}", markup=False)

    app_of(main).push_screen(ExportDialog(table, main.view.key), wrote)


def keys(main: Main) -> None:
    """Show every key."""
    from llmcmp.workbench.dialogs.keys import KeysDialog

    app_of(main).push_screen(KeysDialog(_keys(main)))


def _keys(main: Main) -> list[tuple[str, Iterable[BindingType]]]:
    """Every key by where it works."""
    from llmcmp.workbench.table_view import TableView

    tabs = [Binding(str(number), "", tooltip=f"The tab {tab.title}") for number, tab in enumerate(main.tabs, start=1)]
    everywhere = [each for each in main.BINDINGS if not (isinstance(each, Binding) and each.action.startswith("tab("))]
    views = [(f"In {tab.title}", own) for tab in main.tabs if (own := tab.load().BINDINGS)]
    palette = Binding("ctrl+p", "", tooltip="Every command and theme by name")
    return [
        ("Everywhere", [*everywhere, palette]),
        ("Tabs", tabs),
        ("In the list of models", ModelList.BINDINGS),
        ("In lists and tables", Lines.BINDINGS),
        ("In tables", TableView.BINDINGS),
        *views,
        ("In the search box", Search.BINDINGS),
        ("In a number", Number.BINDINGS),
        ("In a choice", Choice.BINDINGS),
    ]
