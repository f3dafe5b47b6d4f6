"""A list of lines with a cursor, drawn line by line: only what is on the screen costs anything.

Textual's own lists and tables lay out every row at every change; with all presets that takes longer than a key press
may. Subclasses say how many lines there are and how one looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from llmcmp.workbench.look import Looks

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events


class Lines(ScrollView, Looks, can_focus=True):  # pyright: ignore[reportIncompatibleMethodOverride]
    """Lines of text, one of which is under the cursor. The first `header` lines of the widget never scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="lines.up", show=False, tooltip="The line above"),
        Binding("down,j", "move(1)", "Down", id="lines.down", show=False, tooltip="The line below"),
        Binding("pageup", "page(-1)", "Page up", id="lines.page_up", show=False, tooltip="A screen up"),
        Binding("pagedown", "page(1)", "Page down", id="lines.page_down", show=False, tooltip="A screen down"),
        Binding("home,g", "move(-1000000)", "First", id="lines.first", show=False, tooltip="The first line"),
        Binding("end,G", "move(1000000)", "Last", id="lines.last", show=False, tooltip="The last line"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"lines--{part}" for part in ("cursor", "hover", "group", "head", "dim", "mark", "strong", "warning")
    }
    DEFAULT_CSS = """
    Lines {
        background: transparent;
        scrollbar-size: 1 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        scrollbar-background: $background;
        scrollbar-color: $foreground 20%;
        scrollbar-color-hover: $foreground 40%;
        scrollbar-background-hover: $background;
        & > .lines--cursor { background: $foreground 8%; }
        & > .lines--hover { background: $foreground 5%; }
        & > .lines--group { color: $text-secondary; text-style: bold; }
        & > .lines--head { color: $foreground; text-style: bold; }
        & > .lines--dim { color: $foreground 55%; }
        & > .lines--mark { color: $text-accent; text-style: bold; }
        & > .lines--strong { color: $text-primary; text-style: bold; }
        & > .lines--warning { color: $text-warning; }
        &:focus > .lines--cursor { background: $primary 30%; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    hovered: reactive[int] = reactive(-1, repaint=False)
    header: int = 0

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, lines: Lines, line: int) -> None:
            super().__init__()
            self.lines, self.line = lines, line

        @property
        def control(self) -> Lines:
            return self.lines

    class Chosen(Moved):
        """A line was clicked, at column `x` of the widget."""

        def __init__(self, lines: Lines, line: int, x: int) -> None:
            super().__init__(lines, line)
            self.x = x

    # Not abstract by abc: a widget has a metaclass of Textual's, which abc's cannot stand beside.
    def count(self) -> int:
        """How many lines there are below the header."""
        raise NotImplementedError

    def line(self, number: int, width: int, base: Style) -> Strip:
        """One line, over the style of its place; number -1 and below are the header's, from its last line upwards."""
        raise NotImplementedError

    def changed(self) -> None:
        """There are other lines than before."""
        self.virtual_size = Size(0, self.count() + self.header)
        self.refresh(layout=self.styles.auto_dimensions)

    @property
    def room(self) -> int:
        """Columns of a line."""
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        number = y - self.header + (round(self.scroll_y) if y >= self.header else 0)
        base = self.rich_style
        if number >= self.count():
            return Strip.blank(self.room, base)
        if number >= 0 and number == self.cursor:
            base += self.style("cursor")
        elif number >= 0 and number == self.hovered:
            base += self.style("hover")
        return self.line(number, self.room, base).adjust_cell_length(self.room, base)

    def redraw(self, number: int) -> None:
        """Draw one line again."""
        self.refresh(Region(0, number + self.header - round(self.scroll_y), self.size.width, 1))

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.count() - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self.redraw(old)
        self.redraw(new)
        self.reveal()
        self.post_message(self.Moved(self, new))

    def reveal(self) -> None:
        """Scroll to the cursor, if it is out of sight."""
        top, room = round(self.scroll_y), self.scrollable_content_region.height - self.header
        if room > 0 and not top <= self.cursor < top + room:
            # Forced: lines that have just come may not have their scrollbar yet.
            self.scroll_to(y=self.cursor if self.cursor < top else self.cursor - room + 1, animate=False, force=True)

    def watch_hovered(self, old: int, new: int) -> None:
        self.redraw(old)
        self.redraw(new)

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_page(self, step: int) -> None:
        self.cursor += step * max(1, self.scrollable_content_region.height - self.header - 1)

    def line_at(self, y: int) -> int | None:
        """The line at a row of the widget; the header's are negative, None below the last."""
        number = y - self.header + (round(self.scroll_y) if y >= self.header else 0)
        return number if number < self.count() else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        number = self.line_at(event.y)
        self.hovered = -1 if number is None else max(-1, number)

    def on_leave(self) -> None:
        self.hovered = -1

    def on_click(self, event: events.Click) -> None:
        number = self.line_at(event.y)
        if number is None:
            return
        if number >= 0:
            self.cursor = number
        self.post_message(self.Chosen(self, number, event.x))


def shortened(name: str, room: int) -> str:
    """A name within some columns; what is left out is left out of its middle, as names differ at their ends.

    >>> shortened("deepseek-r1-distill-llama-70b", 20)
    'deepseek…l-llama-70b'
    """
    if len(name) <= room:
        return name
    tail = (room - 1) * 3 // 5
    return f"{name[: room - 1 - tail]}…{name[len(name) - tail :]}"
