"""`llmcmp devices`"""

from __future__ import annotations

from typing import Annotated

import typer

from llmcmp.bench.settings import Device, Dtype, Settings
from llmcmp.cli.options import JsonOpt, OutOpt
from llmcmp.cli.output import deliver, prepare
from llmcmp.cli.progress import progress


def run(
    device: Annotated[Device, typer.Option(help="auto: every device of this machine.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="Of what is multiplied, copied and read.")] = "fp32",
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="CPU threads; torch's number if not given.")
    ] = None,
    remeasure: Annotated[bool, typer.Option("--remeasure", help="Measure anew what is in the cache.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="The most that one device may take.")
    ] = 600,
    as_json: JsonOpt = False,
    output: OutOpt = None,
) -> None:
    """What this machine has, and what it reaches: FLOP/s of a product, bytes/s of a copy and of a read. Needs torch.

    Examples:

      llmcmp devices

      llmcmp devices --dtype bf16 --remeasure

      llmcmp devices --device cpu --threads 1 --json
    """
    from llmcmp.bench.devices import devices
    from llmcmp.bench.runner import require_torch
    from llmcmp.tables.devices import devices_table

    require_torch()
    outputs = prepare(output)
    settings = Settings(device=device, dtype=dtype, threads=threads)
    with progress(1) as bar:
        found = devices(settings, remeasure=remeasure, timeout=timeout, progress=bar.now)
    deliver(devices_table(found, settings.document()), as_json=as_json, outputs=outputs)
