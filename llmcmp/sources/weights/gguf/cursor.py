"""A place in a file that moves on as values are read, with a little of the file behind it in memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from llmcmp.errors import WeightFileError
from llmcmp.sources.weights.blob import cut_short

if TYPE_CHECKING:
    from llmcmp.sources.weights.blob import Blob

LARGEST_HEADER = 256 * 2**20  # tokenizers of a quarter of a million words take some ten MiB
FIRST_PIECE, LARGEST_PIECE = 2**18, 2**22


class Cursor:
    """Reads on from the start of a blob, in pieces that grow. `long`: how counts are written, 32 bits in version 1."""

    def __init__(self, blob: Blob) -> None:
        self.blob, self.at = blob, 0
        self.order: Literal["<", ">"] = "<"
        self.long = "Q"
        self._held, self._start, self._piece = b"", 0, FIRST_PIECE

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self.ahead(count)
        begin = self.at - self._start
        self.at += count
        return self._held[begin : begin + count]

    def skip(self, count: int) -> None:
        """Move on over bytes that nobody wants."""
        self._check(self.at + count)
        self.at += count

    def number(self, kind: str) -> int | float:
        """The next number, of a format of `struct`."""
        return struct.unpack(self.order + kind, self.take(struct.calcsize("=" + kind)))[0]

    def whole(self, kind: str) -> int:
        """The next whole number."""
        return int(self.number(kind))

    def count(self) -> int:
        """The next count or length."""
        return self.whole(self.long)

    def skip_texts(self, count: int) -> None:
        """Move on over so many texts, each behind its length."""
        form = struct.Struct(self.order + self.long)
        width, unpack = form.size, form.unpack_from
        while count:
            self.ahead(width)
            held, place = self._held, self.at - self._start
            last = len(held) - width
            while count and place <= last:  # within what is held: a vocabulary has a quarter of a million words
                place += width + unpack(held, place)[0]
                count -= 1
            self.at = self._start + place
            self._check(self.at)

    def ahead(self, count: int) -> None:
        """Hold at least the next `count` bytes."""
        self._check(self.at + count)
        end = self._start + len(self._held)
        if self._start <= self.at and self.at + count <= end:
            return
        kept = self._held[self.at - self._start :] if self._start <= self.at < end else b""
        begin = self.at + len(kept)
        wanted = max(count - len(kept), min(self._piece, self.blob.size - begin))
        self._held, self._start = kept + self.blob.read(begin, wanted), self.at
        self._piece = min(2 * self._piece, LARGEST_PIECE)

    def _check(self, end: int) -> None:
        if end > self.blob.size:
            raise cut_short(self.blob.name, end, self.blob.size)
        if end > LARGEST_HEADER:
            limit = LARGEST_HEADER // 2**20
            raise WeightFileError(f"{self.blob.name}: its header would be longer than {limit} MiB, which none is")
