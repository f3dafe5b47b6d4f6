"""The screen: models on the left, views in tabs, settings below. It holds the Selection, and views follow it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from llmcmp.frozen import replace
from llmcmp.workbench import asking, catalogue
from llmcmp.workbench.background import app_of, aside
from llmcmp.workbench.bars import KeyBar, TabBar
from llmcmp.workbench.chosen import Chosen, open_all
from llmcmp.workbench.library import Library
from llmcmp.workbench.main_keys import KEYS
from llmcmp.workbench.model_list import ModelList
from llmcmp.workbench.run_bar import Choice, Number, RunBar, Setting
from llmcmp.workbench.selection import Selection
from llmcmp.workbench.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from llmcmp.model import Model
    from llmcmp.workbench.state import State
    from llmcmp.workbench.tab import Tab

REMEMBER_AFTER = 0.5  # seconds from a change until it is saved


class Main(Screen[None]):
    """Everything but the dialogs."""

    BINDINGS: ClassVar[list[BindingType]] = KEYS

    class Changed(Message):
        """What is to be remembered has changed."""

        def __init__(self, state: State) -> None:
            super().__init__()
            self.state = state

    selection: reactive[Selection] = reactive(Selection, init=False)

    def __init__(self, tabs: tuple[Tab, ...], state: State, models: tuple[str, ...]) -> None:
        super().__init__()
        self.tabs, self.state = tabs, state
        self.chosen, self._wanted = Chosen(), models or state.models
        self._remembering = False
        settings = ("context", "batch", "dtype", "weights", "phase")
        self.set_reactive(Main.selection, Selection(**{name: getattr(state, name) for name in settings}))

    def compose(self) -> ComposeResult:
        tabs = tuple((tab.module, tab.title) for tab in self.tabs)
        first = self.state.tab if self.state.tab in dict(tabs) else tabs[0][0]
        yield TabBar(tabs, first, id="tabs")
        with Horizontal(id="body"):
            library = Library(id="library")
            library.set_class(not self.state.library, "-hidden")
            yield library
            yield Container(id="views")
        yield RunBar(self.selection, id="run")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(ModelList).focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first paint: what is known of the presets, and the last session's models."""
        gc.freeze()  # what is loaded stays; cycles that come from here on are collected, which a command does without
        gc.enable()
        self.show_view()
        app_of(self).theme_changed_signal.subscribe(self, lambda _: self._remember())
        if self._wanted:
            self._open(self._wanted, self.state.baseline)
        self.learn_presets()

    def learn_presets(self) -> None:
        """Tell the list what is known of the presets that there are now."""
        aside(self, lambda: catalogue.facts(catalogue.Filter()), self.query_one(Library).know, self.wrong, "facts")

    # What is selected.

    def _open(self, references: Iterable[str], baseline: str | None = None) -> None:
        """Load models in a thread and select them; what cannot be opened is said and left out."""

        def done(answer: tuple[list[tuple[Model, str]], list[str]]) -> None:
            for line in answer[1]:
                self.wrong(line)
            for model, reference in answer[0]:
                self.chosen.add(model, reference)
            self.choose(self.selection.baseline or baseline)

        aside(self, lambda: open_all(references), done, self.wrong, "open")

    def add(self, model: Model, reference: str | None = None) -> None:
        """Select a model that was opened or made here."""
        self.chosen.add(model, reference)
        self.choose(self.selection.baseline)
        self.query_one(ModelList).point_at(model.name)

    def on_view_opened(self, event: View.Opened) -> None:
        self.add(event.model)

    def on_model_list_toggled(self, event: ModelList.Toggled) -> None:
        self.chosen.toggle(*event.models)
        self.choose(self.selection.baseline)

    def on_model_list_based(self, event: ModelList.Based) -> None:
        self.base_on(event.model)

    def on_view_based(self, event: View.Based) -> None:
        self.base_on(event.model)

    def base_on(self, name: str) -> None:
        """Make a model the baseline, selecting it if need be; if it is, there is none."""
        if name not in self.chosen.names:
            self.chosen.toggle(name)
        self.choose(None if name == self.selection.baseline else name)

    def choose(self, baseline: str | None) -> None:
        """The selected names changed: mark them, and load them in a thread."""
        names = self.chosen.names
        baseline = baseline if baseline in names else None
        self.query_one(Library).mark(names, baseline, tuple(self.chosen.opened))

        def done(models: tuple[Model, ...]) -> None:
            self.query_one(Library).know(catalogue.told(self.chosen.opened.values()))
            known = next((model for model in models if model.name == baseline and model.disclosed), None)
            self.selection = replace(self.selection, models=models, baseline=known and known.name)

        aside(self, lambda: self.chosen.models(names), done, self.wrong, "choose")

    def on_setting(self, event: Setting) -> None:
        if event.name == "budget":
            return
        self.selection = replace(self.selection, **{event.name: event.value})

    def watch_selection(self, selection: Selection) -> None:
        for bar in self.query(RunBar):
            bar.put(selection)
        self.show_view()
        self._remember()

    # What is shown.

    def on_tab_bar_activated(self) -> None:
        self.show_view()
        self._remember()

    @property
    def view(self) -> View:
        """The view on the screen, made when its tab is first opened."""
        active = self.query_one(TabBar).active
        return next(view for view in self.query(View) if view.key == active)

    def show_view(self) -> None:
        """Let the visible view follow; it is made when its tab is first opened."""
        active, place = self.query_one(TabBar).active, self.query_one("#views")
        for view in place.query(View):
            view.display = view.key == active
        if all(view.key != active for view in place.query(View)):
            self.call_next(self._make, next(tab for tab in self.tabs if tab.module == active))
        elif self.view.is_mounted:
            self.refresh_bindings()  # each tab has keys of its own
            self.view.show(self.selection)

    async def _make(self, tab: Tab) -> None:
        if all(view.key != tab.module for view in self.query(View)):
            view = tab.load()()
            view.remembered(self.state)
            await self.query_one("#views").mount(view)
        self.show_view()

    # What keys do.

    def action_tab(self, number: int) -> None:
        if number <= len(self.tabs):
            self.query_one(TabBar).active = self.tabs[number - 1].module

    def action_search(self) -> None:
        self._library(True)
        self.query_one("#search").focus()

    def action_models(self) -> None:
        """To the list, and there to all of it."""
        if self.query_one(ModelList).has_focus:
            self.query_one(Library).find_all()
        self._library(True)
        self.query_one(ModelList).focus()

    def action_library(self) -> None:
        shown = self.query_one(Library).has_class("-hidden")
        self._library(shown)
        if shown:
            self.query_one(ModelList).focus()
        else:
            self.view.focus_content()
        self._remember()

    def _library(self, shown: bool) -> None:
        self.query_one(Library).set_class(not shown, "-hidden")

    def action_clear(self) -> None:
        self.chosen.names = ()
        self.choose(None)

    def action_context(self, longer: bool) -> None:
        self.query_one("#run-context", Number).action_step(longer)

    def action_edit(self, name: str) -> None:
        self.query_one(f"#run-{name}").focus()

    def action_turn(self, name: str) -> None:
        self.query_one(f"#run-{name}", Choice).action_turn(1)

    def action_view(self, what: str) -> None:
        self.view.press(what)
        self._remember()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What belongs to one tab is a key there alone."""
        if action != "view" or not self.is_mounted:
            return True
        return any(
            view.key == self.query_one(TabBar).active and parameters[0] in view.keys for view in self.query(View)
        )

    def wrong(self, line: str) -> None:
        """Say what is wrong."""
        self.notify(line, severity="error", markup=False)

    def action_filter(self) -> None:
        asking.filters(self)

    def action_open(self) -> None:
        asking.reference(self)

    def action_what_if(self) -> None:
        asking.what_if(self)

    def action_export(self) -> None:
        asking.export(self)

    def action_copy(self) -> None:
        from llmcmp.tables.text import markdown_table

        table = self.view.table()
        if table is None:
            self.notify("there is nothing to copy yet: select a model", severity="warning")
            return
        app_of(self).copy_to_clipboard(markdown_table(table))
        self.notify(f"copied {len(table.rows)} row{'' if len(table.rows) == 1 else 's'} as Markdown")

    def action_help(self) -> None:
        asking.keys(self)

    # What is remembered.

    def _remember(self) -> None:
        """Save the state once changes pause."""
        if not self._remembering:
            self._remembering = True
            self.set_timer(REMEMBER_AFTER, self.remember)

    def remember(self) -> None:
        """Tell the app what to save."""
        self._remembering = False
        self.post_message(self.Changed(self.now()))

    def now(self) -> State:
        """What to remember."""
        now = self.selection
        settings = {name: getattr(now, name) for name in ("baseline", "context", "batch", "dtype", "weights", "phase")}
        kept = {name: value for view in self.query(View) for name, value in view.kept().items()}
        self.state = replace(
            self.state,
            **settings,
            **kept,
            models=self.chosen.saved(),
            tab=self.query_one(TabBar).active,
            theme=app_of(self).theme,
            library=not self.query_one(Library).has_class("-hidden"),
        )
        return self.state
