"""A view of a million messages for a hundred agents: rebuilt, opened, read; floor: parsing and inserting by hand."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice

import orjson

from thrum_store.identity import Caller
from thrum_store.log.events import Draft, Place, encode, encode_header
from thrum_store.log.segments import SEGMENT_LIMIT, EventLog, Shard, ShardPosition
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.service.messages import inbox as mailboxes
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.store import Store, open_store
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import own

from .measuring import Row, repository, shown, times

AGENTS = 100
MESSAGES = int(os.environ.get("THRUM_BENCH_MESSAGES", "1000000"))
_TEXT = "The auth module is ready for review; the tests are green and the branch is pushed."


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with repository(AGENTS) as (paths, callers):
        write_logs(paths, MESSAGES)
        floor = _parse_and_insert(paths)
        os.unlink(os.path.join(paths.var, VIEW_POINTER))  # so that opening rebuilds, and does not catch up
        start = time.perf_counter()
        with open_store(paths):
            rate = MESSAGES / (time.perf_counter() - start)
            yield Row(
                f"rebuild of {MESSAGES:,} events", f"{rate:,.0f}/s", f"{floor:,.0f}/s orjson + two inserts",
                floor / rate, "≥ 30,000/s",
            )  # fmt: skip
        opening = times(lambda: open_store(paths).close(), 50)
        with open_store(paths) as store:
            path = store.generation
        bare = times(lambda: _bare_open(path), 50)
        yield Row("open a store", shown(opening), f"{shown(bare)} sqlite3.connect", opening[25] / bare[25], "< 3 ms")
        with open_store(paths) as store:
            yield from _pages(store, callers[7])


def _pages(store: Store, caller: Caller) -> Iterator[Row]:
    agent = own(store.view, caller.name)
    assert agent is not None
    now = REAL.clock.wall_ms()
    unread = times(lambda: lookup.unread(store.view, agent.id, 10, now), 300)
    yield Row("unread page of 10", shown(unread), promise="< 1 ms")
    inbox = times(lambda: mailboxes.inbox(store, caller, ReadInbox()), 100)
    yield Row("inbox page of 10, with counts", shown(inbox))
    unread_inbox = times(lambda: mailboxes.inbox(store, caller, ReadInbox(unread=True)), 100)
    yield Row("inbox --unread page of 10, with counts", shown(unread_inbox))


def write_logs(paths: Paths, messages: int) -> int:
    """Append messages to the logs of `AGENTS` agents, as fast as files can be written: one shard after the other.

    Each agent says one in every millisecond from now on. Returns the time of the middle.
    """
    start = REAL.clock.wall_ms()
    log = EventLog(paths.logs, REAL.storage)
    with open_store(paths) as store:
        shards = [Shard(store.own, f"a{number}") for number in range(AGENTS)]
        heads = [store.head(shard)[0] for shard in shards]
    for number, (shard, head) in enumerate(zip(shards, heads, strict=True)):
        _write_shard(log, shard, head, number, messages // AGENTS, start)
    return start + messages // AGENTS // 2


def _write_shard(log: EventLog, shard: Shard, head: ShardPosition, number: int, messages: int, start: int) -> None:
    with open(log.segment(shard, 1), "ab") as file:
        out = file
        segment, offset, seq, before = head
        for index in range(messages):
            if offset >= SEGMENT_LIMIT:
                out.close()
                line = encode_header(Place(*shard, seq + 1, before), segment + 1, offset)
                segment, offset = segment + 1, len(line)
                out = open(log.segment(shard, segment), "wb")  # noqa: SIM115 - closed by the next segment or below
                out.write(line)
            to = (number + 1 + index % (AGENTS - 1)) % AGENTS
            recipients = [f"a{to}"] if index % 5 else [f"a{to}", f"a{(to + 1) % AGENTS}", f"a{(to + 2) % AGENTS}"]
            data = {
                "content": _TEXT, "format": "markdown", "recipients": [r for r in recipients if r != shard.agent],
                "to": [["agent", name] for name in recipients],
            }  # fmt: skip
            line, event = encode(Draft("message.create", data), Place(*shard, seq + 1, before), start + index)
            seq, before, offset = event.seq, event.hash, offset + len(line)
            out.write(line)
        out.close()


def _parse_and_insert(paths: Paths) -> float:
    """Events a second for whoever only parses the lines and inserts message and delivery, indices last."""
    database = sqlite3.connect(os.path.join(paths.root, "floor.db"), isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;"
        "CREATE TABLE m (id TEXT UNIQUE, a TEXT, t INTEGER, c TEXT); CREATE TABLE d (r TEXT, m INTEGER);"
    )
    database.execute("BEGIN")
    start, done = time.perf_counter(), 0
    for path in _segments(paths):
        with open(path, "rb") as file:
            for line in islice(file, 1, None):
                event = orjson.loads(line)
                row = database.execute(
                    "INSERT INTO m VALUES (?, ?, ?, ?)", (event["i"], event["a"], event["t"], event["d"].get("content"))
                ).lastrowid
                for recipient in event["d"].get("recipients", ()):
                    database.execute("INSERT INTO d VALUES (?, ?)", (recipient, row))
                done += 1
    database.execute("CREATE INDEX dr ON d (r, m)")
    database.execute("COMMIT")
    database.close()
    return done / (time.perf_counter() - start)


def _segments(paths: Paths) -> Iterator[str]:
    log = EventLog(paths.logs, REAL.storage)
    for shard in log.shards():
        number = 1
        while os.path.exists(path := log.segment(shard, number)):
            yield path
            number += 1


def _bare_open(path: str) -> None:
    database = sqlite3.connect(path)
    database.execute("SELECT ingest FROM counter").fetchone()
    database.close()
