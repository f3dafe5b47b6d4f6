"""Styles of parts of a widget that draws its own lines, blended with the ground that the widget stands on."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


class Looks(Widget):
    """A widget whose component classes are styles to lay over its own."""

    _looks: dict[str, Style] = {}  # noqa: RUF012 - replaced, never changed, before there is anything in it

    def style(self, part: str) -> Style:
        """The style of a part of a line, to be laid over that of the line."""
        known = self._looks.get(part)
        if known is None:
            name = next(name for name in self._get_component_classes() if name.endswith(f"--{part}"))
            styles, ground = self.get_component_styles(name), self.background_colors[1]
            known = styles.text_style
            if styles.has_rule("color"):
                known += Style(color=(ground + styles.color).rich_color)
            if styles.has_rule("background"):
                known += Style(bgcolor=(ground + styles.background).rich_color)
            self._looks = {**self._looks, part: known}
        return known

    def notify_style_update(self) -> None:
        self._looks = {}
        super().notify_style_update()
