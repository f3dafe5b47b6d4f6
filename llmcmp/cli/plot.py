"""`llmcmp plot KIND MODEL...`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.cli.options import BatchOpt, CacheOpt, Dtype, JsonOpt, ModelsArg, OutOpt, SourceOpt, WeightsOpt, length
from llmcmp.cli.output import deliver, prepare
from llmcmp.folds.phases import Phase
from llmcmp.sources.devices import load_device
from llmcmp.sources.presets import load_all
from llmcmp.tables.asked import USUAL_DEVICE, Asked
from llmcmp.tables.drawn import Kind, drawn_table


def _complete_device(incomplete: str) -> list[str]:
    from llmcmp.sources.devices import device_files

    return [name for name in device_files() if name.startswith(incomplete)]


DeviceOpt = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Device of a roofline: h100-sxm, a100-sxm-80gb, mi300x, l4 ... or a preset file.",
        autocompletion=_complete_device,
    ),
]
ComputeOpt = Annotated[Dtype, typer.Option("--compute", case_sensitive=False, help="Dtype of a roofline's peak.")]


def run(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="parameters, active, kv, kv-year, flops, attention (its share of FLOPs), bubble or roofline.",
        ),
    ],
    models: ModelsArg,
    ctx: Annotated[
        str | None,
        typer.Option(
            "--ctx",
            metavar="TOKENS",
            help="Where lines end, if not at each model's window; of points, 4k if not given.",
        ),
    ] = None,
    batch: BatchOpt = 1,
    source: SourceOpt = None,
    phase: Annotated[Phase, typer.Option(help="Of flops and attention.")] = "prefill",
    weights: WeightsOpt = "bf16",
    dtype: CacheOpt = "bf16",
    device: DeviceOpt = USUAL_DEVICE,
    compute: ComputeOpt = "bf16",
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """A figure of models with -o FILE.png, svg or pdf; its numbers as a table on the terminal.

    Examples:

      llmcmp plot kv llama3-8b mixtral deepseek-v3 gemma3 -o kv.svg

      llmcmp plot bubble '*' --ctx 32k -o bubble.png -o bubble.csv

      llmcmp plot roofline llama3-8b mixtral --device h200-sxm --batch 64 -o roofline.pdf
    """
    outputs = prepare(output)
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
    deliver(drawn_table(kind, load_all(models), asked), as_json=as_json, outputs=outputs)
