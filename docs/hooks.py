"""Pages in Chinese are Chinese altogether: the language that the page states, and the theme's own words.

The menu of languages leads to the same page in the other language, or to the start where there is none.
"""

from __future__ import annotations

from typing import Any

FOLDER = "zh/"


def on_page_context(context: dict[str, Any], page: Any, config: Any, nav: Any) -> dict[str, Any]:
    """Set the theme's language and menu for one page, before it is written."""
    name = page.file.src_uri
    chinese = name.startswith(FOLDER)
    english = name.removeprefix(FOLDER)
    urls = {each.file.src_uri: each.url for each in nav.pages}
    config.theme["language"] = "zh" if chinese else "en"
    config.extra["alternate"] = [
        {"name": "English", "link": urls[english], "lang": "en"},
        {"name": "中文", "link": urls.get(FOLDER + english, urls[FOLDER + "index.md"]), "lang": "zh"},
    ]
    return context
