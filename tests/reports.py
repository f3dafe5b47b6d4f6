"""Report pages for tests, made once."""

from __future__ import annotations

from functools import cache
from typing import Any

from tiny import CARD, tiny

from llmcmp.frozen import replace
from llmcmp.model import Model
from llmcmp.report.contents import Report, report
from llmcmp.report.figures import Figures, draw
from llmcmp.report.page import page
from llmcmp.sources.devices import load_device
from llmcmp.sources.presets import load_all
from llmcmp.tables.asked import Asked

ASKED = Asked(device=load_device("h100-sxm"))
NAMES = "llama3-8b deepseek-v3 mamba2-130m t5-small bert-base gpt-4".split()
HOSTILE = r"""$x$ $\frac{ </script><script>alert('x')</script><img src=x onerror=alert(1)> " ' & <b>"""


@cache
def made() -> tuple[Report, Figures, str]:
    """The report of some very different models."""
    return whole(load_all(NAMES))


def whole(models: tuple[Model, ...], **asked: Any) -> tuple[Report, Figures, str]:
    """Contents, figures and page."""
    contents = report(models, replace(ASKED, **asked))
    figures = draw(contents)
    return contents, figures, page(contents, figures)


@cache
def hostile() -> str:
    """A page of a model whose every text tries to be HTML."""
    source = {"what": HOSTILE, "url": "javascript:alert(1)", "date": HOSTILE}
    texts: dict[str, Any] = {
        "name": HOSTILE,
        "organization": HOSTILE,
        "changed": HOSTILE,
        "notes": [HOSTILE],
        "languages": [HOSTILE],
        "sources": [source, {**CARD["sources"][0], "url": f"https://example.org/{HOSTILE}"}],
        "published": {"parameters": HOSTILE},
    }
    return whole((tiny(**texts),))[2]
