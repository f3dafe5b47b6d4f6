"""The app: its tabs, its themes, its command palette, and what it remembers. What is on the screen is main.py's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.binding import Binding

from llmcmp.errors import OutputError
from llmcmp.workbench import state
from llmcmp.workbench.main import Main
from llmcmp.workbench.tab import Tab
from llmcmp.workbench.themes import THEMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.screen import Screen

# The tabs, in their order.
TABS = tuple(Tab(module=name) for name in ("compare", "blocks", "parameters", "compute", "cache", "measure", "learn"))


class Workbench(App[None]):
    """The workbench on some models, or on those of the last session."""

    TITLE = "llmcmp"
    CSS_PATH = Path(__file__).parent / "app.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (36, "-high")]  # noqa: RUF012

    def __init__(self, models: Iterable[str] = (), state_path: Path | None = None) -> None:
        super().__init__()
        self.state_path = state_path or state.default_path()
        self.state, self._problem = state.load(self.state_path)
        self._models, self._told = tuple(models), False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.state.theme if self.state.theme in self.available_themes else THEMES[0].name

    def get_default_screen(self) -> Screen[Any]:
        return Main(TABS, self.state, self._models)

    @property
    def main(self) -> Main:
        """The screen below all dialogs."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Main)
        return screen

    def on_mount(self) -> None:
        if self._problem is not None:
            self.notify(self._problem, severity="warning", markup=False)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's commands, and every key of the screen."""
        yield from super().get_system_commands(screen)  # pyright: ignore[reportUnknownMemberType]
        for binding in Main.BINDINGS:
            if isinstance(binding, Binding) and not binding.action.startswith(("app.", "tab(")):
                run = lambda action=binding.action: self.call_next(self.main.run_action, action)  # noqa: E731
                yield SystemCommand(binding.description, binding.tooltip, run)
        for number, tab in enumerate(TABS, start=1):
            yield SystemCommand(
                f"Tab {tab.title}", f"Open it, as the key {number} does", lambda n=number: self.main.action_tab(n)
            )

    def on_main_changed(self, event: Main.Changed) -> None:
        self._save(event.state)

    def _save(self, now: state.State) -> None:
        """Save the state; a failure is said once."""
        self.state = now
        try:
            state.save(now, self.state_path)
        except (OSError, OutputError) as error:
            if not self._told:
                self.notify(f"the session is not saved: {error}", severity="warning", markup=False)
            self._told = True

    async def action_quit(self) -> None:
        self._save(self.main.now())
        self.exit()


def run(models: tuple[str, ...] = ()) -> None:
    """Open the workbench on some models, or on those of the last session; leave with its exit code."""
    app = Workbench(models)
    app.run()
    sys.exit(app.return_code or 0)
