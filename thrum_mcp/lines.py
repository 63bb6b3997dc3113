"""Lines out of a stream of bytes, for the MCP server and the daemon. Part of the light front: no heavy import."""

from __future__ import annotations


class LineSplitter:
    """Splits a stream of bytes into lines. A line longer than `limit` bytes is dropped while it arrives."""

    def __init__(self, limit: int) -> None:
        self.overlong = False  # a line was longer than the limit
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0

    @property
    def unfinished(self) -> bool:
        """Return True while a line has begun and not ended."""
        return self._length > 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without newlines and without blank lines."""
        *ends, begun = data.split(b"\n")
        lines = [self._finished(end) for end in ends]
        self._add(begun)
        return [line for line in lines if line.strip()]

    def rest(self) -> list[bytes]:
        """Return the last line of a stream that ended without a newline."""
        return self.feed(b"\n")

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._limit:
            self.overlong = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _finished(self, end: bytes) -> bytes:
        self._add(end)
        line = b"".join(self._parts)
        self._parts, self._length = [], 0
        return line
