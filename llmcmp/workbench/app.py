"""The app: models on the left, views in tabs, settings below. It holds the Selection and tells views of its changes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widgets import ContentSwitcher, Footer, Tab, Tabs

from llmcmp.frozen import replace
from llmcmp.workbench import catalogue, state
from llmcmp.workbench.chosen import Chosen, open_all
from llmcmp.workbench.library import Library
from llmcmp.workbench.model_list import ModelList
from llmcmp.workbench.run_bar import Number, RunBar, Setting
from llmcmp.workbench.selection import Selection
from llmcmp.workbench.themes import THEMES
from llmcmp.workbench.view import View
from llmcmp.workbench.views.cache import CacheView
from llmcmp.workbench.views.compare import CompareView
from llmcmp.workbench.views.compute import ComputeView
from llmcmp.workbench.views.parameters import ParametersView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.screen import Screen

    from llmcmp.model import Model

# The tabs, in their order.
VIEWS: tuple[type[View], ...] = (CompareView, ParametersView, ComputeView, CacheView)
REMEMBER_AFTER = 0.5  # seconds without a change


class Workbench(App[None]):
    """The whole screen."""

    TITLE = "llmcmp"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-low"), (36, "-high")]
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/", id="app.search", tooltip="Search models by name"),
        Binding("f", "filter", "Filter", id="app.filter", tooltip="Filter models by what they are"),
        Binding("o", "open", "Open", id="app.open", tooltip="Open a file, an id or a preset with changes"),
        Binding("x", "clear", "Clear", id="app.clear", show=False, tooltip="Select no model"),
        Binding("left_square_bracket", "context(False)", "Shorter", key_display="[", id="app.shorter", show=False,
                tooltip="Halve the context"),
        Binding("right_square_bracket", "context(True)", "Context ×2", key_display="]", id="app.longer", show=False,
                tooltip="Double the context"),
        Binding("c", "edit('context')", "Context", id="app.context", tooltip="Type a context"),
        Binding("n", "edit('batch')", "Batch", id="app.batch", show=False, tooltip="Type a number of sequences"),
        Binding("w", "turn('weights')", "Weights", id="app.weights", show=False, tooltip="Next dtype of the weights"),
        Binding("k", "turn('dtype')", "Cache dtype", id="app.dtype", show=False, tooltip="Next dtype of the cache"),
        Binding("p", "turn('phase')", "Phase", id="app.phase", show=False, tooltip="Prefill, decode or train"),
        Binding("e", "export", "Export", id="app.export", tooltip="Write what the tab shows to a file"),
        Binding("y", "copy", "Copy", id="app.copy", show=False, tooltip="Copy what the tab shows as Markdown"),
        Binding("l", "library", "Models", id="app.library", show=False, tooltip="Hide or show the list of models"),
        Binding("escape", "models", "To the models", id="app.models", show=False, tooltip="Back to the models"),
        Binding("question_mark", "help", "Keys", key_display="?", id="app.help", tooltip="Every key and what it does"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Leave; the next start finds everything as it was"),
        *(
            Binding(str(number), f"tab('{view.key}')", view.title, id=f"app.{view.key}", show=False,
                    tooltip=f"The tab {view.title}")
            for number, view in enumerate(VIEWS, start=1)
        ),
    ]  # fmt: skip

    selection: reactive[Selection] = reactive(Selection, init=False)

    def __init__(self, models: Iterable[str] = (), state_path: Path | None = None) -> None:
        super().__init__()
        self.state_path = state_path or state.default_path()
        self.state, self._problem = state.load(self.state_path)
        self.chosen, self._wanted = Chosen(), tuple(models) or self.state.models
        self._remembering = False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.state.theme if self.state.theme in self.available_themes else THEMES[0].name
        settings = ("context", "batch", "dtype", "weights", "phase")
        self.set_reactive(Workbench.selection, Selection(**{name: getattr(self.state, name) for name in settings}))

    def compose(self) -> ComposeResult:
        first = self.state.tab if self.state.tab in {view.key for view in VIEWS} else VIEWS[0].key
        yield Tabs(*(Tab(f"{n} {view.title}", id=view.key) for n, view in enumerate(VIEWS, 1)), active=first, id="tabs")
        with Horizontal(id="body"):
            library = Library(id="library")
            library.set_class(not self.state.library, "-hidden")
            yield library
            yield ContentSwitcher(id="views")
        yield RunBar(self.selection, id="run")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(ModelList).focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first paint: what is known of the presets, and the last session's models."""
        self.theme_changed_signal.subscribe(self, lambda _: self._remember())
        if self._problem is not None:
            self.notify(self._problem, severity="warning")
        if self._wanted:
            self._open(self._wanted, self.state.baseline)
        self.run_worker(self._know, thread=True, group="facts")

    def _know(self) -> None:
        rows = catalogue.facts(catalogue.Filter())
        self.call_from_thread(self.query_one(Library).know, rows)

    # What is selected.

    def _open(self, references: Iterable[str], baseline: str | None = None) -> None:
        """Load models in a thread and select them; what cannot be opened is said and left out."""

        def work() -> None:
            opened, wrong = open_all(references)
            self.call_from_thread(self._opened, opened, wrong, baseline)

        self.run_worker(work, thread=True, group="open")

    def _opened(self, opened: list[tuple[Model, str]], wrong: list[str], baseline: str | None) -> None:
        for line in wrong:
            self.notify(line, severity="error", markup=False)
        for model, reference in opened:
            self.chosen.add(model, reference)
        self._choose(self.selection.baseline or baseline)

    def add(self, model: Model, reference: str | None = None) -> None:
        """Select a model that was opened or made here."""
        self.chosen.add(model, reference)
        self._choose(self.selection.baseline)
        self.query_one(ModelList).point_at(model.name)

    def on_view_opened(self, event: View.Opened) -> None:
        self.add(event.model)

    def on_model_list_toggled(self, event: ModelList.Toggled) -> None:
        self.chosen.toggle(event.model)
        self._choose(self.selection.baseline)

    def on_model_list_based(self, event: ModelList.Based) -> None:
        self.base_on(event.model)

    def base_on(self, name: str) -> None:
        """Make a model the baseline, selecting it if need be; if it is, there is none."""
        if name not in self.chosen.names:
            self.chosen.toggle(name)
        self._choose(None if name == self.selection.baseline else name)

    def _choose(self, baseline: str | None) -> None:
        """The selected names changed: mark them, and load them in a thread."""
        names = self.chosen.names
        baseline = baseline if baseline in names else None
        self.query_one(Library).mark(names, baseline, tuple(self.chosen.opened))

        def work() -> None:
            models = self.chosen.models(names)
            self.call_from_thread(self._chosen, names, models, baseline)

        self.run_worker(work, thread=True, group="choose", exclusive=True)

    def _chosen(self, names: tuple[str, ...], models: tuple[Model, ...], baseline: str | None) -> None:
        if names == self.chosen.names:
            known = next((model for model in models if model.name == baseline and model.disclosed), None)
            self.selection = replace(self.selection, models=models, baseline=known and known.name)

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

    def on_tabs_tab_activated(self) -> None:
        self.show_view()
        self._remember()

    @property
    def view(self) -> View | None:
        """The view on the screen."""
        found = self.query_one("#views", ContentSwitcher).visible_content
        return found if isinstance(found, View) else None

    def show_view(self) -> None:
        """Let the visible view follow; it is made when its tab is first opened."""
        active = self.query_one("#tabs", Tabs).active
        switcher = self.query_one("#views", ContentSwitcher)
        found = switcher.query_children(f"#view-{active}").results(View)
        view = next(iter(found), None)
        if view is None:
            view = next(kind for kind in VIEWS if kind.key == active)(id=f"view-{active}")
            switcher.add_content(view, set_current=True)
            self.call_after_refresh(self.show_view)
            return
        switcher.current = view.id
        view.show(self.selection)

    # What keys do.

    def action_tab(self, key: str) -> None:
        self.query_one("#tabs", Tabs).active = key

    def action_search(self) -> None:
        self._library(True)
        self.query_one("#search").focus()

    def action_models(self) -> None:
        self._library(True)
        self.query_one(ModelList).focus()

    def action_library(self) -> None:
        shown = self.query_one(Library).has_class("-hidden")
        self._library(shown)
        if shown:
            self.query_one(ModelList).focus()
        elif self.view is not None:
            self.view.focus_content()
        self._remember()

    def _library(self, shown: bool) -> None:
        self.query_one(Library).set_class(not shown, "-hidden")

    def action_clear(self) -> None:
        self.chosen.names = ()
        self._choose(None)

    def action_context(self, longer: bool) -> None:
        self.query_one("#run Number[name=context]", Number).action_step(longer)

    def action_edit(self, name: str) -> None:
        self.query(Number).filter(f".{name}").first().focus()

    def action_turn(self, name: str) -> None:
        self.query_one(f"#run .{name}").action_turn(1)  # type: ignore[attr-defined]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's commands and every key of the app."""
        yield from super().get_system_commands(screen)
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.action != "quit":
                yield SystemCommand(binding.description, binding.tooltip, partial(self.run_action, binding.action))

    # What is remembered.

    def _remember(self) -> None:
        """Save the state once changes pause."""
        if not self._remembering and self.is_mounted:
            self._remembering = True
            self.set_timer(REMEMBER_AFTER, self.remember)

    def remember(self) -> None:
        """Save the state."""
        self._remembering = False
        now = self.selection
        settings = {name: getattr(now, name) for name in ("baseline", "context", "batch", "dtype", "weights", "phase")}
        self.state = replace(
            self.state,
            **settings,
            models=self.chosen.saved(),
            tab=self.query_one("#tabs", Tabs).active,
            theme=self.theme,
            library=not self.query_one(Library).has_class("-hidden"),
        )
        try:
            state.save(self.state, self.state_path)
        except OSError as error:
            self.notify(f"the session cannot be saved: {error.strerror}", severity="warning")


def run(models: tuple[str, ...] = ()) -> None:
    """Open the workbench on some models, or on those of the last session."""
    Workbench(models).run()
