"""What a file of weights says that it holds. Shapes have outputs first, as torch stores them, whatever the format."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TENSORS = 2**18  # of all files of a model together; the largest published one has some hundred and fifty thousand


@frozen
class Tensor:
    """One tensor of a file. `bytes` are those that it takes there, scales within its format included."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    file: str

    @property
    def elements(self) -> int:
        """Elements, as the format counts them."""
        return prod(self.shape)


@frozen(eq=False)
class FileContents:
    """The headers of one model's files. `metadata` is what the files say beside their tensors."""

    where: str
    format: str
    files: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, Any]

    @property
    def elements(self) -> int:
        """Elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def bytes(self) -> int:
        """Bytes of all tensors, without headers and padding."""
        return sum(tensor.bytes for tensor in self.tensors)
