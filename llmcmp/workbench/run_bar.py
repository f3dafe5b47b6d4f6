"""The bottom line: the run that every view is shown for. What is typed or turned here applies at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from llmcmp import units
from llmcmp.errors import QuantityError
from llmcmp.folds.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult, RenderResult

    from llmcmp.workbench.selection import Selection

PHASES: tuple[str, ...] = get_args(Phase)
MOST = 2**40
WIDEST = 9  # characters of a number field


class Setting(Message):
    """A setting of the run has a new value."""

    def __init__(self, name: str, value: Any) -> None:
        super().__init__()
        self.name, self.value = name, value


class Number(Input):
    """A number in its unit. While what stands there has no meaning it is marked, and the old value stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(True)", "Double", id="number.double", tooltip="Double the number"),
        Binding("down", "step(False)", "Halve", id="number.halve", tooltip="Halve the number"),
        Binding("escape", "leave", "Done", id="number.done", tooltip="Back to the models"),
    ]

    def __init__(self, name: str, value: int | None, read: Callable[[str], int | None], show: Callable[[int], str]):
        self.read, self.show, self.number = read, show, value
        super().__init__(self.text, compact=True, name=name, id=f"run-{name}", classes="number", max_length=24)

    @property
    def text(self) -> str:
        """The value as it is typed."""
        return "" if self.number is None else self.show(self.number)

    def put(self, value: int | None) -> None:
        """Show a value that was set elsewhere."""
        self.number = value
        self.remove_class("-invalid")
        if not self.has_focus:
            self.value = self.text

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            value = self.read(event.value)
        except QuantityError:
            self.add_class("-invalid")
            return
        self.remove_class("-invalid")
        if value != self.number:
            self.number = value
            self.post_message(Setting(str(self.name), value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.read(event.value)
        except QuantityError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.action_leave()

    def on_blur(self) -> None:
        self.value = self.text

    def action_leave(self) -> None:
        self.screen.query("#models").first().focus()

    def action_step(self, up: bool) -> None:
        if self.number is not None:
            self.value = self.show(min(self.number * 2, MOST) if up else max(self.number // 2, 1))


class Choice(Widget, can_focus=True):
    """One of a few words; arrows, space and clicks turn it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,up,space,enter", "turn(1)", "Next", id="choice.next", tooltip="The next value"),
        Binding("left,down", "turn(-1)", "Previous", id="choice.previous", tooltip="The one before"),
        Binding("escape", "leave", "Done", id="choice.done", tooltip="Back to the models"),
    ]
    value: reactive[str] = reactive("")

    def __init__(self, name: str, label: str, values: tuple[str, ...], value: str, tooltip: str) -> None:
        super().__init__(name=name, id=f"run-{name}", classes="choice")
        self.label, self.values = label, values
        self.set_reactive(Choice.value, value)
        self.tooltip = tooltip

    def get_content_width(self, container: Any, viewport: Any) -> int:
        return len(self.label) + max(map(len, self.values)) + 1

    def render(self) -> RenderResult:
        value = f"{self.value:<{max(map(len, self.values))}}"
        return Text.assemble((f"{self.label} ", "dim"), (value, "bold"))

    def action_turn(self, step: int) -> None:
        self.value = self.values[(self.values.index(self.value) + step) % len(self.values)]
        self.post_message(Setting(str(self.name), self.value))

    def action_leave(self) -> None:
        self.screen.query("#models").first().focus()

    def on_click(self) -> None:
        self.action_turn(1)


def tokens(text: str) -> int:
    """A context length. Raises QuantityError."""
    return _within(units.tokens(text), text, "tokens")


def whole(text: str) -> int:
    """A batch. Raises QuantityError."""
    return _within(units.count(text), text, "sequences")


def _within(value: int, text: str, what: str) -> int:
    if not 1 <= value <= MOST:
        raise QuantityError(f"'{text}' must lie between 1 and {MOST:,} {what}")
    return value


class RunBar(Horizontal):
    """Context, batch, dtypes and phase."""

    def __init__(self, selection: Selection, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._selection = selection

    def compose(self) -> ComposeResult:
        now, dtypes = self._selection, tuple(units.DTYPE_BITS)
        formats = (*dtypes, *units.BLOCKS)  # and one with groups of its own, where a state file names it
        yield Static("context", classes="label")
        yield Number("context", now.context, tokens, units.show_tokens)
        yield Static("batch", classes="label")
        yield Number("batch", now.batch, whole, str)
        yield Choice("weights", "weights", dtypes, now.weights, "Dtype of the weights")
        yield Choice("dtype", "cache", tuple(dict.fromkeys((*formats, now.dtype))), now.dtype, "Format of the cache")
        yield Choice("phase", "phase", PHASES, now.phase, "What the Compute tab counts")

    def put(self, selection: Selection) -> None:
        """Show settings that were changed elsewhere."""
        for number in self.query(Number):
            number.put(getattr(selection, str(number.name)))
        for choice in self.query(Choice):
            choice.value = getattr(selection, str(choice.name))
