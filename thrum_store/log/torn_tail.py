"""Tells a torn tail, which nobody was promised, from acknowledged lines that have rotted.

A crash leaves a beginning without an end; a power cut leaves holes of NULs as well. A line that was written whole
begins and ends as an event does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .events import own_hash

ENDING = rb'"t":(-?[0-9]+),"v":[0-9]+,"y":"([a-z._]+)"}'  # of an event's line: its time and its type
_ENDING_LIMIT = 96  # bytes
_ends = re.compile(ENDING + b"$").search


def was_whole(rest: bytes, agent: str) -> bool:
    """Return whether the unreadable `rest` of a segment holds a line that was written whole, one flipped bit aside."""
    *lines, unended = rest.split(b"\n")
    begin = b'{"a":"%b","d":{' % agent.encode()
    if any(own_hash(line) or _resembles_event(line, begin) for line in lines):
        return True
    return unended[-1:] != b"\0" and bool(own_hash(unended[:-1]))  # the newline itself has rotted


def _resembles_event(line: bytes, begin: bytes) -> bool:
    if b"\0\0" in line:
        return False
    tail = line[-_ENDING_LIMIT:]
    return bool(_ends(tail)) or (line.startswith(begin) and any(map(_ends, _flipped(tail))))


def _flipped(data: bytes) -> Iterator[bytes]:
    """Yield `data` with each of its bits flipped in turn."""
    for at, byte in enumerate(data):
        for bit in range(8):
            yield b"%b%c%b" % (data[:at], byte ^ (1 << bit), data[at + 1 :])
