"""The app: models on the left, views in tabs, settings below. It holds the Selection and tells views of its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App
from textual.reactive import reactive
from textual.widgets import Footer, TabbedContent, TabPane

from llmcmp.workbench.selection import Selection
from llmcmp.workbench.views.compare import CompareView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from llmcmp.workbench.view import View

# The tabs, in their order.
VIEWS: tuple[type[View], ...] = (CompareView,)


class Workbench(App[None]):
    """The whole screen."""

    selection: reactive[Selection] = reactive(Selection)

    def compose(self) -> ComposeResult:
        with TabbedContent():
            for view in VIEWS:
                yield TabPane(view.title, id=view.key)
        yield Footer()

    def watch_selection(self) -> None:
        self._show()

    def on_tabbed_content_tab_activated(self) -> None:
        self._show()

    def _show(self) -> None:
        """Let the visible view follow; it is made when its tab is first opened."""
        pane = self.query_one(TabbedContent).active_pane
        if pane is None:
            return
        kind = next(view for view in VIEWS if view.key == pane.id)
        for view in pane.query(kind):
            view.show(self.selection)
        if not pane.children:
            pane.mount(kind())
            self.call_after_refresh(self._show)


def run(models: tuple[str, ...] = ()) -> None:
    """Open the workbench on some models."""
    from llmcmp.sources.presets import load_all

    app = Workbench()
    app.set_reactive(Workbench.selection, Selection(models=load_all(models)))
    app.run()
