"""The torn tail of a log: told from acknowledged lines that have rotted, and repaired.

A crash leaves a beginning without an end; a power cut leaves holes of NULs as well. A line that was written whole
begins and ends as an event does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .events import fingerprint, own_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Storage

ENDING = rb'"t":(-?[0-9]+),"v":[0-9]+,"y":"([a-z._]+)"}'  # of an event's line: its time and its type
_ENDING_LIMIT = 96  # bytes
_ends = re.compile(ENDING + b"$").search


def repair(storage: Storage, path: str, whole: int, aside: str, label: str) -> None:
    """Truncate a segment to its `whole` bytes after the rest was put into the directory `aside`.

    Only under the shard's lock. `label` begins the name of the copy.
    """
    rest = storage.read(path, whole)
    storage.directory(aside)
    storage.replace(os.path.join(aside, f"{label}-{whole}-{fingerprint(rest)[:8]}"), rest)
    storage.truncate(path, whole)


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
