"""How a report came about: its settings, the command that makes it again, conventions, and the device's sources."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import llmcmp
from llmcmp import units
from llmcmp.report.html import Markup, join, link, tag
from llmcmp.tables.asked import USUAL_DEVICE

if TYPE_CHECKING:
    from llmcmp.report.contents import Report
    from llmcmp.tables.asked import Asked

CONVENTIONS = (
    "Parameters count every tensor once, tied or shared ones too; prediction modules and heads of bare encoders stand"
    " apart.",
    "FLOPs are matrix products, attention, convolutions and scans; a multiply-add is two. Full query-key pairs are"
    " counted, masked ones too.",
    "A prefill computes the whole context, a decode step the token that fills it. In an encoder-decoder the prefill is"
    " the encoder and a start token.",
    "A cache is what the architecture needs; engines reserve more. Bytes moved are the least: each operand once,"
    " attention fused.",
    "k and M of tokens are 1024 and 1024²; of parameters and FLOPs, thousands. Memory is in KiB, MiB, GiB.",
    "A star marks a model asked beyond its context window. “undisclosed” is what a vendor keeps secret.",
)


def settings_line(asked: Asked) -> str:
    """The settings in one line."""
    source = "" if asked.source is None else f" · source {units.show_tokens(asked.source)}"
    return (
        f"{units.show_tokens(asked.point)} tokens{source} · batch {asked.batch} · weights {asked.weights} · "
        f"cache {asked.dtype} · {asked.device.title}, {asked.compute}"
    )


def command(report: Report) -> str:
    """The command that makes the report again."""
    asked = report.asked
    options = {
        "--ctx": None if asked.context is None else str(asked.context),
        "--source": None if asked.source is None else str(asked.source),
        "--batch": None if asked.batch == 1 else str(asked.batch),
        "--phase": None if asked.phase == "prefill" else asked.phase,
        "--weights": None if asked.weights == "bf16" else asked.weights,
        "--dtype": None if asked.dtype == "bf16" else asked.dtype,
        "--device": None if asked.device.name == USUAL_DEVICE else asked.device.name,
        "--compute": None if asked.compute == "bf16" else asked.compute,
    }
    said = [word for name, value in options.items() if value is not None for word in (name, value)]
    return shlex.join(["llmcmp", "report", *(model.name for model in report.models), *said, "-o", "report.html"])


def about(report: Report) -> Markup:
    """The last section."""
    device = report.asked.device
    read = (tag("li", link(source.url, source.what)) for source in device.sources)
    notes = (tag("li", note) for note in device.notes)
    figures = f"{device.title}: {units.show_flop_rate(device.flops_per_second(report.asked.compute))} dense in "
    figures += f"{report.asked.compute}, {device.bandwidth_gb_per_second:,g} GB/s"
    return tag(
        "section",
        tag("h2", "About this report"),
        tag("p", f"Made by llmcmp {llmcmp.__version__}. Every number is computed from the architecture itself."),
        tag("h3", "Settings"),
        tag("p", settings_line(report.asked)),
        tag("p", tag("code", command(report)), class_="command"),
        tag("h3", "Conventions"),
        tag("ul", *(tag("li", line) for line in CONVENTIONS)),
        tag("h3", "Device"),
        tag("p", figures),
        tag("ul", join([*read, *notes]), class_="sources"),
        id="about",
    )
