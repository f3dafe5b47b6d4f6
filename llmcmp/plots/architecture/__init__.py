"""Drawn architectures: a scene is composed from a Model, laid out in points, and painted.

`architecture` draws one model, `difference` two side by side with what differs marked.
"""

from llmcmp.plots.architecture.draw import architecture, difference

__all__ = ["architecture", "difference"]
