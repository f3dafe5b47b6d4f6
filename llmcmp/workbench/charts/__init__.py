"""Charts in characters: braille dots for curves, eighths of blocks for bars, in the theme's colours.

They are drawn here and not by a plotting library: axes in binary units, a budget line, a mark at the context that is
set and a redraw within a key press are a page of code, and no terminal plotter has the first three.
"""
