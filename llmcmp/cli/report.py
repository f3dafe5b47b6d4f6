"""`llmcmp report MODEL... -o DIR or -o report.html`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmcmp.cli.options import BatchOpt, CacheOpt, JsonOpt, ModelsArg, SourceOpt, WeightsOpt, length
from llmcmp.cli.output import answer, deliver, note
from llmcmp.cli.plot import ComputeOpt, DeviceOpt
from llmcmp.cli.progress import progress
from llmcmp.folds.phases import Phase
from llmcmp.report.contents import report
from llmcmp.sources.devices import load_device
from llmcmp.sources.presets import load_all
from llmcmp.tables.asked import USUAL_DEVICE, Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmcmp.report.contents import Report


def run(
    models: ModelsArg,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="PLACE", help="A folder, or one page that ends in .html; repeatable."),
    ] = None,
    ctx: Annotated[
        str | None,
        typer.Option("--ctx", metavar="TOKENS", help="Of points, 4k if not given; lines end at each model's window."),
    ] = None,
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    phase: Annotated[Phase, typer.Option(help="Of the lines of FLOPs.")] = "prefill",
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    device: DeviceOpt = USUAL_DEVICE,
    compute: ComputeOpt = "bf16",
    as_json: JsonOpt = False,
) -> None:
    """Everything about some models: a page that works offline, or a folder with csv, md, tex, png and svg beside it.

    Examples:

      llmcmp report llama3-8b mixtral deepseek-v3 -o report.html

      llmcmp report 'gemma3-*' --ctx 32k --batch 16 -o gemma3

      llmcmp report gemma3 t5-large --device mi300x --json
    """
    from llmcmp.report.files import check_places

    places = tuple(output or ())
    check_places(places)
    asked = Asked(
        device=load_device(device),
        context=None if ctx is None else length(ctx),
        batch=batch,
        source=None if source is None else length(source, "--source"),
        phase=phase,
        weights=weights,
        dtype=dtype,
        compute=compute,
    )
    made = report(load_all(models), asked)
    if places:
        _write(made, places, silent=as_json)
    if as_json:
        answer(_json(made))
    elif not places:
        deliver(made.parts()[0].table, as_json=False, outputs=())
        note("-o report.html writes the whole report as a page, -o DIR with its tables and figures as files")


def _write(made: Report, places: Sequence[Path], *, silent: bool) -> None:
    """Draw once, then write each place."""
    from llmcmp.files import write
    from llmcmp.report.figures import draw, to_draw
    from llmcmp.report.files import folder_files, is_page, write_folder
    from llmcmp.report.page import page

    folders, figures = any(not is_page(place) for place in places), to_draw(made)
    steps = figures + len(made.models) + (figures if folders else 0)
    with progress(steps, silent=silent) as bar:

        def tell(what: str) -> None:
            bar.advance()
            bar.now(f"drawing {what}", 0)

        drawn = draw(made, tell)
        bar.now("writing", 0)
        text = page(made, drawn, bar.advance)
        files = folder_files(made, text, drawn, bar.advance) if folders else {}
    for place in places:
        if is_page(place):
            write(text.encode(), place)
        else:
            write_folder(files, place)
        note(f"wrote {place}")


def _json(made: Report) -> str:
    """One document: the settings, and each table as its command prints it."""
    import json

    tables = {part.name: part.table.document() for part in made.parts()}
    return json.dumps({"command": "report", "tables": tables}, indent=2, ensure_ascii=False) + "\n"
