"""Send and check in process, alone and against other processes; floor: the same by hand."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import count

from thrum_store.identity import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import handover, sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .measuring import Row, paired, percentile, repository, shown, times

_BY_HAND = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE messages (number INTEGER PRIMARY KEY, id TEXT UNIQUE, author INTEGER, ms INTEGER, content TEXT);
CREATE TABLE deliveries (recipient INTEGER, message INTEGER, read_ms INTEGER, PRIMARY KEY (recipient, message))
  WITHOUT ROWID;
CREATE INDEX unread ON deliveries (recipient, message) WHERE read_ms IS NULL;
CREATE TABLE positions (shard INTEGER PRIMARY KEY, position INTEGER);
"""
_TEXT = "The auth module is ready for review; the tests are green and the branch is pushed. " * 2


def measure() -> Iterator[Row]:
    """The rows of this page."""
    yield from _send()
    yield from _check()
    for processes in (1, 8, 50):
        yield _writers(processes)


def _send() -> Iterator[Row]:
    with repository() as (paths, (sender, *_)), open_store(paths) as store, by_hand(paths.root) as floor:
        request = SendMessage(_TEXT, to=("@a1",))
        for _ in range(50):
            sending.send(store, sender, request)
        ours, theirs, ratio = paired(lambda: sending.send(store, sender, request), floor, 1000)
        yield Row("send, in process", shown(ours), f"{shown(theirs)} append + fdatasync + SQLite", ratio, "≤ 2.5")


def _check() -> Iterator[Row]:
    with repository() as (paths, (sender, reader)), open_store(paths) as store, by_hand(paths.root) as floor:

        def check() -> None:
            handed = handover.check(store, reader)
            assert len(handed.messages) == 1
            handover.acknowledge(store, reader, handed)

        ours: list[float] = []
        for _ in range(300):
            sending.send(store, sender, SendMessage(_TEXT, to=("@a1",)))
            ours += times(check, 1)
        theirs = times(floor, 300)
        ours.sort()
        ratio = percentile(ours, 50) / percentile(theirs, 50)
        yield Row("check and receipt of one message", shown(ours), f"{shown(theirs)} as above", ratio)
        empty = times(lambda: handover.check(store, reader), 1000)
        yield Row("check, nothing there", shown(empty))


@contextmanager
def by_hand(place: str) -> Generator[Callable[[], None]]:
    """One durable send as somebody would write it without thrum."""
    database = sqlite3.connect(os.path.join(place, "floor.db"), isolation_level=None)
    database.executescript(_BY_HAND)
    fd = os.open(os.path.join(place, "floor.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    line = (_TEXT * 3).encode()[:480] + b"\n"
    numbers = count(1)

    def send() -> None:
        number = next(numbers)
        os.write(fd, line)
        os.fdatasync(fd)
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO messages VALUES (?, ?, 1, 2, ?)", (number, f"msg_{number:026}", _TEXT))
        database.execute("INSERT INTO deliveries VALUES (2, ?, NULL)", (number,))
        database.execute("INSERT OR REPLACE INTO positions VALUES (1, ?)", (number * 481,))
        database.execute("COMMIT")

    try:
        yield send
    finally:
        os.close(fd)
        database.close()


def _writers(processes: int) -> Row:
    sends = max(20, 400 // processes)
    with repository(processes + 1) as (paths, callers):
        command = [sys.executable, "-m", "benchmarks.storing", paths.root, str(sends)]
        children = [
            subprocess.Popen([*command, caller.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for caller in callers[:processes]
        ]
        for child in children:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
        start = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.close()
        taken = sorted(float(line) for child in children for line in child.stdout or ())
        rate = processes * sends / (time.perf_counter() - start)
        for child in children:
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
    promise = "≥ 1,500/s, p99 ≤ 250 ms" if processes == 50 else ""
    return Row(f"send, {processes} processes without pause", f"{rate:,.0f}/s, {shown(taken)}", promise=promise)


def _child(paths: Paths, caller: Caller, sends: int) -> None:
    with open_store(paths) as store:
        request = SendMessage(_TEXT, to=("@a0",) if caller.name != "a0" else ("@a1",))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        taken = times(lambda: sending.send(store, caller, request), sends)
    sys.stdout.write("".join(f"{milliseconds}\n" for milliseconds in taken))


if __name__ == "__main__":
    from thrum_store.repository.paths import initialized

    where = initialized(sys.argv[1])
    _child(where, Caller(sys.argv[3], worktree=where.worktree), int(sys.argv[2]))
