"""One model as a tree of lines: layers, components, tensors. What differs from the baseline's tree stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip

from llmcmp.frozen import frozen
from llmcmp.units import show_count
from llmcmp.workbench.lines import Lines
from llmcmp.workbench.themes import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmcmp.tables.structure import Node

Path = tuple[str, ...]
COUNT = 6  # columns of a number of parameters, as show_count writes it
UNFOLDED = ("model", "tower", "layers")


@frozen
class Entry:
    """One line: a node, where it is, and what is drawn before it."""

    path: Path
    node: Node
    guide: str


class Anatomy(Lines):
    """A tree of lines; left and right fold and unfold, space and clicks do both."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "Unfold", id="anatomy.toggle", tooltip="Fold or unfold what is at the cursor"),
        Binding("enter", "turn", "Unfold", id="anatomy.enter", show=False, tooltip="The same as space"),
        Binding("right", "unfold", "Unfold", id="anatomy.unfold", show=False, tooltip="Unfold, or go inside"),
        Binding("left", "fold", "Fold", id="anatomy.fold", show=False, tooltip="Fold, or go outside"),
        Binding("plus", "unfold_all", "All", id="anatomy.all", show=False, tooltip="Unfold everything, to the tensors"),
        Binding("minus", "fold_all", "None", id="anatomy.none", show=False, tooltip="Fold all components"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._root: Node | None = None
        self._same: dict[Path, Node] | None = None
        self._open: set[Path] = set()
        self._entries: list[Entry] = []

    def put(self, root: Node, baseline: Node | None = None) -> None:
        """Show a model; `baseline`: that whose differences stand out. What is unfolded stays so."""
        if self._root is None or self._root.label != root.label:
            self._open = {path for path, node in _all(root) if node.kind in UNFOLDED}
        self._root = root
        self._same = None if baseline is None or baseline == root else dict(_all(baseline))
        self._lay_out()

    def _lay_out(self) -> None:
        under = self._entries[self.cursor].path if self.cursor < len(self._entries) else None
        self._entries = [] if self._root is None else [Entry(path=(), node=self._root, guide="")]
        if self._root is not None and () in self._open:
            self._entries += self._inside((), self._root, "")
        paths = [entry.path for entry in self._entries]
        while under and under not in paths:
            under = under[:-1]
        self.cursor = self.validate_cursor(paths.index(under) if under in paths else 0)
        self.changed()

    def _inside(self, path: Path, node: Node, guide: str) -> Iterator[Entry]:
        for name, inner in _named(node):
            last = inner is node.inner[-1]
            at = (*path, name)
            yield Entry(path=at, node=inner, guide=f"{guide}{'└' if last else '├'}─")
            if at in self._open:
                yield from self._inside(at, inner, f"{guide}{' ' if last else '│'} ")

    def count(self) -> int:
        return len(self._entries)

    @property
    def node(self) -> Node | None:
        """What is under the cursor."""
        return self._entries[self.cursor].node if self._entries else None

    def line(self, number: int, width: int, base: Style) -> Strip:
        if number < 0:
            return Strip.blank(width, base)
        entry = self._entries[number]
        node, dim = entry.node, base + self.style("dim")
        count = "" if node.parameters is None else show_count(node.parameters)
        sign = ("▾ " if entry.path in self._open else "▸ ") if node.inner else "  "
        room = width - cell_len(entry.guide) - len(sign) - COUNT - 4
        label = base + self._look(entry)
        texts = [(node.label, label), (f"  {node.detail}" if node.detail else "", dim)]
        segments = [Segment(entry.guide, dim), Segment(sign, dim), *_fitted(texts, room, base)]
        return Strip([*segments, Segment(" ", base), *self._colour(node, base), Segment(f"{count:>{COUNT}} ", label)])

    def _look(self, entry: Entry) -> Style:
        """How a label stands out: what the baseline has otherwise or not at all, headings, remarks."""
        if self._same is not None and entry.path and not _alike(self._same.get(entry.path), entry.node):
            return self.style("strong")
        parts = {"model": "head", "tower": "group", "layers": "group", "fact": "dim", "shared": "dim", "buffer": "dim"}
        part = parts.get(entry.node.kind)
        return Style.null() if part is None else self.style(part)

    def _colour(self, node: Node, base: Style) -> list[Segment]:
        if not node.part or node.parameters is None:
            return [Segment("  ", base)]
        key = node.part.replace(" ", "_").replace("-", "_")
        dark = self.app.current_theme.dark  # pyright: ignore[reportUnknownMemberType]
        return [Segment("■ ", base + Style(color=component(key, dark)))]

    def action_turn(self) -> None:
        if self._entries:
            self._set(self._entries[self.cursor], self._entries[self.cursor].path not in self._open)

    def action_unfold(self) -> None:
        if not self._entries:
            return
        entry = self._entries[self.cursor]
        if entry.path in self._open or not entry.node.inner:
            self.cursor += 1
        else:
            self._set(entry, True)

    def action_fold(self) -> None:
        if not self._entries:
            return
        entry = self._entries[self.cursor]
        if entry.path in self._open:
            self._set(entry, False)
        elif entry.path:
            self.cursor = [each.path for each in self._entries].index(entry.path[:-1])

    def _set(self, entry: Entry, unfolded: bool) -> None:
        if entry.node.inner:
            (self._open.add if unfolded else self._open.discard)(entry.path)
            self._lay_out()

    def action_unfold_all(self) -> None:
        if self._root is not None:
            self._open = {path for path, node in _all(self._root) if node.inner}
            self._lay_out()

    def action_fold_all(self) -> None:
        if self._root is not None:
            self._open = {path for path, node in _all(self._root) if node.kind in UNFOLDED}
            self._lay_out()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self.action_turn()


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    """What is in a node under names that differ: the second of one label has a number."""
    seen: dict[str, int] = {}
    for inner in node.inner:
        name = "layers" if inner.kind == "layers" else inner.label if inner.kind != "fact" else "fact"
        seen[name] = seen.get(name, 0) + 1
        yield f"{name} {seen[name]}", inner


def _all(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node with its place."""
    yield path, node
    for name, inner in _named(node):
        yield from _all(inner, (*path, name))


def _alike(one: Node | None, other: Node) -> bool:
    """Whether two nodes say the same of themselves, whatever is in them."""
    return one is not None and (one.label, one.detail, one.parameters) == (other.label, other.detail, other.parameters)


def _fitted(texts: list[tuple[str, Style]], room: int, base: Style) -> Iterator[Segment]:
    """Texts one after the other in the room that there is; what is cut ends in an ellipsis."""
    for text, style in texts:
        if cell_len(text) > room:
            text = f"{set_cell_size(text, max(room - 1, 0))}…" if room > 0 else ""
        room -= cell_len(text)
        yield Segment(text, style)
    yield Segment(" " * max(room, 0), base)
