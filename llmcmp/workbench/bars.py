"""The tabs above and the keys below, each one widget: Textual's own are dozens, and that is most of a first paint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from llmcmp.workbench.background import app_of
from llmcmp.workbench.look import Looks

if TYPE_CHECKING:
    from textual import events
    from textual.signal import Signal

LIST = 40  # columns of the list of models below the brand, where there is room for it
ROOMY = 118
KEPT = ("help", "app.quit")  # keys that are always shown


class TabBar(Looks, can_focus=True):
    """The names of the tabs, the active one underlined."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous tab", id="tabs.previous", show=False, tooltip="The tab to the left"),
        Binding("right", "step(1)", "Next tab", id="tabs.next", show=False, tooltip="The tab to the right"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tabbar--{part}" for part in ("brand", "tab", "active", "rule", "hover")}
    DEFAULT_CSS = """
    TabBar {
        height: 2; background: $panel;
        & > .tabbar--brand { color: $accent; text-style: bold; }
        & > .tabbar--tab { color: $foreground 60%; }
        & > .tabbar--hover { color: $foreground; }
        & > .tabbar--active { color: $primary; text-style: bold; }
        & > .tabbar--rule { color: $foreground 18%; }
        &:focus > .tabbar--active { color: $primary; background: $primary 25%; text-style: bold; }
    }
    """
    active: reactive[str] = reactive("", init=False)
    hovered: reactive[str] = reactive("")

    class Activated(Message):
        """Another tab was opened."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, tabs: tuple[tuple[str, str], ...], active: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = tabs
        self.set_reactive(TabBar.active, active)

    def watch_active(self, key: str) -> None:
        self.post_message(self.Activated(key))

    def spans(self) -> list[tuple[str, int, int]]:
        """(key, first column, column after the last) of each tab."""
        start = LIST if self.size.width >= ROOMY else 0
        spans: list[tuple[str, int, int]] = []
        for number, (key, title) in enumerate(self.tabs, start=1):
            end = start + len(f" {number} {title} ")
            spans.append((key, start, end))
            start = end
        return spans

    def render_line(self, y: int) -> Strip:
        base, spans = self.rich_style, self.spans()
        return self._names(base, spans) if y == 0 else self._rule(base, spans)

    def _names(self, base: Style, spans: list[tuple[str, int, int]]) -> Strip:
        before = spans[0][1] if spans else 0
        segments = [Segment(" llmcmp".ljust(before), base + self.style("brand"))] if before else []
        for number, (key, title) in enumerate(self.tabs, start=1):
            part = "active" if key == self.active else "hover" if key == self.hovered else "tab"
            segments.append(Segment(f" {number} {title} ", base + self.style(part)))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _rule(self, base: Style, spans: list[tuple[str, int, int]]) -> Strip:
        """A line below the names, bright below the active one."""
        rule, bright = base + self.style("rule"), base + Style(color=self.style("active").color)
        start, end = next(((start, end) for key, start, end in spans if key == self.active), (0, 0))
        after = max(0, self.size.width - end)
        return Strip([Segment("━" * start, rule), Segment("━" * (end - start), bright), Segment("━" * after, rule)])

    def _under(self, x: int) -> str:
        return next((key for key, start, end in self.spans() if start <= x < end), "")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = self._under(event.x)

    def on_leave(self) -> None:
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        self.active = self._under(event.x) or self.active

    def action_step(self, step: int) -> None:
        keys = [key for key, _ in self.tabs]
        self.active = keys[(keys.index(self.active) + step) % len(keys)]


class KeyBar(Looks):
    """The keys that work where the focus is, as far as there is room; a click presses one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keybar--key", "keybar--hover"}
    DEFAULT_CSS = """
    KeyBar {
        height: 1; background: $surface; color: $foreground 80%;
        & > .keybar--key { color: $accent; text-style: bold; }
        & > .keybar--hover { background: $foreground 10%; }
    }
    """
    hovered: reactive[str] = reactive("")

    def on_mount(self) -> None:
        changed = cast("Signal[Any]", self.screen.bindings_updated_signal)  # pyright: ignore[reportUnknownMemberType]
        changed.subscribe(self, lambda _: self.refresh())  # pyright: ignore[reportUnknownLambdaType]

    def shown(self) -> list[tuple[str, str, str, int, int]]:
        """(key, its sign, what it does, first column, column after the last) of each key that is shown.

        Where not all fit, those at the end give way, but for the page of keys and the way out.
        """
        named = [binding for _, binding, enabled, _ in self.screen.active_bindings.values() if binding.show and enabled]
        words = [(each, app_of(self).get_key_display(each)) for each in named]
        widths = {each.action: len(sign) + len(each.description) + 3 for each, sign in words}
        for each in reversed(named):
            if sum(widths.values()) > self.size.width + 1 and each.action not in KEPT:
                del widths[each.action]
        found: list[tuple[str, str, str, int, int]] = []
        column = 0
        for each, sign in words:
            if each.action in widths:
                found.append((each.key, sign, each.description, column, column + widths[each.action]))
                column += widths[each.action]
        return found

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        segments: list[Segment] = []
        for key, sign, told, _, _ in self.shown():
            look = base + self.style("hover") if key == self.hovered else base
            segments += [Segment(f" {sign}", look + self.style("key")), Segment(f" {told} ", look)]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _under(self, x: int) -> str:
        return next((key for key, _, _, start, end in self.shown() if start <= x < end), "")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = self._under(event.x)

    def on_leave(self) -> None:
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        key = self._under(event.x)
        if key:
            app_of(self).simulate_key(key)
