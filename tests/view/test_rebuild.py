"""A rebuilt view: the order of the times as far as each log's own order allows, and nothing of what was lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

from thrum_store.log.segments import Shard
from thrum_store.repository.paths import Paths
from thrum_store.store import Store

from .conftest import OWN, Writer, mailbox


def test_a_rebuilt_inbox_keeps_the_order_of_the_times(opened: Store, writer: Writer) -> None:
    for agent in ("alice", "bob", "carl"):
        writer.register(agent)
    for ms, agent in enumerate(("bob", "alice", "bob", "alice", "alice", "bob"), 10):
        writer.send(agent, ms, "carl", f"{agent} {ms}")
    opened.catch_up()
    assert mailbox(opened, "carl") != sorted(mailbox(opened, "carl"), key=lambda text: text.split()[1])
    opened.rebuild()
    assert mailbox(opened, "carl") == ["bob 10", "alice 11", "bob 12", "alice 13", "alice 14", "bob 15"]


def test_a_log_whose_clock_went_back_keeps_its_own_order(opened: Store, writer: Writer) -> None:
    for agent in ("alice", "bob"):
        writer.register(agent)
    for ms in (30, 10, 40):
        writer.send("alice", ms, "carl", f"alice {ms}")
    for ms in (20, 35):
        writer.send("bob", ms, "carl", f"bob {ms}")
    opened.rebuild()
    assert mailbox(opened, "carl") == ["bob 20", "alice 30", "alice 10", "bob 35", "alice 40"]


def test_progress_is_reported(opened: Store, writer: Writer) -> None:
    for number in range(2100):
        writer.append("alice", number, "message.read", {"messages": []})
    reported: list[int] = []
    opened.rebuild(reported.append)
    assert reported == [1000, 2000]


def test_an_own_log_that_ends_before_what_was_published_is_frozen(opened: Store, writer: Writer, paths: Paths) -> None:
    writer.register("alice")
    os.makedirs(os.path.join(paths.logs, OWN), exist_ok=True)
    Path(paths.logs, OWN, "heads.json").write_text(json.dumps({"shards": {"alice": [1, 2, "f" * 32]}}))
    opened.rebuild()
    head, frozen = opened.head(Shard(OWN, "alice"))
    assert head.seq == 1
    assert frozen == "events up to 2 were published, and it ends with event 1"


def test_the_statistics_of_the_segments_are_the_same_live_and_rebuilt(opened: Store, writer: Writer) -> None:
    sql = (
        "SELECT id, segment, seq, events, messages, bytes, latest_ms FROM segments UNION ALL"
        " SELECT id, segment, seq, events, messages, bytes, latest_ms FROM shards ORDER BY 1, 2"
    )
    for ms in range(30):
        writer.send("alice", ms, "bob", "x" * 5000)
        opened.catch_up()
    live = opened.view.execute(sql).fetchall()
    assert sum(row[3] for row in live) == 30
    opened.rebuild()
    assert opened.view.execute(sql).fetchall() == live
