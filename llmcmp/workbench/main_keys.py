"""The keys of the screen, which are the commands of the palette too; what they do stands in main.py."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("slash", "search", "Search", key_display="/", id="main.search", tooltip="Search models by name"),
    Binding("f", "filter", "Filter", id="main.filter", tooltip="Filter models by what they are"),
    Binding("o", "open", "Open", id="main.open", tooltip="Open a file, an id or a preset with changes"),
    Binding("x", "clear", "Clear", id="main.clear", show=False, tooltip="Select no model"),
    Binding("left_square_bracket", "context(False)", "Shorter", key_display="[", id="main.shorter", show=False,
            tooltip="Halve the context"),
    Binding("right_square_bracket", "context(True)", "Context ×2", key_display="]", id="main.longer", show=False,
            tooltip="Double the context"),
    Binding("c", "edit('context')", "Context", id="main.context", show=False, tooltip="Type a context"),
    Binding("n", "edit('batch')", "Batch", id="main.batch", show=False, tooltip="Type a number of sequences"),
    Binding("w", "turn('weights')", "Weights", id="main.weights", show=False, tooltip="Next dtype of the weights"),
    Binding("t", "turn('dtype')", "Cache dtype", id="main.dtype", show=False, tooltip="Next dtype of the cache"),
    Binding("p", "turn('phase')", "Phase", id="main.phase", show=False, tooltip="Prefill, decode or train"),
    Binding("d", "view('draw')", "Drawing", id="main.draw", tooltip="Blocks: trees of tensors, or drawings"),
    Binding("comma", "view('before')", "Model before", key_display=",", id="main.before", show=False,
            tooltip="Blocks: the selected model before"),
    Binding("full_stop", "view('next')", "Next model", key_display=".", id="main.next",
            tooltip="Blocks: the next selected model"),
    Binding("m", "view('measure')", "Measure", id="main.measure", tooltip="Measure: the selected models, or stop"),
    Binding("s", "view('find')", "Find a term", id="main.find", tooltip="Learn: search the terms"),
    Binding("i", "what_if", "What if", id="main.what_if", tooltip="Edit a model; the edit stands beside it"),
    Binding("e", "export", "Export", id="main.export", tooltip="Write what the tab shows to a file"),
    Binding("d", "view('differences')", "Differences", id="main.differences",
            tooltip="Compare: only what differs, or all"),
    Binding("m", "view('budget')", "Budget", id="main.budget", tooltip="Cache: type a memory budget"),
    Binding("v", "view('part')", "Other chart", id="main.part", show=False, tooltip="Compute: the other chart"),
    Binding("y", "copy", "Copy", id="main.copy", tooltip="Copy what the tab shows as Markdown"),
    Binding("l", "library", "Models", id="main.library", show=False, tooltip="Hide or show the list of models"),
    Binding("escape", "models", "To the models", id="main.models", show=False, 
            tooltip="Back to the models; there: search for nothing"),
    Binding("question_mark", "help", "Keys", key_display="?", id="main.help", tooltip="Every key and what it does"),
    Binding("q", "app.quit", "Quit", id="main.quit", tooltip="Leave; the next start finds everything as it was"),
    *(
        Binding(str(number), f"tab({number})", f"Tab {number}", id=f"main.tab{number}", show=False,
                tooltip=f"Tab {number} from the left")
        for number in range(1, 10)
    ),
]  # fmt: skip
