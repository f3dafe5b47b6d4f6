"""The Learn tab: the terms of `llmcmp explain`, marked where the selected models use them, and the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.strip import Strip
from textual.widgets import Input, Markdown, Static

from llmcmp.frozen import frozen
from llmcmp.workbench.background import aside
from llmcmp.workbench.lines import Lines
from llmcmp.workbench.table_view import TableView
from llmcmp.workbench.view import View

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rich.style import Style
    from textual.app import ComposeResult

    from llmcmp.learn import Explanation, Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection


class Find(Input):
    """The search among terms; down and Enter go to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "leave", "To the terms", id="find.leave", show=False, tooltip="To the list of terms"),
        Binding("escape", "clear", "Clear", id="find.clear", show=False, tooltip="Clear the search, to the list"),
    ]

    def action_leave(self) -> None:
        self.screen.query_one(Terms).focus()

    def action_clear(self) -> None:
        self.value = ""
        self.action_leave()


@frozen
class Line:
    """A group's name, or a term."""

    group: str
    term: Term | None = None


class Terms(Lines):
    """The list of terms, group by group."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "read", "Read", id="terms.read", tooltip="To the page of the term"),
        Binding("right,space", "read", "Read", id="terms.open", show=False, tooltip="To the page of the term"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._listed: list[Line] = []
        self._used: Mapping[str, Collection[str]] = {}

    def put(self, terms: Sequence[Term]) -> None:
        """List these terms."""
        under = self.term
        groups: dict[str, list[Term]] = {}
        for term in terms:
            groups.setdefault(term.group, []).append(term)
        self._listed = []
        for group, inside in groups.items():
            self._listed += [Line(group=group), *(Line(group=group, term=term) for term in inside)]
        self.cursor = next((n for n, line in enumerate(self._listed) if line.term and line.term == under), 1)
        self.changed()

    def mark(self, used: Mapping[str, Collection[str]]) -> None:
        """Selected models use these terms."""
        self._used = used
        self.refresh()

    @property
    def term(self) -> Term | None:
        """The term under the cursor, or the first of the group that is."""
        under = self._listed[self.cursor : self.cursor + 2]
        return next((line.term for line in under if line.term is not None), None)

    def point_at(self, name: str) -> None:
        """Put the cursor on a term, if it is listed."""
        spots = [number for number, line in enumerate(self._listed) if line.term and line.term.name == name]
        self.cursor = spots[0] if spots else self.cursor

    def count(self) -> int:
        return len(self._listed)

    def line(self, number: int, width: int, base: Style) -> Strip:
        if number < 0:
            return Strip.blank(width, base)
        line = self._listed[number]
        if line.term is None:
            return Strip([Segment(line.group, base + self.style("group"))]).adjust_cell_length(width, base)
        used = bool(self._used.get(line.term.name))
        name = line.term.title.partition(" (")[0]
        room = width - 3
        text = name if cell_len(name) <= room else f"{set_cell_size(name, room - 1)}…"
        look = base + self.style("mark" if used else "dim")
        return Strip([Segment(" ● " if used else "   ", look), Segment(text, base)]).adjust_cell_length(width, base)

    def action_read(self) -> None:
        self.post_message(self.Chosen(self, self.cursor, 0))


class Page(VerticalScroll):
    """The page of a term, which scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "back", "Back", id="page.back", tooltip="Back to the list of terms"),
        Binding("escape,backspace", "back", "Back", id="page.leave", show=False, tooltip="Back to the list of terms"),
    ]

    def compose(self) -> ComposeResult:
        yield Static(classes="used", markup=False)
        yield Markdown(id="before")
        yield TableView(id="example", columns=True)
        yield Markdown(id="after")

    def put(self, text: str, table: Table) -> None:
        """Show an explanation, its table as the other tabs show theirs."""
        from llmcmp.tables.grid import grid
        from llmcmp.tables.text import markdown_table

        before, _, after = text.partition(markdown_table(table).strip())
        self.query_one("#before", Markdown).update(before)
        self.query_one("#after", Markdown).update(after)
        self.query_one(TableView).put(grid(table))
        self.query_one(TableView).display = bool(after)
        self.scroll_home(animate=False)

    def action_back(self) -> None:
        view = next(each for each in self.ancestors if isinstance(each, LearnView))
        view.reading(False)


class LearnView(View):
    """`llmcmp explain` of one term after the other."""

    keys = ("find",)
    SCOPED_CSS = False  # what is narrow is the screen
    DEFAULT_CSS = """
    LearnView #shelf { width: 34; height: 1fr; padding: 0 1 0 0; }
    LearnView Find { width: 1fr; margin: 0 1 0 0; background: $background; }
    LearnView Find:focus { background: $boost; }
    LearnView Terms { height: 1fr; }
    LearnView Page {
        width: 1fr; padding: 0 2 0 1; scrollbar-size: 1 1; scrollbar-background: $background;
        scrollbar-color: $foreground 20%; scrollbar-background-hover: $background;
    }
    LearnView .used { height: auto; color: $text-accent; display: none; }
    LearnView Markdown { padding: 0; background: transparent; height: auto; }
    LearnView MarkdownH1 { content-align: left middle; margin: 0 0 1 0; }
    LearnView MarkdownH2 { text-style: bold; color: $text-secondary; margin: 1 0 0 0; }
    LearnView MarkdownFence { margin: 1 0; max-height: 40; background: $boost; }
    LearnView MarkdownFence > #code-content { width: 1fr; padding: 0 1; }
    LearnView #example { height: auto; }
    .-narrow LearnView #shelf { width: 1fr; }
    .-narrow LearnView Page { display: none; padding: 0 1 0 0; }
    .-narrow LearnView.-reading #shelf { display: none; }
    .-narrow LearnView.-reading Page { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._terms: tuple[Term, ...] = ()
        self._used: dict[str, tuple[str, ...]] = {}
        self._shown: Explanation | None = None
        self._wanted: str = ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="shelf"):
                yield Find(placeholder="s find a term", compact=True, id="find")
                yield Terms(id="terms")
            yield Page()

    def on_mount(self) -> None:
        from llmcmp.learn import terms

        self._terms = terms()
        self.query_one(Terms).put(self._terms)

    def show(self, selection: Selection) -> None:
        models = tuple(model for model in selection.models if model.disclosed)
        aside(self, lambda: used(self._terms, models), self._mark, self._failed, "used")
        if self._shown is None:
            self._open()

    def _mark(self, found: dict[str, tuple[str, ...]]) -> None:
        self._used = found
        self.query_one(Terms).mark(found)
        self._say_who()

    def focus_content(self) -> None:
        self.reading(self.has_class("-reading"))

    # Which term is read.

    def press(self, what: str) -> None:
        self.reading(False)
        self.query_one(Find).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(Terms).put(matching(self._terms, event.value))
        self._open()

    def on_lines_moved(self, event: Lines.Moved) -> None:
        event.stop()
        self._open()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self._open()
        self.reading(True)

    def reading(self, now: bool) -> None:
        """Turn to the page, or back to the list."""
        self.set_class(now, "-reading")
        (self.query_one(Page) if now else self.query_one(Terms)).focus()

    def _open(self) -> None:
        """Show the page of the term under the cursor."""
        term = self.query_one(Terms).term
        if term is None or term.name == self._wanted:
            return
        self._wanted = name = term.name

        def work() -> tuple[Explanation, str]:
            from llmcmp.learn import explain

            explained = explain(name)
            return explained, explained.markdown()

        self.compute(work, self._opened, self._failed)

    def _opened(self, answer: tuple[Explanation, str]) -> None:
        self._shown, text = answer
        self.query_one(Page).put(text, self._shown.table)
        self._say_who()

    def _failed(self, line: str) -> None:
        self._shown = None
        self.notify(line, severity="error", markup=False)

    def _say_who(self) -> None:
        """Which of the selected models use the term of the page."""
        place = self.query_one(".used", Static)
        names = self._used.get(self._shown.term.name, ()) if self._shown else ()
        place.display = bool(names)
        place.update(f"used by {', '.join(names)}")

    def table(self) -> Table | None:
        return None if self._shown is None else self._shown.table


def matching(terms: Sequence[Term], text: str) -> tuple[Term, ...]:
    """The terms one of whose names, or whose group, holds every word of a search."""
    from llmcmp.learn.term import names

    words = text.casefold().split()
    return tuple(
        term
        for term in terms
        if any(all(word in name.casefold() for word in words) for name in (*names(term), term.group))
    )


def used(terms: Sequence[Term], models: Sequence[Model]) -> dict[str, tuple[str, ...]]:
    """The models that use each term, by name; terms that an architecture does not show are used by none."""
    from llmcmp.learn.users import USERS

    found = {
        term.name: tuple(model.name for model in models if USERS[term.name](model))
        for term in terms
        if term.name in USERS
    }
    return {name: names for name, names in found.items() if names}
