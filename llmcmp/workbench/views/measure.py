"""The Measure tab: `llmcmp bench` of the selected models in the background; rows appear as they come."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Button, ProgressBar, Static

from llmcmp import units
from llmcmp.bench.settings import PHASES, Settings
from llmcmp.errors import LlmcmpError, QuantityError
from llmcmp.frozen import frozen, replace
from llmcmp.workbench import measuring
from llmcmp.workbench.run_bar import Choice, Number, Setting, tokens, whole
from llmcmp.workbench.table_view import TableView
from llmcmp.workbench.view import View
from llmcmp.workbench.views.empty import SELECT, Empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from llmcmp.model import Model
    from llmcmp.tables.table import Table
    from llmcmp.workbench.selection import Selection

# What can be turned above the table: the field of Settings, its label, its values, what it means.
CHOICES = (
    (
        "scale",
        "scale",
        ("tiny", "block", "full"),
        "tiny: models shrunk alike; block: real blocks, multiplied out; full: as they are",
    ),
    ("device", "device", ("auto", "cpu", "cuda", "mps"), "auto: a GPU if there is one"),
    ("dtype", "dtype", ("fp32", "bf16", "fp16"), "Of weights, activations and cache"),
    ("phases", "phases", ("all", *PHASES), "What is measured; all: at scale tiny training too"),
)
NOTES = 3  # lines below the table; all of them are in what is exported
START = (("m", "measure the selected models; again: stop"), ("tab", "to what is measured, above"))


@frozen
class Ended:
    """How a run ended: with a line to say, or in good order."""

    line: str = ""


class MeasureView(View):
    """`llmcmp bench` of the selected models."""

    keys = ("measure",)
    DEFAULT_CSS = """
    MeasureView Horizontal { height: 1; }
    MeasureView #measure-settings { height: auto; layout: horizontal; }
    MeasureView .label { width: auto; color: $foreground 60%; margin: 0 1 0 0; }
    MeasureView Button { min-width: 11; height: 1; border: none; margin: 0 2 0 0; }
    MeasureView #progress { width: 1fr; }
    MeasureView ProgressBar { width: 22; margin: 0 1 0 0; }
    MeasureView ProgressBar Bar { width: 22; }
    MeasureView #said { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $foreground 70%; }
    MeasureView .notes { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Told(Message):
        """A record came in, the share of what is done has changed, or the run has ended."""

        def __init__(self, what: dict[str, Any] | tuple[str, float] | Ended) -> None:
            super().__init__()
            self.what = what

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.settings = self._measured = Settings()
        self._selection: Selection | None = None
        self._stop: threading.Event | None = None
        self._asked: tuple[Model, ...] = ()
        self._records: list[dict[str, Any]] = []
        self._before: int = 0
        self._table: Table | None = None

    def compose(self) -> ComposeResult:
        yield Empty("Measure models on this machine", "Speed, memory, and how much of the machine they use.", SELECT)
        with Horizontal(classes="settings"):
            for name, label, values, meaning in CHOICES:
                yield Choice(f"measure-{name}", label, values, values[0], meaning)
        with Horizontal(classes="settings"):
            yield Static("prompt", classes="label")
            yield Number("measure-prompt", self.settings.prompt, tokens, units.show_tokens)
            yield Static("generate", classes="label")
            yield Number("measure-generate", self.settings.generate, whole, str)
            yield Button("m Measure", id="start", compact=True)
        with Horizontal(id="progress"):
            yield ProgressBar(show_eta=False, show_percentage=False)
            yield Static(id="said", markup=False)
        yield Empty("Nothing measured yet", "Each model is built in torch and runs in a process of its own.", START)
        yield TableView(id="measured", columns=True)
        yield Static(classes="notes", markup=False)

    def on_mount(self) -> None:
        self._say("")

    def show(self, selection: Selection) -> None:
        self._selection = selection
        self._arrange()

    def _arrange(self) -> None:
        """Show what there is to show: results, or what can be done."""
        models = self._selection.models if self._selection else ()
        some = bool(self._records)
        nothing, ready = self.query(Empty)
        nothing.display = not models and not some and not self.running
        ready.display = not nothing.display and not some
        for widget in self.query("#measured, .notes"):
            widget.display = some
        for widget in self.query(".settings"):
            widget.display = not nothing.display

    # What is asked for.

    def on_setting(self, event: Setting) -> None:
        event.stop()
        name = event.name.removeprefix("measure-")
        value = (PHASES if event.value == "all" else (event.value,)) if name == "phases" else event.value
        self.settings = replace(self.settings, **{name: value})

    def _phased(self) -> Settings:
        """The settings with the phases that "all" means at their scale: as `llmcmp bench`, it trains no real sizes."""
        every = self.settings.phases == PHASES and self.settings.scale != "tiny"
        return replace(self.settings, phases=PHASES[:2]) if every else self.settings

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._stop is not None

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.press("measure")

    def press(self, what: str) -> None:
        if self.running:
            self._call_off()
            return
        models = tuple(model for model in self._selection.models if model.disclosed) if self._selection else ()
        if not models:
            self._say("select a model whose architecture is public")
            return
        assert self._selection is not None
        self._start(models, replace(self._phased(), batch=self._selection.batch))

    def _call_off(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._say("stopping")

    def on_unmount(self) -> None:
        if self._stop is not None:
            self._stop.set()

    # The run, in a thread of its own.

    def _start(self, models: tuple[Model, ...], settings: Settings) -> None:
        if _kind(settings) != _kind(self._measured):
            self._records = []  # they are in the file; a table has one title and one set of settings
        self._stop, self._asked, self._before = threading.Event(), models, len(self._records)
        self._measured = settings
        self.query_one(Button).label = "m Stop"
        self._say("starting", 0)
        stop = self._stop
        self.run_worker(lambda: self._run(models, settings, stop), thread=True, group="measuring")

    def _run(self, models: Sequence[Model], settings: Settings, stop: threading.Event) -> None:
        """Measure, and tell the view of everything as it happens."""
        from llmcmp.bench.ask import Stopped

        def progress(what: str, share: float) -> None:
            self.post_message(self.Told((what, share)))

        try:
            for record in measuring.measured(models, settings, progress, stop.is_set):
                self.post_message(self.Told(record))
        except Stopped:
            self.post_message(self.Told(Ended(line="stopped; what is done is kept")))
        except (LlmcmpError, QuantityError) as error:
            self.post_message(self.Told(Ended(line=str(error))))
        else:
            self.post_message(self.Told(Ended()))

    def on_measure_view_told(self, event: Told) -> None:
        event.stop()
        match event.what:
            case Ended(line=line):
                self._end(line)
            case (str(what), float(share) | int(share)):
                self._say(f"{what} · {self._done + 1} of {len(self._asked)}", self._done + share)
            case record:
                self._add(record)

    @property
    def _done(self) -> int:
        """Models of this run that are measured."""
        return len(self._records) - self._before

    def _add(self, record: dict[str, Any]) -> None:
        from llmcmp.tables.grid import grid

        self._records.append(record)
        self._table = measuring.results(self._records, self._measured)
        self.query_one(TableView).put(grid(self._table, side_by_side=True))
        self.query_one(".notes", Static).update("\n".join(self._table.notes[:NOTES]))
        self._arrange()
        self._say(f"{record['model']}: {record['status']}", self._done)

    def _end(self, line: str) -> None:
        self._stop = None
        self.query_one(Button).label = "m Measure"
        self._say(line or f"measured {self._done} model{'' if self._done == 1 else 's'}")

    def _say(self, line: str, done: float | None = None) -> None:
        """A line beside the bar, which is there while something runs."""
        bar = self.query_one(ProgressBar)
        bar.display = done is not None
        if done is not None:
            bar.update(total=len(self._asked), progress=done)
        self.query_one("#said", Static).update(line)
        self.query_one("#progress").display = bool(line)

    def table(self) -> Table | None:
        return self._table


def _kind(settings: Settings) -> Settings:
    """The settings that all measurements in a table share; batch, prompt and phases may differ row by row."""
    return replace(settings, batch=1, prompt=1, phases=PHASES)
