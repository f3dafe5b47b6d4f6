"""A file of the Hub, read by ranges of bytes: what is not asked for is not fetched.

A server that knows no ranges would send the whole file; nothing is read from it. Replies that fail, stop short or come
too slowly are asked for again, a few times.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from llmcmp.errors import HubError, WeightFileError
from llmcmp.sources.weights.blob import cut_short

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_PIECE = 2**17  # most headers of shards are shorter
ATTEMPTS = 4
PAUSES = (0.5, 1.0, 2.0)  # seconds between attempts
TIMEOUT, LONGEST = 10.0, 60.0  # seconds without a byte, and for one range
AGAIN = {408, 429, 500, 502, 503, 504}


class RemoteBlob:
    """One file at one revision. Its beginning is kept: headers are read in a few steps."""

    def __init__(self, repo: str, revision: str, name: str, size: int | None) -> None:
        from huggingface_hub import hf_hub_url

        self.name, self.repo = name, repo
        self.url = hf_hub_url(repo, name, revision=revision)
        self.size = self._asked_size() if size is None else size
        self._first = b""

    def _asked_size(self) -> int:
        from huggingface_hub import get_hf_file_metadata  # pyright: ignore[reportUnknownVariableType]

        size = get_hf_file_metadata(self.url, timeout=TIMEOUT).size
        if size is None:
            raise HubError(f"{self.repo}: the Hub does not say how long {self.name} is")
        return size

    def read(self, start: int, length: int) -> bytes:
        """Bytes from `start` on. Raises WeightFileError, HubError."""
        if start + length > self.size:
            raise cut_short(self.name, start + length, self.size)
        if not self._first and start < FIRST_PIECE and self.size:
            self._first = self._fetched(0, min(FIRST_PIECE, self.size))
        if start + length <= len(self._first):
            return self._first[start : start + length]
        return self._fetched(start, length)

    def _fetched(self, start: int, length: int) -> bytes:
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(PAUSES[min(attempt, len(PAUSES)) - 1])
            found, why = self._attempt(start, length)
            if len(found) == length:
                return found
        raise HubError(f"{self.repo}: {self.name} cannot be read: {why} ({ATTEMPTS} attempts); try again later")

    def _attempt(self, start: int, length: int) -> tuple[bytes, str]:
        """What one request brings, and what was wrong with it."""
        from huggingface_hub import errors
        from huggingface_hub.utils import (
            build_hf_headers,  # pyright: ignore[reportUnknownVariableType]
            get_session,
            hf_raise_for_status,
        )

        headers = {**build_hf_headers(), "Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        network: Any = errors.HfHubHTTPError.__mro__[1]  # of the library that the Hub's requests go through
        try:
            session: Any = get_session()
            with session.stream("GET", self.url, headers=headers, timeout=TIMEOUT, follow_redirects=True) as reply:
                if reply.status_code in AGAIN:
                    return b"", f"the server answered {reply.status_code}"
                if reply.status_code >= 400:
                    reply.read()
                hf_raise_for_status(reply)
                if reply.status_code != 206 and (start or length < self.size):
                    raise WeightFileError(f"{self.repo}: {self.name}: its server sends no ranges, only whole files")
                return _taken(reply.iter_bytes(), length)
        except errors.HfHubHTTPError:
            raise
        except network as error:
            return b"", type(error).__name__


def _taken(pieces: Iterator[bytes], length: int) -> tuple[bytes, str]:
    """As many bytes as were asked for, or why there are fewer."""
    began, held = monotonic(), bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= length:
            return bytes(held[:length]), ""
        if monotonic() - began > LONGEST:
            return bytes(held), f"{len(held):,} of {length:,} bytes came in {LONGEST:.0f} seconds"
    return bytes(held), f"the reply stopped after {len(held):,} of {length:,} bytes"
