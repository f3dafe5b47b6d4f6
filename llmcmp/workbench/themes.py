"""The workbench's own two themes, beside Textual's, and the colours of series in them.

Colours of series are Okabe and Ito's, those that can be read on the theme's ground: colour-blind readers can tell them
apart. Components have the colours of llmcmp's figures.
"""

from __future__ import annotations

from textual.theme import Theme

from llmcmp.plots.style import colour

THEMES = (
    Theme(
        name="llmcmp-dark",
        primary="#56B4E9",
        secondary="#8FB8D0",
        accent="#E69F00",
        foreground="#D8DEE4",
        background="#12161B",
        surface="#181D24",
        panel="#1E252E",
        success="#3DBD94",
        warning="#E6B450",
        error="#E8735A",
        dark=True,
        variables={"footer-key-foreground": "#E69F00", "block-cursor-text-style": "bold"},
    ),
    Theme(
        name="llmcmp-light",
        primary="#0072B2",
        secondary="#33607A",
        accent="#B35900",
        foreground="#1B2329",
        background="#FBFBF9",
        surface="#F3F3EF",
        panel="#E9E9E3",
        success="#00795A",
        warning="#8F6A00",
        error="#B43C1E",
        dark=False,
        variables={"footer-key-foreground": "#B35900", "block-cursor-text-style": "bold"},
    ),
)

_ON_DARK = ("#56B4E9", "#E69F00", "#2FC49A", "#E08CBB", "#F0E442", "#F0784A", "#B7A3F5", "#C8CDD2")
_ON_LIGHT = ("#0072B2", "#C27C00", "#00835F", "#B5508B", "#7B4FA3", "#C24E00", "#6B6F00", "#444C52")
MARKS = "●■▲◆▼★✚✖"


def series(number: int, dark: bool) -> str:
    """The colour of the n-th model."""
    colours = _ON_DARK if dark else _ON_LIGHT
    return colours[number % len(colours)]


def mark(number: int) -> str:
    """The sign of the n-th model: two models never differ by colour alone."""
    return MARKS[number % len(MARKS)]


# What only computing has: lighter shades of the component that it belongs to.
_SHADES = {
    "attention_scores": "#6FCFAE",
    "cross_attention_scores": "#A9D9F4",
    "scan": "#F7F0A0",
    "convolution": "#C9BC6A",
}


def component(key: str, dark: bool) -> str:
    """The colour of a component, by the key of its column in parameters or in FLOPs."""
    name = key.removesuffix("_flops").removesuffix("_parameters")
    chosen = _SHADES.get(name) or colour(name)
    # What is nearly black does not show on a dark ground.
    return "#E8E8E8" if dark and max(bytes.fromhex(chosen[1:])) < 0x40 else chosen
