"""The recurrence in the middle of a state-space or linear mixer: its state, and the scan over it.

Its state has one size at any length of text, and is kept in fp32 whatever the dtype of the rest: it is added to at
every token, and in fewer bits small additions are lost.
"""

from __future__ import annotations

from typing import Literal

from llmcmp.dims import lesser
from llmcmp.frozen import frozen
from llmcmp.ops import Run, Scan, State
from llmcmp.spans import Fixed

DTYPE = "fp32"


@frozen
class Recurrence:
    """A state of `heads` matrices of key_dim x value_dim, `products` of it a token (ops.Scan).

    `inputs`: elements that a token brings to the scan.
    """

    heads: int
    key_dim: int
    value_dim: int
    products: Literal[2, 3]
    inputs: int

    @property
    def width(self) -> int:
        """Elements of the state of one sequence."""
        return self.heads * self.key_dim * self.value_dim

    def scan(self, run: Run) -> Scan:
        """The scan over the tokens of a run; a sequence that has a past brings its state."""
        return Scan(
            name="scan",
            part="scan",
            rows=run.rows,
            heads=self.heads,
            key_dim=self.key_dim,
            value_dim=self.value_dim,
            products=self.products,
            inputs=self.inputs,
            cached=run.batch * lesser(run.past, 1) * lesser(run.new, 1) * self.width,
            stored=run.batch * lesser(run.new, 1) * self.width,
            dtype=DTYPE,
        )

    def state(self) -> State:
        """What is kept between tokens."""
        return State(name="recurrent state", width=self.width, span=Fixed(), dtype=DTYPE)
